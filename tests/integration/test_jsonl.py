"""The change log: what its lines say, folded by key, is the bucket."""

import base64
import json
import os
import random
import time

import pytest
from marks import minio_only

KILLS = int(os.environ.get("KILLS", "6"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)

BODIES = {"a/text.md": "héllo\n\t\"quoted\"\\", "b/nul": b"a\0b", "c/empty": "", "d/ bad": b"\xff!"}


def fold(lines):
    rows = {}
    for line in lines:
        change = json.loads(line)
        if change["op"] == "delete":
            rows.pop(change["filename"], None)
            continue
        content = change.get("content")
        rows[change["filename"]] = (
            content.encode() if content is not None else base64.b64decode(change["content_base64"]))
    return rows


def test_standard_output_is_the_whole_table_each_run(bucket, program):
    bucket.put_all(BODIES)
    for _ in range(2):
        lines = program("sync", "--binary", bucket.url, "jsonl:-").stdout.splitlines()
        assert len(lines) == len(BODIES)
        assert fold(lines) == bucket.contents()


def test_text_with_columns(bucket, program):
    bucket.put("k", "text", Metadata={"m": "1"})
    line = program("sync", bucket.url, "jsonl:-", "--columns", "etag,size,metadata").stdout
    assert line == (b'{"op":"upsert","filename":"k","content":"text",'
                    b'"etag":"1cb251ec0d568de6a929b520c4aed8d1","size":4,"metadata":{"m":"1"}}\n')


def test_a_file_grows_by_what_changed(bucket, program, tmp_path):
    log = tmp_path / "changes.jsonl"
    bucket.put_all({f"k{i}": str(i) for i in range(30)})
    program("sync", bucket.url, f"jsonl:{log}")
    assert fold(log.read_bytes().splitlines()) == bucket.contents()
    program("sync", bucket.url, f"jsonl:{log}")
    assert len(log.read_bytes().splitlines()) == 30
    bucket.put("k3", "another")
    bucket.delete("k4")
    program("sync", bucket.url, f"jsonl:{log}")
    changes = [json.loads(line) for line in log.read_bytes().splitlines()[30:]]
    assert sorted(changes, key=lambda change: change["filename"]) == [
        {"op": "upsert", "filename": "k3", "content": "another"},
        {"op": "delete", "filename": "k4"}]
    assert (tmp_path / "changes.jsonl.state").exists()


def test_standard_output_with_a_state(bucket, program, tmp_path):
    bucket.put("a", "1")
    state = tmp_path / "state"
    assert program("sync", bucket.url, "jsonl:-", "--state", state).stdout.count(b"\n") == 1
    assert program("sync", bucket.url, "jsonl:-", "--state", state).stdout == b""


@minio_only
def test_json_and_the_log_cannot_share_standard_output(bucket, program):
    error = program("sync", "--json", bucket.url, "jsonl:-", exits=2).error()
    assert "jsonl:FILE" in error


@minio_only
def test_lines_without_their_state_are_refused(bucket, program, tmp_path):
    log = tmp_path / "changes.jsonl"
    log.write_text('{"op":"delete","filename":"x"}\n')
    assert str(log) in program("sync", bucket.url, f"jsonl:{log}", exits=1).error()
    assert log.read_text() == '{"op":"delete","filename":"x"}\n'


@minio_only
def test_a_reader_that_leaves_ends_it_quietly(bucket, program):
    bucket.put_all({f"k{i}": "x" * 100000 for i in range(20)})
    process = program.start("sync", bucket.url, "jsonl:-")
    process.stdout.close()
    stderr = process.stderr.read()
    assert process.wait(60) == 1
    assert stderr == b""


@minio_only
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_one_line(bucket, program, tmp_path):
    bucket.put("a", "1")
    error = program("sync", bucket.url, "jsonl:/dev/full", "--state", tmp_path / "s", exits=1).error()
    assert "No space left on device" in error and "/dev/full" in error


@minio_only
def test_killed_at_any_moment_no_line_is_lost_or_half(bucket, program, tmp_path):
    """SEED and KILLS in the environment repeat a run or make a longer one."""
    print(f"SEED={SEED}")
    chance = random.Random(SEED)
    log = tmp_path / "changes.jsonl"
    bucket.put_all({f"k{n:02}": f"first {n} " * 5000 for n in range(40)})
    for round_no in range(KILLS):
        bucket.put_all({key: f"round {round_no}" * 5000 for key in chance.sample(bucket.keys(), 15)})
        bucket.delete(chance.choice(bucket.keys()))
        running = program.start("sync", bucket.url, f"jsonl:{log}", "--get-concurrency", "4")
        time.sleep(chance.uniform(0, 0.5))
        running.kill()
        running.communicate()
        if log.exists() and log.stat().st_size > 0:
            # As a kill in the middle of a write() leaves it.
            with log.open("ab") as file:
                file.write(b'{"op":"upsert","filename":"k0')
    program("sync", bucket.url, f"jsonl:{log}")
    assert fold(log.read_bytes().splitlines()) == bucket.contents()


@minio_only
def test_a_link_is_followed_and_status_needs_no_log(bucket, program, tmp_path):
    bucket.put("a", "1")
    log, link = tmp_path / "changes.jsonl", tmp_path / "link.jsonl"
    link.symlink_to(log)
    for _ in range(2):
        program("sync", bucket.url, f"jsonl:{link}")
        assert fold(log.read_bytes().splitlines()) == bucket.contents()
        bucket.put("b", "2")
    assert link.is_symlink()
    log.unlink()
    status = program("status", "--json", f"jsonl:{link}", "--state",
                     tmp_path / "link.jsonl.state").json()
    assert (status["source"], status["rows"]) == (bucket.url, 2)
    error = program("sync", bucket.url, f"jsonl:{tmp_path}", exits=1).error()
    assert "Is a directory" in error
