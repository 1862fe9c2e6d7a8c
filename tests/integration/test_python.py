"""The Python package, built as `pip wheel` builds it, and used in this process and in children."""

import ast
import asyncio
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import weakref

import pytest
from marks import minio_only, moto_only
from package import PYTHON, child, ends_well
from test_watch import Queue


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
@pytest.mark.parametrize("kind, use", [
    ("ls", list), ("Reader", lambda reader: reader.read("a")), ("rows", list)])
def test_another_thread_ends_what_goes_on_trying(bucket, bucketable, proxy, kind, use):
    proxy.refuse = True
    handle = getattr(bucketable, kind)(bucket.url, endpoint_url=proxy.url)
    ended = []

    def wait():
        try:
            use(handle)
        except Exception as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    with proxy.changed:
        assert proxy.changed.wait_for(lambda: proxy.requests, 30)
    handle.close()
    thread.join()
    assert isinstance(ended[0], bucketable.CanceledError)


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
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(waiting.__anext__(), 0.05)
        listed = [listed.filename async for listed in bucketable.aio.ls(bucket.url)]
        return found, one.content, counts["matched"], listed

    assert asyncio.run(all_of_it()) == (["a", "b"], "2", 2, ["a", "b"])


@moto_only
def test_asyncio_loses_no_change_to_a_timeout(bucket, server, bucketable):
    queue = Queue(server, bucket)

    async def follow():
        async with bucketable.aio.watch(bucket.url, sqs_queue_url=queue.url) as changes:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(changes.__anext__(), 0.5)
            bucket.put("a", "1")
            change = await changes.__anext__()
            change.ack()
            return change.filename

    assert asyncio.run(follow()) == "a"


@minio_only
def test_asyncio_hands_out_every_item_of_many(bucket, bucketable):
    keys = [f"{i:04}" for i in range(600)]
    bucket.put_all({key: key for key in keys})

    async def all_of_it():
        return ([row.content async for row in bucketable.aio.rows(bucket.url, in_key_order=True)],
                [listed.filename async for listed in bucketable.aio.ls(bucket.url)])

    assert asyncio.run(all_of_it()) == (keys, keys)


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
    lines = ends_well(child(package_path, server, """
import os, sys, bucketable
rows = bucketable.rows(sys.argv[1])
objects = bucketable.ls(sys.argv[1])
streamed = bucketable.rows(sys.argv[1])
stream = streamed.__arrow_c_stream__()
next(rows), next(objects)
pid = os.fork()
if pid == 0:
    for take in rows.__next__, objects._handle.objects:
        try:
            take()
        except RuntimeError as error:
            print(error, flush=True)
    rows.close(), objects.close()
    del rows, objects, stream, streamed
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
print(1 + len(list(rows)), 1 + len(list(objects)))
""", bucket.url)).splitlines()
    assert all("fork()" in line for line in lines[:2]) and lines[2] == "10 10"


@minio_only
@pytest.mark.parametrize("ends", ["pass", "raise SystemExit(0)", "sys.stdout.flush(); os._exit(0)"])
def test_the_interpreter_may_end_at_any_time(bucket, server, package_path, ends):
    bucket.put_all({f"{i}": "x" for i in range(10)})
    process = child(package_path, server, f"""
import os, sys, threading, bucketable
rows = bucketable.rows(sys.argv[1])
next(rows)
objects = bucketable.ls(sys.argv[1])
next(objects)
streamed = bucketable.rows(sys.argv[1])
stream = streamed.__arrow_c_stream__()
waiting = bucketable.watch(sys.argv[1], refresh_interval="1d")
while waiting.next(timeout=1):
    pass
threading.Thread(target=lambda: waiting.next(), daemon=True).start()
{ends}
""", bucket.url)
    ends_well(process)


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


@minio_only
def test_control_c_ends_a_read_and_a_listing(bucket, server, proxy, package_path):
    bucket.put("a", "1")
    proxy.refuse = True  # so that both go on trying
    for call in ("bucketable.read(bucket, 'a', endpoint_url=proxy)",
                 "list(bucketable.ls(bucket, endpoint_url=proxy))"):
        process = child(package_path, server, f"""
import sys, bucketable
_, bucket, proxy = sys.argv
try:
    print("waiting", flush=True)
    {call}
except KeyboardInterrupt:
    print("interrupted")
""", bucket.url, proxy.url)
        assert process.stdout.readline() == "waiting\n"
        with proxy.changed:
            assert proxy.changed.wait_for(lambda: proxy.requests, 30)
        proxy.forget()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
        assert stdout == "interrupted\n", stderr


@minio_only
def test_a_listing(bucket, bucketable):
    bucket.put_all({f"docs/{i:04}": "x" * (i % 3) for i in range(520)})
    bucket.put("docs/", "")
    with bucketable.ls(bucket.url + "/docs/", excluded_patterns=["**/0003"]) as listing:
        found = list(listing)
        assert list(listing) == []
    assert [listed.filename for listed in found] == [
        f"docs/{i:04}" for i in range(520) if i != 3]
    shown = {item["Key"]: item for item in bucket.listing()}
    for listed in found[:5]:
        assert listed.size == shown[listed.filename]["Size"]
        assert '"%s"' % listed.etag == shown[listed.filename]["ETag"]
        assert abs(listed.last_modified - shown[listed.filename]["LastModified"]).seconds == 0
    with pytest.raises(bucketable.ServerError) as failed:
        list(bucketable.ls("s3://there-is-none"))
    assert failed.value.http_status == 404
    dropped = bucketable.ls(bucket.url)
    next(dropped)
    del dropped


@minio_only
def test_a_reader_reads_many(bucket, bucketable):
    bucket.put_all({f"{i}": f"{i}" for i in range(20)})
    with bucketable.Reader(bucket.url, columns=["size"]) as reader:
        for i in range(20):
            row = reader.read(f"{i}")
            assert row.content == f"{i}" and row.columns == {"size": len(f"{i}")}
        with pytest.raises(bucketable.NoRowError):
            reader.read("never")
        assert reader.read("7").content == "7"
    with pytest.raises(RuntimeError, match="closed"):
        reader.read("7")


@minio_only
def test_keys_of_any_bytes(bucket, bucketable):
    keys = ["a b", "ä/ö", "a\nb", "%2f", "+"]
    bucket.put_all({key: key for key in keys})
    assert {row.filename: row.content for row in bucketable.rows(bucket.url)} == {
        key: key for key in keys}
    for key in keys:
        assert bucketable.read(bucket.url, key).content == key
    with pytest.raises(bucketable.Error, match=r"\\xff\\xfe"):
        bucketable.read(bucket.url, b"\xff\xfe".decode("utf-8", "surrogateescape"))


@minio_only
@pytest.mark.parametrize("call, error", [
    ("rows(b's3://b')", TypeError), ("rows('s3://b', prefix=b'x')", TypeError),
    ("rows('s3://b', prefix='a\\0b')", ValueError), ("rows('s3://b', columns=[None])", TypeError),
    ("rows('s3://b', prefix=['x'])", ValueError), ("rows('b')", ValueError),
    ("rows('s3://b', failed=3)", TypeError), ("watch('s3://b', error=None)", TypeError),
    ("watch('s3://b', group_max='x')", TypeError), ("watch('s3://b', group_max=2**70)", OverflowError),
    ("read('s3://b', 3)", TypeError), ("read('s3://b', 'x', max_file_size=-1)", ValueError),
    ("sync('s3://b', 3.5)", TypeError), ("sync('s3://b', None)", ValueError),
    ("ls('s3://b', list_concurrency=0)", ValueError), ("rows()", TypeError),
    ("_bkt.Handle().next(None, print)", RuntimeError), ("_bkt.Source().objects()", RuntimeError),
    ("_bkt.Source().read('x')", TypeError), ("_bkt.open_rows(3, 0)", TypeError),
    ("_bkt.open_rows([3], 0)", TypeError), ("_bkt.open_rows([('s3', 'x')], 0)", TypeError),
    ("_bkt.Handle().stream((), 0, print)", RuntimeError), ("_bkt.Handle().close(1)", TypeError),
    ("_bkt.arrow_schema(3, 0)", TypeError), ("_bkt.arrow_schema([b'x'], 0)", TypeError)])
def test_wrong_use_is_an_error(bucketable, call, error):
    with pytest.raises(error):
        eval(f"bucketable.{call}", {"bucketable": bucketable})


@minio_only
def test_what_a_callback_raises_comes_out(bucket, bucketable, tmp_path):
    bucket.put_all({"bad": b"\x80", "good": "1"})

    def refuse(key, reason):
        raise ZeroDivisionError(key)

    rows = bucketable.rows(bucket.url, text_errors="strict", failed=refuse)
    with pytest.raises(ZeroDivisionError, match="bad"):
        while next(rows):
            pass
    rows.close()
    with pytest.raises(ZeroDivisionError, match="bad"):
        bucketable.sync(bucket.url, tmp_path / "docs.db", text_errors="strict", failed=refuse)


@minio_only
def test_what_a_callback_raises_loses_no_row(bucket, bucketable):
    bucket.put_all({**{f"bad{i:02}": b"\x80" for i in range(40)},
                    **{f"good{i:02}": "1" for i in range(40)}})

    def refuse(key, reason):
        raise ZeroDivisionError(key)

    for in_key_order in (False, True):
        rows = bucketable.rows(bucket.url, text_errors="strict", failed=refuse,
                               in_key_order=in_key_order)
        found, raised = [], 0
        while True:
            try:
                row = next(rows, None)
            except ZeroDivisionError:
                raised += 1
                continue
            if row is None:
                break
            found.append(row.filename)
        assert sorted(found) == [f"good{i:02}" for i in range(40)] and raised == 40


@minio_only
def test_bytes_that_are_no_text_are_an_error_of_their_own(bucket, bucketable):
    bucket.put("bad", b"\x80")
    with pytest.raises(bucketable.TextError, match="not valid UTF-8") as found:
        bucketable.read(bucket.url, "bad", text_errors="strict")
    assert isinstance(found.value, bucketable.NoRowError) and found.value.name == "ETEXT"
    with pytest.raises(bucketable.NoRowError, match="no such object") as found:
        bucketable.read(bucket.url, "never", text_errors="strict")
    assert found.value.name == "ENOROW"


def closed(handle):
    handle.close()
    handle.close()
    return handle


@minio_only
@pytest.mark.parametrize("make, methods", [
    ("rows", {"__next__": (), "_at_hand": ()}),
    ("ls", {"__next__": ()}),
    ("Reader", {"read": ("a",)}),
    ("watch", {"__next__": (), "next": (0,)}),
])
def test_a_closed_object_says_so(bucket, bucketable, make, methods):
    bucket.put_all({key: "1" for key in "abc"})
    options = {"refresh_interval": "1d"} if make == "watch" else {}
    handle = closed(getattr(bucketable, make)(bucket.url, **options))
    public = {name for name in dir(handle) if not name.startswith("_")} - {"close"}
    assert public <= set(methods), "each is tried here"
    for name, arguments in methods.items():
        with pytest.raises(RuntimeError, match="closed"):
            getattr(handle, name)(*arguments)
    with handle as again:  # close() is all that it does
        assert again is handle
    # In the middle, and at the end.
    for take in ([next], [list]) if make in ("rows", "ls") else []:
        handle = getattr(bucketable, make)(bucket.url)
        for step in take:
            step(handle)
        handle.close()
        if take == [next]:
            with pytest.raises(RuntimeError, match="closed"):
                next(handle)
        else:
            assert next(handle, None) is None, "an iterator that has ended stays so"


@minio_only
def test_a_closed_stream_and_a_late_acknowledgment_say_so(bucket, bucketable):
    bucket.put("a", "1")
    rows = closed(bucketable.rows(bucket.url))
    with pytest.raises(RuntimeError, match="closed"):
        rows.__arrow_c_stream__()
    changes = bucketable.watch(bucket.url, refresh_interval="1d")
    change = next(changes)
    closed(changes)
    with pytest.raises(RuntimeError, match="closed"):
        change.ack()


@minio_only
def test_a_closed_asyncio_walk_says_so(bucket, bucketable):
    bucket.put_all({key: "1" for key in "abc"})

    async def use(make, **options):
        walk = make(bucket.url, **options)
        await walk.__anext__()
        await walk.aclose()
        await walk.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await walk.__anext__()
        unused = make(bucket.url, **options)
        await unused.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await unused.__anext__()

    for make, options in ((bucketable.aio.rows, {}), (bucketable.aio.ls, {}),
                          (bucketable.aio.watch, {"refresh_interval": "1d"})):
        asyncio.run(use(make, **options))


@minio_only
def test_a_cycle_through_a_callback_is_collected(bucket, bucketable):
    def open_and_forget():
        rows = bucketable.rows(bucket.url, failed=lambda key, reason: rows.close())
        return weakref.ref(rows)

    forgotten = open_and_forget()
    gc.collect()
    assert forgotten() is None


@minio_only
def test_threads_on_one_handle_get_each_row_once_or_are_refused(bucket, bucketable):
    bucket.put_all({f"{i}": "x" for i in range(300)})
    rows = bucketable.rows(bucket.url)
    found, refused, failed = [], [], []

    def take():
        while True:
            try:
                row = next(rows, None)
            except RuntimeError as error:
                refused.append(str(error))
                if "closed" in str(error):
                    return
            except Exception as error:
                failed.append(error)
                return
            else:
                if row is None:
                    return
                found.append(row.filename)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and sorted(found) == sorted(f"{i}" for i in range(300))


class Enough(Exception):
    """Ends the loop of the manual that has no end."""


class Index:
    def __init__(self):
        self.found = {}

    def put(self, filename, content):
        self.found[filename] = content
        if len(self.found) == 2:
            raise Enough


@moto_only
def test_the_manual_runs(bucket, server, bucketable, tmp_path, monkeypatch, capsys):
    manual = (PYTHON.parent / "docs/python.md").read_text()
    code = manual.partition("```python\n")[2].partition("```")[0].replace("my-docs", bucket.name)
    bucket.put_all({"docs/a.md": "one", "docs/b.txt": "no"})
    monkeypatch.chdir(tmp_path)
    index = Index()
    names = {"url": Queue(server, bucket).url, "index": index}
    for statement in ast.parse(code).body:
        run = compile(ast.Module([statement], []), "python.md", "exec")
        if isinstance(statement, ast.With):
            with pytest.raises(Enough):
                exec(run, names)
        else:
            exec(run, names)
    assert index.found == {"docs/a.md": "one", "docs/b.txt": "no"}
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("docs/a.md 3 ") and printed[1:] == ["one", "2"]
    assert (tmp_path / "docs.db").exists()


@moto_only
def test_the_readme_runs(bucket, bucketable, tmp_path, monkeypatch, capsys):
    readme = (PYTHON.parent / "README.md").read_text()
    code = readme.partition("```python\n")[2].partition("```")[0].replace("my-docs", bucket.name)
    bucket.put_all({"docs/a.md": "one", "docs/b.txt": "no"})
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == ["docs/a.md 3", "2"]


@minio_only
def test_the_package_is_typed(bucketable, package_path, tmp_path):
    pytest.importorskip("mypy")
    pytest.importorskip("cocoindex")  # or its types are not known
    use = tmp_path / "use.py"
    use.write_text("""
import bucketable
import bucketable.aio

for row in bucketable.rows("s3://b", included_patterns=["*.md"], max_file_size=3, binary=True):
    name: str = row.filename
with bucketable.watch("s3://b", sqs_queue_url="x") as changes:
    for change in changes:
        change.ack()
counts: dict[str, int | float] = bucketable.sync("s3://b", "docs.db")
async def follow() -> None:
    async for listed in bucketable.aio.ls("s3://b"):
        size: int = listed.size
""")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={tmp_path}", use,
         PYTHON / "bucketable"], capture_output=True, text=True,
        env={**os.environ, "MYPYPATH": str(PYTHON)})
    assert checked.returncode == 0, checked.stdout
