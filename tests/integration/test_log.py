"""The library's log: from the command line, and in Python's logging module."""

import json
import logging
import sys
import threading

import pytest
from faulty import URL, contents, program, stub  # noqa: F401
from marks import minio_only

SLOW_DOWN = {"status": 503, "code": "SlowDown"}


@pytest.fixture
def lines(caplog):
    """What the logger "bucketable" has: [(level, message)]; it lets everything through."""
    caplog.set_level(logging.DEBUG, logger="bucketable")
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records
                    if record.name == "bucketable"]


def test_verbose_tells_of_the_listing_and_more_of_each_retry(program, stub, contents):  # noqa: F811
    quiet = program("sync", URL, "quiet.db").stderr
    told = program("sync", URL, "docs.db", "-v").stderr
    assert "credentials: environment" in told and "/: begun" in told
    assert "12 listed, 12 rows, 12 added" in told and "tried again" not in told
    assert "begun" not in quiet
    stub.fault(SLOW_DOWN, op="get", key_prefix="docs/03", count=1)
    told = program("sync", URL, "again.db", "-vv", "--log-format", "json").stderr
    records = [json.loads(line) for line in told.splitlines()]
    retries = [r["message"] for r in records if r["level"] == "debug" and "tried again" in r["message"]]
    assert len(retries) == 1
    assert "get s3://bucket/docs/03.txt" in retries[0] and "SlowDown" in retries[0]
    assert sum(r["message"].endswith(": row committed") for r in records) == 12


def test_quiet_wins(program, contents):  # noqa: F811
    assert program("sync", URL, "docs.db", "-q", "-vv").stderr == ""


@minio_only
def test_each_handle_logs(bucket, bucketable, lines, caplog, tmp_path):
    bucket.put_all({"a": "1", "b": "2"})
    uses = {
        "rows": lambda: list(bucketable.rows(bucket.url)),
        "rows in order": lambda: list(bucketable.rows(bucket.url, in_key_order=True)),
        "ls": lambda: list(bucketable.ls(bucket.url)),
        "read": lambda: bucketable.read(bucket.url, "a"),
        "sync": lambda: bucketable.sync(bucket.url, tmp_path / "docs.db"),
        "stream": lambda: bucketable.rows(bucket.url).__arrow_c_stream__(),
    }
    for name, use in uses.items():
        caplog.clear()
        use()
        if name != "stream":
            assert ("INFO", f"s3://{bucket.name}: credentials: environment") in lines(), name
    with bucketable.watch(bucket.url, refresh_interval="1d") as changes:
        while True:
            change = changes.next(timeout=0.1)
            if change:
                change.ack()
            if ("INFO", "the table is the bucket; following its changes") in lines():
                break


@minio_only
def test_a_handle_tells_as_much_as_the_logger_lets_through(bucket, bucketable, caplog, lines):
    bucket.put("a", "1")
    caplog.set_level(logging.WARNING, logger="bucketable")
    list(bucketable.rows(bucket.url))
    assert lines() == []


@minio_only
def test_what_a_callback_takes_is_not_logged_too(bucket, bucketable, lines):
    bucket.put("bad", b"\x80")
    told = []
    list(bucketable.rows(bucket.url, text_errors="strict",
                         failed=lambda key, reason: told.append(key)))
    assert told == ["bad"] and not [line for line in lines() if line[0] == "WARNING"]
    list(bucketable.rows(bucket.url, text_errors="strict"))
    assert len([line for line in lines() if line[0] == "WARNING"]) == 1


class Failing(logging.Handler):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def emit(self, record):
        raise self.error


@pytest.fixture
def failing():
    """failing(error): a handler of the logger that raises it."""
    logger = logging.getLogger("bucketable")
    added = []

    def add(error):
        added.append(Failing(error))
        logger.addHandler(added[-1])

    yield add
    for handler in added:
        logger.removeHandler(handler)


@minio_only
def test_what_a_handler_raises_ends_nothing(bucket, bucketable, lines, failing, monkeypatch, tmp_path):
    bucket.put_all({f"{i}": "x" for i in range(20)})
    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: ignored.append(found.exc_value))
    failing(ZeroDivisionError("in a handler"))
    assert len(list(bucketable.rows(bucket.url))) == 20
    assert len(list(bucketable.ls(bucket.url))) == 20
    assert bucketable.read(bucket.url, "3").content == "x"
    assert bucketable.sync(bucket.url, tmp_path / "docs.db")["added"] == 20
    assert ignored and all(isinstance(error, ZeroDivisionError) for error in ignored)


@minio_only
def test_an_exit_in_a_handler_is_an_exit(bucket, bucketable, lines, failing):
    bucket.put("a", "1")
    failing(SystemExit(3))
    with pytest.raises(SystemExit):
        list(bucketable.rows(bucket.url))


@minio_only
def test_many_threads_log_at_once(bucket, bucketable, lines):
    bucket.put_all({f"{i}": "x" for i in range(50)})
    found = []
    threads = [threading.Thread(target=lambda: found.append(len(list(bucketable.rows(bucket.url)))))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [50] * 4
    assert len([line for line in lines() if line[1].endswith("row committed")]) == 200
