"""The Python package, built as `pip wheel` builds it, and used in this process and in children."""

import asyncio
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from marks import minio_only, moto_only
from test_watch import Queue

PYTHON = Path(__file__).resolve().parent.parent.parent / "python"
BUILD = Path(os.environ["BUCKETABLE_PLAIN"]).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def package_path(tmp_path_factory):
    pytest.importorskip("setuptools")
    directory = tmp_path_factory.mktemp("python")
    shutil.copytree(PYTHON / "bucketable", directory / "source/python/bucketable")
    shutil.copytree(PYTHON.parent / "include", directory / "source/include")
    shutil.copy(PYTHON / "setup.py", directory / "source/python")
    built = subprocess.run(
        [sys.executable, "setup.py", "-q", "build", "--build-lib", directory / "lib"],
        cwd=directory / "source/python", env={**os.environ, "BUCKETABLE_BUILD": str(BUILD)},
        capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return directory / "lib"


@pytest.fixture
def bucketable(package_path, server, monkeypatch):
    monkeypatch.syspath_prepend(package_path)
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    import bucketable
    import bucketable.aio
    return bucketable


def environment(server):
    return {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key,
            "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": server.url,
            "AWS_EC2_METADATA_DISABLED": "true"}


def child(package_path, server, code, *arguments, **how):
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, **environment(server), "PYTHONPATH": str(package_path)}, **how)


def test_rows(bucket, bucketable):
    bucket.put_all({"docs/a.md": "é", "docs/b.md": b"\xef\xbb\xbfx", "docs/c.txt": "no"})
    found = {row.filename: row for row in bucketable.rows(
        bucket.url + "/docs/", included_patterns=["**/*.md"], columns=["size", "etag"])}
    assert {key: row.content for key, row in found.items()} == {"docs/a.md": "é", "docs/b.md": "x"}
    assert found["docs/b.md"].columns["size"] == 4
    assert len(found["docs/a.md"].columns["etag"]) == 32
    ordered = bucketable.rows(bucket.url, in_key_order=True, binary=True)
    assert [(r.filename, r.content) for r in ordered] == [
        ("docs/a.md", "é".encode()), ("docs/b.md", b"\xef\xbb\xbfx"), ("docs/c.txt", b"no")]


@minio_only
def test_what_cannot_be_a_row_is_told(bucket, bucketable):
    bucket.put_all({"bad": b"\x80", "good": "1"})
    for in_key_order in (False, True):
        told = []
        found = bucketable.rows(bucket.url, text_errors="strict", in_key_order=in_key_order,
                                failed=lambda key, reason: told.append((key, reason)))
        assert [row.filename for row in found] == ["good"]
        assert [key for key, _ in told] == ["bad"] and "UTF-8" in told[0][1]


def test_read_and_sync(bucket, bucketable, tmp_path):
    bucket.put_all({"a": "1", "b": "2"})
    assert bucketable.read(bucket.url, "a").content == "1"
    with pytest.raises(bucketable.NoRowError, match="no such object") as found:
        bucketable.read(bucket.url, "never")
    assert pickle.loads(pickle.dumps(found.value)).name == "ENOROW"
    assert bucketable.sync(bucket.url, tmp_path / "docs.db")["added"] == 2


@minio_only
def test_errors_by_kind(bucket, bucketable):
    with pytest.raises(bucketable.ConfigError, match="prefix"):
        bucketable.rows(bucket.url, prefx="x")
    with pytest.raises(TypeError):
        bucketable.rows(bucket.url, binary=1.5)
    with pytest.raises(TypeError):
        bucketable.rows(None)
    with pytest.raises(bucketable.ServerError) as found:
        list(bucketable.rows("s3://there-is-none"))
    assert found.value.http_status == 404 and not found.value.retriable


@moto_only
def test_watch(bucket, server, bucketable, tmp_path):
    # No event tells of it: what a listing and an event both tell of is handed out twice.
    bucket.put("a", "1")
    queue = Queue(server, bucket)
    with bucketable.watch(bucket.url, sqs_queue_url=queue.url, state=tmp_path / "s") as changes:
        change = next(changes)
        assert (change.filename, change.content, change.deleted) == ("a", "1", False)
        change.ack()
        queue.wait_until_empty()
        bucket.put("b", "2")
        change = next(changes)
        assert change.filename == "b" and queue.left() == 1, "it is not acknowledged"
        assert changes.next(timeout=0) is None
        change.ack()
        queue.wait_until_empty()
        bucket.delete("a")
        change = next(changes)
        assert change.deleted and change.content is None and change.filename == "a"
        change.ack()
        queue.wait_until_empty()
    with pytest.raises(RuntimeError, match="closed"):
        change.ack()
    with pytest.raises(RuntimeError, match="closed"):
        next(changes)


@moto_only
def test_a_wait_ends_when_another_thread_closes(bucket, server, bucketable):
    queue = Queue(server, bucket)
    changes = bucketable.watch(bucket.url, sqs_queue_url=queue.url)
    ended = []

    def wait():
        try:
            next(changes)
        except Exception as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while True:
        try:
            changes.next(timeout=0)
        except RuntimeError as error:
            assert "another thread" in str(error)
            break
    changes.close()
    thread.join()
    assert isinstance(ended[0], bucketable.CanceledError)
    changes.close()


@minio_only
def test_asyncio(bucket, bucketable, tmp_path):
    bucket.put_all({"a": "1", "b": "2"})

    async def all_of_it():
        found = [row.filename async for row in bucketable.aio.rows(bucket.url, in_key_order=True)]
        one = await bucketable.aio.read(bucket.url, "b")
        counts = await bucketable.aio.sync(bucket.url, tmp_path / "docs.db")
        waiting = bucketable.aio.watch(bucket.url, refresh_interval="1d")
        for _ in range(2):
            (await waiting.__anext__()).ack()
        task = asyncio.create_task(waiting.__anext__())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return found, one.content, counts["matched"]

    assert asyncio.run(all_of_it()) == (["a", "b"], "2", 2)


@minio_only
def test_it_may_be_dropped_in_the_middle(bucket, bucketable):
    bucket.put_all({f"{i}": "x" for i in range(300)})
    for in_key_order in (False, True):
        rows = bucketable.rows(bucket.url, in_key_order=in_key_order)
        next(rows)
        rows.close()
        rows = bucketable.rows(bucket.url, in_key_order=in_key_order)
        next(rows)
        del rows


@minio_only
def test_a_child_leaves_the_handle_alone(bucket, server, package_path):
    bucket.put_all({f"{i}": "x" for i in range(10)})
    process = child(package_path, server, """
import os, sys, bucketable
rows = bucketable.rows(sys.argv[1])
next(rows)
pid = os.fork()
if pid == 0:
    try:
        next(rows)
    except RuntimeError as error:
        print(error, flush=True)
    del rows
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
print(1 + len(list(rows)))
""", bucket.url)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr
    lines = stdout.splitlines()
    assert "fork()" in lines[0] and lines[1] == "10"


@minio_only
@pytest.mark.parametrize("ends", ["pass", "raise SystemExit(0)", "sys.stdout.flush(); os._exit(0)"])
def test_the_interpreter_may_end_at_any_time(bucket, server, package_path, ends):
    bucket.put_all({f"{i}": "x" for i in range(10)})
    process = child(package_path, server, f"""
import os, sys, threading, bucketable
rows = bucketable.rows(sys.argv[1])
next(rows)
waiting = bucketable.watch(sys.argv[1], refresh_interval="1d")
while waiting.next(timeout=1):
    pass
threading.Thread(target=lambda: waiting.next(), daemon=True).start()
{ends}
""", bucket.url)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr


@minio_only
def test_control_c(bucket, server, package_path):
    process = child(package_path, server, """
import sys, bucketable
changes = bucketable.watch(sys.argv[1], refresh_interval="1d")
try:
    print("waiting", flush=True)
    next(changes)
except KeyboardInterrupt:
    print("interrupted")
""", bucket.url)
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert stdout == "interrupted\n", stderr
