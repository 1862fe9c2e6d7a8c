"""versitygw, an S3 server over a directory, which differs from AWS where MinIO and moto do not.

It does not encode the keys of a listing though it is asked to, writes what XML cannot hold as
U+FFFD, shortens paths (`a//b` is `a/b`), gives times without fractions of a second and 304s without
an ETag, answers 404 to an access key that it does not know, and closes each connection.

What is true of every server is imported from where it is tested with the others.
"""

import pytest
import table
from test_errors import test_a_bucket_that_vanished_deletes_no_row  # noqa: F401
from test_errors import test_missing_bucket  # noqa: F401
from test_sync import (  # noqa: F401
    test_a_mixed_batch_reads_what_changed_and_nothing_else,
    test_a_prefix_is_literal,
    test_deleted_and_put_back,
    test_first_sync_fills_the_table,
    test_overwrites_of_the_same_size_within_one_second,
    test_prefix_and_patterns_choose_the_rows,
    test_second_run_reads_nothing,
)

RAW_KEYS = ["a b", "a+b", "a%41b", "a%2Fb", "a&b<c>\"'", "\u00fc/\u00e9", "\u65e5\u672c", "a\tb",
            "a\nb", "~*()!", "\\back", "ends.", "d/e", "\U0001f600"]


@pytest.fixture
def server(versitygw):
    return versitygw


def test_keys_that_are_listed_raw(bucket, program, db):
    bucket.put_all({key: key for key in RAW_KEYS})
    program.sync(bucket.url, db)
    assert table.rows(db) == {key: key.encode() for key in RAW_KEYS}
    assert program.sync(bucket.url, db)["unchanged"] == len(RAW_KEYS)


def test_keys_that_the_server_shortens(bucket, program, db):
    bucket.put("x//y", b"one")
    bucket.put("./z", b"two")
    program.sync(bucket.url, db)
    assert table.rows(db) == {"x/y": b"one", "z": b"two"}


def test_a_key_that_is_listed_as_another_removes_no_row(bucket, program, db):
    """U+0001 comes as U+FFFD: whether that is out of order or not, what was a row stays one."""
    bucket.put_all({"a": "one", "b\tc": "two", "z": "three"})
    program("sync", bucket.url, db)
    before = table.rows(db)
    bucket.put("b\x01c", b"four")
    line = program("sync", bucket.url, db, exits=1).error()
    assert f"list {bucket.url}/: " in line and "\"b\\tc\" comes behind \"b\ufffdc\"" in line
    assert table.rows(db) == before
    bucket.delete("b\x01c")
    bucket.put("zz\x01", b"five")  # in order
    program("sync", bucket.url, db)
    assert table.rows(db) == before
    bucket.delete("zz\x01")  # which the bucket's own clearing up cannot name


def test_directories_and_files_on_many_pages(bucket, program, db):
    """Directories are walked, and yet the order is that of bytes: `d-1`, `d.1`, `d/1`, `d0`."""
    keys = [f"d{mark}{n:03}" for mark in ("", "-", ".", "/", "/sub/", "0") for n in range(180)]
    bucket.put_all({key: key for key in keys})
    assert program.sync(bucket.url, db)["added"] == len(keys)
    assert sorted(table.rows(db)) == sorted(keys)

    # The second listing is cut where the first one saw keys, and leaps over what is excluded.
    bucket.delete_all([key for key in keys if key.endswith("7")])
    summary = program.sync(bucket.url, db, "--exclude", "d/sub")
    left = [key for key in keys if not key.endswith("7") and not key.startswith("d/sub/")]
    assert sorted(table.rows(db)) == sorted(left)
    assert summary["updated"] == 0 and summary["unchanged"] == len(left)


def test_an_access_key_that_is_not_known_removes_no_row(bucket, program, db):
    """That is a 404 here, and no 404 of a bucket or an object."""
    bucket.put_all({"a": "one", "b": "two"})
    program("sync", bucket.url, db)
    line = program("sync", bucket.url, db, exits=1,
                   env={"AWS_ACCESS_KEY_ID": "NOBODYSACCESSKEY0001"}).error()
    assert "XAdminUserNotFound" in line
    assert table.rows(db) == {"a": b"one", "b": b"two"}
