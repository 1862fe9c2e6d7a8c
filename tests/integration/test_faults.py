"""Trouble on the way to a bucket: the table is right afterwards, or as it was and the reason clear.

The server is the scripted one, which verifies every signature with code of its own.
"""

import re
import signal
import time

import pytest
import table
from faulty import URL, contents, hits, program, stub  # noqa: F401

RETRY = ("--retry-time", "250ms")
HURT = "docs/05.txt"


def reason_of(db, key):
    """Why its newest try failed, as the state has it; "" when it did not."""
    found = table.query(db, "SELECT ifnull(error, '') FROM bucketable_state_objects "
                            f"WHERE filename = CAST('{key}' AS BLOB)")
    return found[0][0].decode() if found else ""


# One answer goes wrong, the next is right: nobody notices

ONCE = {
    "reset instead of an answer": {"reset_after_bytes": -1},
    "reset before the body": {"reset_after_bytes": 0},
    "reset in the first line": {"reset_after_bytes": 1},
    "reset in the body": {"reset_after_bytes": 100},
    "cut before the body": {"truncate_after_bytes": 0},
    "cut in the first line": {"truncate_after_bytes": 1},
    "cut in the body": {"truncate_after_bytes": 300},
    "cut before the last byte": {"truncate_after_bytes": -1},
    "length too large": {"wrong_content_length": 10, "close": True},
    "garbage": {"garbage": True},
    "200 with an error": {"error_body_200": "InternalError"},
    "200 with SlowDown": {"error_body_200": "SlowDown"},
    "200 with a proxy's page": {"html": True},
    "502 with a proxy's page": {"html": True, "status": 502},
    "500": {"status": 500},
    "503": {"status": 503, "code": "SlowDown"},
    "503 with a hint": {"status": 503, "code": "SlowDown", "headers": {"Retry-After": "0"}},
    "503 with a hint in ms": {"status": 503, "code": "ServiceUnavailable",
                              "headers": {"x-amz-retry-after": "20"}},
    "429": {"status": 429, "code": "TooManyRequests"},
    "400 RequestTimeout": {"status": 400, "code": "RequestTimeout"},
    "503 of a server that starts": {"status": 503, "code": "XMinioServerNotInitialized"},
}
HARMLESS = {
    "chunked": {"chunked": True},
    "byte by byte": {"drip_ms": 1},
    "1xx first": {"status_100_first": True},
    "closed": {"close": True},
    "late": {"delay_ms": 300},
    "many headers": {"headers_bytes": 32 << 10},
}


def fault_for(do, body_bytes):
    return {name: body_bytes - 1 if name.endswith("_after_bytes") and value == -1
            and name.startswith("truncate") else value for name, value in do.items()}


@pytest.mark.parametrize("do", [*ONCE.values(), *HARMLESS.values()], ids=[*ONCE, *HARMLESS])
def test_one_bad_answer_to_a_get(stub, program, contents, db, do):
    stub.fault(fault_for(do, len(contents[HURT])), op="get", key_prefix=HURT, count=1)
    summary = program.sync(URL, db)
    assert hits(stub) == 1
    assert table.rows(db) == contents
    assert summary["added"] == len(contents) and summary["failed"] == 0


@pytest.mark.parametrize("do", [*ONCE.values(), *HARMLESS.values(), {"empty_body": True}],
                         ids=[*ONCE, *HARMLESS, "empty 200"])
def test_one_bad_answer_to_a_listing(stub, program, contents, db, do):
    stub.fault(fault_for(do, 200), op="list", count=1)
    summary = program.sync(URL, db)
    assert hits(stub) == 1
    assert table.rows(db) == contents
    assert summary["listed"] == len(contents)


# One object cannot be read: its row keeps its last content, the rest goes on, exit 3

LASTING_GET = {
    "reset": ({"reset_after_bytes": 100}, "reset"),
    "cut": ({"truncate_after_bytes": 100}, "bytes"),
    "garbage": ({"garbage": True}, "no HTTP"),
    "endless": ({"endless_body": True}, "more than the"),
    "endless headers": ({"headers_bytes": 2 << 20}, "header"),
    "200 with an error": ({"error_body_200": "InternalError"}, "InternalError"),
    "200 with a page": ({"html": True}, "no object of S3"),
    "404 with a page": ({"html": True, "status": 404}, "404"),
    "500": ({"status": 500}, "500 InternalError"),
    "503": ({"status": 503, "code": "SlowDown"}, "503 SlowDown"),
    "403": ({"status": 403, "code": "AccessDenied", "message": "Access Denied"}, "AccessDenied"),
    "key of KMS": ({"status": 403, "code": "AccessDenied",
                    "message": "User is not authorized to perform: kms:Decrypt"}, "kms:Decrypt"),
    "archived": ({"status": 403, "code": "InvalidObjectState"}, "restore"),
    "404 NoSuchBucket": ({"status": 404, "code": "NoSuchBucket"}, "NoSuchBucket"),
    "404 of an unknown kind": ({"status": 404, "code": "NoSuchThing"}, "NoSuchThing"),
    "301 to nowhere": ({"redirect": "301"}, "301 PermanentRedirect"),
    "301 for ever": ({"redirect": "301", "region": "eu-west-1"}, "eu-west-1"),
}


@pytest.mark.parametrize("do, words", LASTING_GET.values(), ids=LASTING_GET)
def test_an_object_that_cannot_be_read(stub, program, contents, db, do, words):
    program.sync(URL, db)
    before = dict(contents)
    contents.put(HURT, "something new\n" * 30)
    contents.put("docs/new.txt", "another one\n")
    stub.fault(do, op="get", key_prefix=HURT)
    summary = program.sync(URL, db, *RETRY, exits=3)
    assert summary["failed"] == 1 and summary["added"] == 1
    assert table.rows(db) == {**contents, HURT: before[HURT]}
    assert words in reason_of(db, HURT)
    stub.clear_faults()
    assert program.sync(URL, db)["failed"] == 0
    assert table.rows(db) == contents and reason_of(db, HURT) == ""


# The listing fails for good: exit 1, and no row goes

LASTING_LIST = {
    "reset": ({"reset_after_bytes": 100}, "reset"),
    "cut": ({"truncate_after_bytes": 100}, "bytes"),
    "garbage": ({"garbage": True}, "no HTTP"),
    "endless": ({"endless_body": True}, "more than the"),
    "endless headers": ({"headers_bytes": 2 << 20}, "header"),
    "200 with an error": ({"error_body_200": "InternalError"}, "InternalError"),
    "200 with a page": ({"html": True}, "ListBucketResult"),
    "200 with nothing": ({"empty_body": True}, ""),
    "404 with a page": ({"html": True, "status": 404}, "endpoint"),
    "503": ({"status": 503, "code": "SlowDown"}, "503 SlowDown"),
    "503 with a long hint": ({"status": 503, "code": "SlowDown",
                              "headers": {"Retry-After": "86400"}}, "503 SlowDown"),
    "503 with a nonsense hint": ({"status": 503, "code": "SlowDown",
                                  "headers": {"Retry-After": "-1",
                                              "x-amz-retry-after": "99999999999999999999"}},
                                 "503 SlowDown"),
    "403": ({"status": 403, "code": "AccessDenied"}, "AccessDenied"),
    "404 NoSuchBucket": ({"status": 404, "code": "NoSuchBucket"}, "NoSuchBucket"),
    "301 for ever": ({"redirect": "301", "region": "eu-west-1"}, "eu-west-1"),
    "301 to nowhere": ({"redirect": "301"}, "301 PermanentRedirect"),
    "307 for ever": ({"redirect": "307"}, "307 TemporaryRedirect"),
    "no IsTruncated": ({"list_lie": "no_is_truncated"}, "IsTruncated"),
    "no size": ({"list_lie": "no_size"}, "without a size"),
    "out of order": ({"list_lie": "unsorted"}, "order"),
    "a key twice": ({"list_lie": "duplicate_key"}, "order"),
    "outside the prefix": ({"list_lie": "outside_prefix"}, "prefix"),
    "cut between two keys": ({"list_lie": "cut_after_contents"}, "ends"),
}


@pytest.mark.parametrize("do, words", LASTING_LIST.values(), ids=LASTING_LIST)
def test_a_listing_that_fails(stub, program, contents, db, do, words):
    program.sync(f"{URL}/docs/", db)
    before = dict(contents)
    contents.put(HURT, "something new\n" * 30)
    stub.delete("docs/00.txt")
    stub.fault(do, op="list")
    line = program("sync", f"{URL}/docs/", db, *RETRY, exits=1).error()
    assert "s3://bucket/docs/" in line and words in line
    assert table.rows(db) == before
    stub.clear_faults()
    program.sync(f"{URL}/docs/", db)
    del contents["docs/00.txt"]
    assert table.rows(db) == contents


# Listings of several pages

@pytest.fixture
def many(stub, contents):
    """Three pages, when they are short."""
    for n in range(700):
        contents.put(f"many/{n:03}", f"{n}\n")
    return contents


def lie(*lies):
    return {"list_lie": ["short_page", *lies]}


@pytest.mark.parametrize("lies", [
    (), ("no_etag",), ("no_last_modified",), ("no_etag", "no_last_modified"), ("no_namespace",),
    ("unquoted_etag",), ("ignore_encoding_type",), ("ignore_start_after",),
], ids=lambda lies: " and ".join(lies) or "short pages")
def test_what_a_listing_may_lack(stub, program, many, db, lies):
    stub.fault(lie(*lies), op="list")
    where = ("--exclude", "many/1*")  # passed over with start-after
    many = {key: body for key, body in many.items() if not key.startswith("many/1")}
    program.sync(URL, db, *where)
    assert table.rows(db) == many
    stub.put("many/600", b"changed, and longer\n")
    stub.delete("many/601")
    del many["many/601"]
    summary = program.sync(URL, db, *where)
    assert table.rows(db) == {**many, "many/600": b"changed, and longer\n"}
    assert summary["updated"] == 1 and summary["deleted"] == 1


def test_pages_without_keys(stub, program, many, db):
    stub.fault({"list_lie": "empty_page_truncated"}, op="list", count=1)
    program.sync(URL, db)
    assert table.rows(db) == many


@pytest.mark.parametrize("do, words", LASTING_LIST.values(), ids=LASTING_LIST)
def test_a_page_in_the_middle_that_fails(stub, program, many, db, do, words):
    program.sync(f"{URL}/many/", db)
    before = table.rows(db)
    lies = do.get("list_lie")
    stub.fault({**do, **(lie(lies) if lies else {})}, op="list", query="continuation-token", nth=2,
               every=1)
    stub.fault(lie(), op="list")
    stub.delete("many/000")
    stub.delete("many/699")
    line = program("sync", f"{URL}/many/", db, *RETRY, exits=1).error()
    assert words in line
    assert table.rows(db) == before


@pytest.mark.parametrize("lies, words", [
    (("missing_token",), "Token"),
    (("repeated_token",), "before|token"),
    (("empty_page_truncated",), "no key|token"),
])
def test_a_listing_without_end(stub, program, many, db, lies, words):
    program.sync(URL, db)
    stub.fault(lie(*lies), op="list")
    stub.delete("many/000")
    line = program("sync", URL, db, *RETRY, exits=1).error()
    assert line.startswith("bucketable: list s3://bucket/: ") and re.search(words, line)
    assert len(table.rows(db)) == len(many)


def test_a_listing_that_ends_too_early_is_a_matter_of_max_deletes(stub, program, many, db):
    program.sync(URL, db)
    stub.fault(lie("never_truncated"), op="list")
    program("sync", URL, db, exits=4)
    assert table.rows(db) == many


# The bucket changes under the reader

def test_objects_that_change_or_go_between_listing_and_reading(stub, program, contents, db):
    stub.fault({"mutate": "delete"}, op="get", key_prefix="docs/03.txt")
    stub.fault({"mutate": "touch"}, op="get", key_prefix="docs/04.txt", count=1)
    summary = program.sync(URL, db)
    rows = table.rows(db)
    assert "docs/03.txt" not in rows and summary["failed"] == 0
    changed = rows.pop("docs/04.txt")
    assert changed != contents["docs/04.txt"]
    assert rows == {k: v for k, v in contents.items() if k not in ("docs/03.txt", "docs/04.txt")}
    assert program.sync(URL, db)["get_requests"] == 0
    assert table.rows(db)["docs/04.txt"] == changed


def test_a_bucket_that_goes_while_it_is_read(stub, program, contents, db):
    program.sync(URL, db)
    before = dict(contents)
    for key in list(contents):
        contents.put(key, "new\n")
    stub.fault({"status": 404, "code": "NoSuchBucket"}, op="any", nth=6, every=1)
    program("sync", URL, db, *RETRY, exits=(1, 3))
    rows = table.rows(db)
    assert rows.keys() == before.keys()
    assert all(rows[key] in (before[key], contents[key]) for key in rows)


def test_a_404_counts_only_while_the_bucket_is_there(stub, program, contents, db):
    """Some servers say NoSuchKey of a bucket that is gone."""
    program.sync(URL, db)
    for key in contents:
        stub.put(key, b"new\n")
    stub.fault({"status": 404, "code": "NoSuchKey"}, op="get")
    stub.fault({"status": 404, "code": "NoSuchBucket"}, op="any", nth=2, every=1)
    program("sync", URL, db, *RETRY, exits=1).error()
    assert table.rows(db) == contents


def test_a_missing_key_that_is_answered_403_is_no_delete(stub, program, contents, db):
    """So it is without s3:ListBucket."""
    program.sync(URL, db)
    stub.put(HURT, b"new\n")
    stub.fault({"status": 403, "code": "AccessDenied"}, op="get", key_prefix=HURT)
    assert program.sync(URL, db, exits=3)["deleted"] == 0
    assert table.rows(db) == contents


# Silence, idle connections, storms

@pytest.mark.parametrize("faults", [
    [({"stall_after_bytes": 100}, {"op": "list", "count": 1})],
    [({"stall_after_bytes": 100}, {"op": "get", "key_prefix": "docs/02", "count": 1}),
     ({"stall_after_bytes": 0}, {"op": "get", "key_prefix": "docs/03", "count": 1})],
], ids=["listing", "objects"])
def test_a_connection_that_falls_silent(stub, program, contents, db, faults):
    """20 seconds without a byte are a failure like any other."""
    for do, match in faults:
        stub.fault(do, **match)
    program.sync(URL, db)
    assert table.rows(db) == contents


def test_a_storm(stub, program, contents, db):
    for n in range(100):
        contents.put(f"many/{n:03}", f"{n}\n")
    stub.fault({"status": 503, "code": "SlowDown"}, percent=30)
    summary = program.sync(URL, db)
    assert summary["retries"] > 10
    assert table.rows(db) == contents


def test_a_server_that_closes_each_connection(stub, program, many, db):
    stub.fault({"close": True}, op="any")
    program.sync(URL, db)
    assert table.rows(db) == many


def test_every_kind_of_trouble_at_once(stub, program, many, db):
    for do in ONCE.values():
        stub.fault(fault_for(do, 2), percent=1)
    stub.fault({"list_lie": "short_page"}, op="list")
    program.sync(URL, db)
    assert table.rows(db) == many


@pytest.mark.parametrize("words", [
    "ls URL", "get URL docs/01.txt", "plan URL DB", "explain URL DB docs/01.txt", "check URL DB",
    "setup URL --sqs-queue-url QUEUE", "enqueue URL --sqs-queue-url QUEUE"])
def test_a_signal_ends_what_waits(stub, program, contents, db, words):
    program.sync(URL, db)
    stub.fault({"delay_ms": 60_000}, op="any")
    for name, value in {"URL": URL, "DB": str(db), "QUEUE": stub.url + "/1/queue"}.items():
        words = words.replace(name, value)
    running = program.start(*words.split(), env={"AWS_ENDPOINT_URL_SQS": stub.url})
    while not hits(stub):
        assert running.poll() is None, "it did not wait"
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    result = program.finish(running, exits=130, timeout_s=20)
    assert (result.stdout, result.stderr) == (b"", "")
