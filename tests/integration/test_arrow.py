"""Rows as an Arrow stream: by hand, as the C interfaces say, and by those who read them."""

import ctypes
import gc
import logging
import signal
import sys
import time

import pytest
from marks import minio_only, moto_only
from package import child, ends_well

POINTER = ctypes.c_void_p
CAPSULE_POINTER = ctypes.pythonapi.PyCapsule_GetPointer
CAPSULE_POINTER.restype = POINTER
CAPSULE_POINTER.argtypes = [ctypes.py_object, ctypes.c_char_p]
SUFFIX = {"u": ctypes.c_int32, "U": ctypes.c_int64, "Z": ctypes.c_int64}


class Schema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    pass


class Stream(ctypes.Structure):
    pass


Schema._fields_ = [
    ("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64), ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(Schema))), ("dictionary", POINTER),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(Schema))), ("private_data", POINTER)]
Array._fields_ = [
    ("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64), ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(POINTER)), ("children", ctypes.POINTER(ctypes.POINTER(Array))),
    ("dictionary", POINTER), ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(Array))),
    ("private_data", POINTER)]
Stream._fields_ = [
    ("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stream), ctypes.POINTER(Schema))),
    ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stream), ctypes.POINTER(Array))),
    ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(Stream))),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(Stream))), ("private_data", POINTER)]


def values(form, array):
    """Of a column, as Python's."""
    buffers = [array.buffers[i] for i in range(array.n_buffers)]
    valid = buffers[0] and ctypes.string_at(buffers[0], (array.length + 7) // 8)
    found = []
    for i in range(array.length):
        if valid and not valid[i // 8] >> (i % 8) & 1:
            found.append(None)
        elif form in SUFFIX:
            offsets = (SUFFIX[form] * (array.length + 1)).from_address(buffers[1])
            raw = ctypes.string_at(buffers[2] + offsets[i], offsets[i + 1] - offsets[i])
            found.append(raw if form == "Z" else raw.decode())
        else:
            found.append((ctypes.c_int64 * array.length).from_address(buffers[1])[i])
    assert found.count(None) == array.null_count
    return found


class Reading:
    """The stream of rows, read as a reader written in C would."""

    def __init__(self, rows):
        self.capsule = rows.__arrow_c_stream__()
        self.stream = Stream.from_address(CAPSULE_POINTER(self.capsule, b"arrow_array_stream"))
        schema = Schema()
        assert self.stream.get_schema(self.stream, schema) == 0
        assert schema.format == b"+s"
        self.fields = [(schema.children[i][0].name.decode(), schema.children[i][0].format.decode())
                       for i in range(schema.n_children)]
        schema.release(schema)
        assert not schema.release

    def batch(self):
        """{name: values}, None at the end."""
        array = Array()
        rc = self.stream.get_next(self.stream, array)
        if rc:
            raise OSError(rc, self.stream.get_last_error(self.stream).decode())
        if not array.release:
            return None
        found = {name: values(form, array.children[i][0])
                 for i, (name, form) in enumerate(self.fields)}
        assert {len(column) for column in found.values()} == {array.length}
        array.release(array)
        assert not array.release
        return found

    def batches(self):
        return iter(self.batch, None)


def by_key(batches):
    return {key: batch["content"][i] for batch in batches for i, key in enumerate(batch["filename"])}


@minio_only
def test_what_the_columns_hold(bucket, bucketable):
    bucket.put_all({"é.md": "ö", "empty": "", "z": "3"})
    rows = bucketable.rows(bucket.url, in_key_order=True,
                           columns=["size", "etag,version_id", "last_modified"])
    reading = Reading(rows)
    assert reading.fields == [("filename", "u"), ("content", "U"), ("size", "l"), ("etag", "u"),
                              ("version_id", "u"), ("last_modified", "tsu:UTC")]
    found = {}
    for batch in reading.batches():
        for name, column in batch.items():
            found.setdefault(name, []).extend(column)
    shown = {item["Key"]: item for item in bucket.listing()}
    assert found["filename"] == ["empty", "z", "é.md"] and found["content"] == ["", "3", "ö"]
    assert found["size"] == [0, 1, 2] and found["version_id"] == [None] * 3
    assert ['"%s"' % etag for etag in found["etag"]] == [
        shown[key]["ETag"] for key in found["filename"]]
    assert [us // 1000000 for us in found["last_modified"]] == [
        int(shown[key]["LastModified"].timestamp()) for key in found["filename"]]
    assert reading.batch() is None, "the end stays the end"


@minio_only
def test_bytes_and_what_no_column_can_hold(bucket, bucketable):
    bucket.put_all({"a": b"\x00\xff", "b": b""})
    reading = Reading(bucketable.rows(bucket.url, binary=True))
    assert reading.fields[1] == ("content", "Z")
    assert by_key(reading.batches()) == {"a": b"\x00\xff", "b": b""}
    assert Reading(bucketable.rows(bucket.url, text_errors="bytes")).fields[1] == ("content", "Z")


@minio_only
def test_an_empty_bucket_is_a_stream_without_batches(bucket, bucketable):
    assert list(Reading(bucketable.rows(bucket.url)).batches()) == []


@moto_only
def test_many_rows_are_many_batches(bucket, bucketable):
    keys = [f"{i:05}" for i in range(60)]
    bucket.put_all({key: key * 200000 for key in keys})
    batches = list(Reading(bucketable.rows(bucket.url, in_key_order=True)).batches())
    assert len(batches) > 2 and by_key(batches) == {key: key * 200000 for key in keys}


@minio_only
def test_objects_that_cannot_be_rows_are_told(bucket, bucketable, caplog):
    bucket.put_all({"bad": b"\x80", "good": "1"})
    told = []
    rows = bucketable.rows(bucket.url, text_errors="strict",
                           failed=lambda key, reason: told.append((key, reason)))
    assert by_key(Reading(rows).batches()) == {"good": "1"}
    wait_until(lambda: told)
    assert told[0][0] == "bad" and "UTF-8" in told[0][1]
    with caplog.at_level(logging.WARNING, "bucketable"):
        list(Reading(bucketable.rows(bucket.url, text_errors="strict")).batches())
        wait_until(lambda: caplog.messages)
    assert caplog.messages[0].startswith("bad: ")


def wait_until(is_so, timeout_s=20):
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@minio_only
def test_failures_are_told_and_stay(bucketable):
    reading = Reading(bucketable.rows("s3://there-is-none"))
    for _ in range(2):
        with pytest.raises(OSError, match="there-is-none.*404"):
            reading.batch()


@minio_only
def test_streams_may_be_dropped_at_any_time(bucket, bucketable):
    bucket.put_all({f"{i}": "x" for i in range(100)})
    rows = bucketable.rows(bucket.url)
    del rows
    rows = bucketable.rows(bucket.url)
    capsule = rows.__arrow_c_stream__()
    del capsule
    reading = Reading(bucketable.rows(bucket.url))
    reading.batch()
    reading.stream.release(reading.stream)
    assert not reading.stream.release
    del reading
    reading = Reading(bucketable.rows(bucket.url))
    reading.batch()
    del reading
    gc.collect()


@minio_only
def test_what_was_taken_before_is_not_in_the_stream(bucket, bucketable):
    bucket.put_all({f"{i}": "x" for i in range(10)})
    rows = bucketable.rows(bucket.url)
    first = next(rows).filename
    assert sorted([first, *by_key(Reading(rows).batches())]) == [f"{i}" for i in range(10)]
    with pytest.raises(RuntimeError, match="closed"):
        next(rows)
    assert len(by_key(Reading(rows).batches())) == 10, "asked again, the bucket is read again"
    closed = bucketable.rows(bucket.url)
    closed.close()
    with pytest.raises(RuntimeError, match="closed"):
        closed.__arrow_c_stream__()


@moto_only
def test_changes_are_no_stream(bucket, bucketable):
    with bucketable.watch(bucket.url, refresh_interval="1d") as changes:
        with pytest.raises(TypeError):
            changes._handle.stream((), False, print)


@minio_only
def test_pyarrow(bucket, bucketable):
    pyarrow = pytest.importorskip("pyarrow")
    bucket.put_all({f"{i}": f"{i}" for i in range(50)})
    rows = bucketable.rows(bucket.url, columns=["size", "last_modified", "version_id", "metadata"])
    found = pyarrow.table(rows)
    found.validate(full=True)
    assert found.schema.field("last_modified").type == pyarrow.timestamp("us", "UTC")
    assert dict(zip(found["filename"].to_pylist(), found["content"].to_pylist())) == {
        f"{i}": f"{i}" for i in range(50)}
    assert pyarrow.schema(rows) == found.schema
    with pytest.raises(OSError, match="404"):
        pyarrow.table(bucketable.rows("s3://there-is-none"))


@minio_only
def test_polars_pandas_and_duckdb(bucket, bucketable):
    bucket.put_all({f"{i}": "x" * i for i in range(50)})

    def open_rows():
        return bucketable.rows(bucket.url, columns=["size", "last_modified"])

    polars = pytest.importorskip("polars")
    assert polars.DataFrame(open_rows())["size"].sum() == 1225
    pandas = pytest.importorskip("pandas", minversion="3")
    assert pandas.DataFrame.from_arrow(open_rows())["size"].sum() == 1225
    duckdb = pytest.importorskip("duckdb")
    rows = open_rows()
    for _ in range(2):
        assert duckdb.sql("SELECT count(*), sum(length(content)) FROM rows").fetchall() == [
            (50, 1225)]
    assert rows


@minio_only
def test_control_c_ends_a_stream(bucket, server, proxy, package_path):
    bucket.put("a", "1")
    proxy.refuse = True  # so that it goes on trying
    process = child(package_path, server, """
import sys
sys.path.insert(0, sys.argv[3])
import bucketable, test_arrow
reading = test_arrow.Reading(bucketable.rows(sys.argv[1], endpoint_url=sys.argv[2]))
try:
    print("waiting", flush=True)
    reading.batch()
except KeyboardInterrupt:
    print("interrupted")
""", bucket.url, proxy.url, sys.path[0])
    assert process.stdout.readline() == "waiting\n"
    with proxy.changed:
        assert proxy.changed.wait_for(lambda: proxy.requests, 30)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert stdout == "interrupted\n", stderr


@minio_only
def test_a_stream_is_left_alone_after_a_fork(bucket, server, package_path):
    bucket.put("a", "1")
    printed = ends_well(child(package_path, server, """
import os, sys
sys.path.insert(0, sys.argv[2])
import bucketable, test_arrow
reading = test_arrow.Reading(bucketable.rows(sys.argv[1]))
pid = os.fork()
if pid == 0:
    try:
        reading.batch()
    except OSError as error:
        print(error, flush=True)
    del reading
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
print(reading.batch()["content"])
""", bucket.url, sys.path[0]))
    assert "another process" in printed and printed.endswith("['1']\n")
