"""The change log: what its lines say, folded by key, is the bucket."""

import base64
import json
import os

import pytest
from marks import minio_only

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
