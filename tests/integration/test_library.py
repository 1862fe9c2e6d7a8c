"""The installed library as its users meet it: the examples, built outside the tree with pkg-config."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from fake.stub import Stub
from marks import minio_only, moto_only
from program import Program
from test_watch import Queue

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ["BUCKETABLE_PLAIN"]).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Where the library, its headers and its pkg-config file are, and nothing of the tree is."""
    root = tmp_path_factory.mktemp("installed")
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root],
                   check=True)
    return root


@pytest.fixture(scope="session")
def examples(installed, tmp_path_factory):
    """name -> the program, built as the head of each example says."""
    directory = tmp_path_factory.mktemp("examples")
    config = next(installed.rglob("bucketable.pc"))
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "bucketable"], check=True, capture_output=True,
        text=True, env={**os.environ, "PKG_CONFIG_PATH": str(config.parent),
                        "PKG_CONFIG_SYSROOT_DIR": str(installed)}).stdout.split()
    programs = {}
    for source in sorted((ROOT / "docs/examples").glob("*.c")):
        shutil.copy(source, directory)
        programs[source.stem] = directory / source.stem
        subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", source.name, *flags, "-o",
                        source.stem, f"-Wl,-rpath,{config.parent.parent}"],
                       check=True, cwd=directory)
    return programs


@pytest.fixture
def example(examples, server, tmp_path):
    return lambda name: Program(examples[name], server, tmp_path)


@minio_only
def test_rows_in_key_order(bucket, example):
    bodies = {f"d/{i:04}.md": f"line {i}\nrest" for i in range(1234)}
    bucket.put_all({**bodies, "other.md": "x", "d/no.txt": "x"})
    lines = example("walk_rows")(bucket.url + "/d/", "**/*.md").stdout.decode().splitlines()
    assert lines == [f"{key}\t{len(body)}\t{body.split()[0]} {int(key[2:6])}"
                     for key, body in sorted(bodies.items())]


@minio_only
def test_what_is_no_row_does_not_end_the_walk(bucket, example):
    walk = example("walk_rows")
    bucket.put_all({"a": "1", "b": b"\xff\xfe\x00", "c": "3"})
    assert walk(bucket.url).stdout.decode().count("\n") == 3
    assert "there is no bucket" in walk("s3://there-is-none", exits=1).stderr \
        or "NoSuchBucket" in walk("s3://there-is-none", exits=1).stderr


@minio_only
def test_rows_between_two_keys(bucket, example):
    bodies = {f"d/{i:04}": f"{i}\n" for i in range(1500)}
    bucket.put_all({**bodies, "d/0700": "x" * 5000})
    lines = example("list_some")(bucket.url, "d/0698", "d/0702").stdout.decode().splitlines()
    assert lines == ["d/0698\t4\t698", "d/0699\t4\t699", "d/0700\t5000", "d/0701\t4\t701"]
    assert example("list_some")(bucket.url, "e", "f").stdout == b""


def test_an_object_that_cannot_be_read_is_named(examples, tmp_path):
    with Stub(verify_key="TESTACCESSKEY0000001:not/in/any/output/01234567890") as stub:
        for key in "abc":
            stub.put(key, key)
        stub.fault({"status": 403, "code": "AccessDenied"}, op="get", key_prefix="b")
        result = Program(examples["walk_rows"], stub, tmp_path)("s3://bucket", exits=1)
    assert "walk_rows: b: get s3://bucket/b: HTTP 403" in result.stderr
    assert result.stdout == b"a\t1\ta\nc\t1\tc\n"


def test_one_row_with_its_metadata(bucket, example):
    read = example("read_one")
    bucket.put("docs/a.md", b"\xef\xbb\xbfhello", ContentType="text/markdown")
    result = read(bucket.url, "docs/a.md")
    assert result.stdout == b"hello"
    told = dict(line.split(": ", 1) for line in result.stderr.splitlines())
    assert told["size"] == "8" and told["content_type"] == "text/markdown"
    assert len(told["etag"]) == 32 and told["last_modified"].endswith("Z")
    assert "no such object" in read(bucket.url, "never", exits=1).stderr


@minio_only
def test_a_table(bucket, example):
    bucket.put_all({"a": "1", "b": "2"})
    result = example("sync_table")(bucket.url, "docs.db")
    assert result.stdout == b"2 rows, 0 failed\n"
    assert "\rsync_table: info: list s3://" in result.stderr


class Following:
    """follow_changes, and what it writes."""

    def __init__(self, example, bucket, queue, directory):
        self.log = directory / "changes.log"
        self.process = subprocess.Popen(
            [example.path, bucket.url, directory / "rows.state", queue.url],
            env=example.env, stdout=self.log.open("ab"), stderr=subprocess.PIPE, text=True)

    def wait_until_ready(self):
        line = self.process.stderr.readline()
        assert line == "ready\n", line

    def changes(self):
        """(op, key) in order; revisions never fall for a key."""
        newest, found = {}, []
        for line in self.log.read_text().splitlines():
            op, revision, key = line.split(" ", 2)
            assert int(revision) > newest.get(key, 0)
            newest[key] = int(revision)
            found.append((op, key))
        return found

    def end(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()


@moto_only
def test_changes_and_their_acknowledgment(bucket, server, example, tmp_path):
    # No event tells of these: what a listing and an event both tell of is handed out twice.
    bucket.put_all({"a": "1", "b": "2"})
    queue = Queue(server, bucket)
    follow = example("follow_changes")
    first = Following(follow, bucket, queue, tmp_path)
    try:
        first.wait_until_ready()
        assert sorted(first.changes()) == [("+", "a"), ("+", "b")]
        queue.wait_until_empty()
        bucket.put("a", "1b")
        bucket.delete("b")
        # A message goes after its change was acknowledged: what left the queue is in the log.
        queue.wait_until_empty()
        assert set(first.changes()[2:]) == {("+", "a"), ("-", "b")}
    finally:
        first.end()
    known = len(first.changes())
    bucket.put("c", "3")
    second = Following(follow, bucket, queue, tmp_path)
    try:
        second.wait_until_ready()
        queue.wait_until_empty()
        assert set(second.changes()[known:]) == {("+", "c")}, "the state knows the rest"
    finally:
        second.end()
