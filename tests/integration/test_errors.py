"""What goes wrong is one clear line and the documented exit status, and harms no row."""

import json
import os
import re
import shutil
import sqlite3
import subprocess

import pytest
import servers
import table
from marks import minio_only, moto_only

MIB = 1 << 20


@pytest.fixture
def spec(tmp_path):
    """Writes a spec file: a text as it is, anything else as JSON."""
    def write(content):
        path = tmp_path / "spec.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path
    return write


# The bucket and the way to it: exit 1

def test_missing_bucket(program, db, server):
    line = program("sync", "s3://no-such-bucket-here", db, exits=1).error()
    assert "s3://no-such-bucket-here" in line and "NoSuchBucket" in line


def test_a_bucket_that_vanished_deletes_no_row(bucket, program, db):
    bucket.put_all({"a": "1", "b": "2"})
    program("sync", bucket.url, db)
    bucket.delete_all(["a", "b"])
    bucket.client.delete_bucket(Bucket=bucket.name)
    program("sync", bucket.url, db, exits=1).error()
    assert table.rows(db) == {"a": b"1", "b": b"2"}
    bucket.client.create_bucket(Bucket=bucket.name)


@minio_only
@pytest.mark.parametrize("variable, value, code", [
    ("AWS_SECRET_ACCESS_KEY", "another+secret/than+the+right+one/000000", "SignatureDoesNotMatch"),
    ("AWS_ACCESS_KEY_ID", "NOTAKEYOFANYONE00001", "InvalidAccessKeyId"),
])
def test_wrong_credentials(bucket, program, db, variable, value, code):
    bucket.put("a", b"1")
    result = program("sync", bucket.url, db, exits=1, env={variable: value})
    assert code in result.error() and "403" in result.error()
    assert "another+secret" not in result.stderr


@minio_only
def test_no_credentials(bucket, program, db):
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    assert "credentials" in program("sync", bucket.url, db, exits=(1, 2), env=none).error()


@moto_only
def test_an_endpoint_that_refuses(bucket, program, db):
    port = servers.free_port()
    line = program("sync", bucket.url, db, "--retry-time", "1s", exits=1, timeout_s=20,
                   env={"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}).error()
    assert "127.0.0.1" in line and str(port) in line


@moto_only
def test_an_endpoint_without_scheme(bucket, program, db):
    line = program("sync", bucket.url, db, "--endpoint-url", "localhost:9000", exits=2).error()
    assert "//localhost:9000" in line


# Usage and configuration: exit 2, nothing is tried

def spelled(line):
    """A property's name has dashes on the command line and underscores in a file."""
    return line.lower().replace("_", "-")


@moto_only
@pytest.mark.parametrize("arguments, words", [
    (["sync", "s3://b", "docs.db", "--includ", "x"], ["--includ", "--include"]),
    (["sync", "s3://b", "docs.db", "--no-such-thing"], ["--no-such-thing"]),
    (["sink", "s3://b", "docs.db"], ["sink", "sync"]),
    (["sync"], ["source"]),
    (["sync", "s3://b"], ["target"]),
    (["sync", "s3://", "docs.db"], ["s3://"]),
    (["sync", "s3://b", "docs.db", "more"], ["more"]),
    (["sync", "s3://b", "docs.db", "--include"], ["--include"]),
    (["sync", "s3://b", "docs.db", "--include", "a[b"], ["a[b"]),
    (["sync", "s3://b", "docs.db", "--include", "a{b"], ["a{b"]),
    (["sync", "s3://b", "docs.db", "--max-file-size", "10XB"], ["max-file-size", "10XB"]),
    (["sync", "s3://b", "docs.db", "--refresh-interval", "soon"], ["refresh-interval", "soon"]),
    (["sync", "s3://b", "docs.db", "--text-errors", "ignore"], ["text-errors", "ignore", "strict"]),
    (["sync", "s3://b", "docs.db", "--columns", "etag,colour"], ["columns", "colour"]),
    (["sync", "s3://b", "docs.db", "--max-deletes", "120%"], ["max-deletes", "120%"]),
    (["sync", "s3://b", "docs.db", "--get-concurrency", "0"], ["get-concurrency"]),
    (["sync", "s3://b", "mysql://host/db"], ["mysql"]),
    (["sync", "absent.json", "docs.db"], ["absent.json"]),
    (["get", "s3://b"], ["key"]),
])
def test_wrong_usage(program, tmp_path, arguments, words):
    line = spelled(program(*arguments, exits=2).error())
    for word in words:
        assert word.lower() in line
    assert not (tmp_path / "docs.db").exists()


@moto_only
@pytest.mark.parametrize("source, words", [
    ({"bucket_name": "b", "prefx": "docs/"}, ["prefx", '"?prefix"?']),
    ({"bucket_name": "b", "include_patterns": []}, ["include_patterns", "included_patterns"]),
    ({"bucket_name": "b", "binary": "yes"}, ["binary", "bool|true"]),
    ({"bucket_name": 7}, ["bucket_name", "string"]),
    ({"bucket_name": "b", "included_patterns": "**/*.md"}, ["included_patterns", "list|array"]),
    ({"bucket_name": "b", "excluded_patterns": ["a", 1]}, ["excluded_patterns", "string"]),
    ({"bucket_name": "b", "max_file_size": -1}, ["max_file_size"]),
    ({"bucket_name": "b", "get_concurrency": 1.5}, ["get_concurrency"]),
])
def test_wrong_spec(program, spec, source, words):
    path = spec({"source": source, "target": {"url": "docs.db"}})
    line = program("sync", path, exits=2).error()
    assert "spec.json" in line
    for word in words:
        assert re.search(word, line)


@moto_only
@pytest.mark.parametrize("source, word", [
    ({"prefix": "docs/"}, "bucket_name"),
    ({"bucket_name": "b", "redis_url": "redis://127.0.0.1"}, "redis_channel"),
    ({"bucket_name": "b", "redis_channel": "events"}, "redis_url"),
])
def test_a_spec_that_lacks_something(program, spec, source, word):
    path = spec({"source": source, "target": {"url": "docs.db"}})
    assert word in program("sync", path, exits=2).error()


@moto_only
@pytest.mark.parametrize("text, line_no, column", [
    ('{\n  "source": {\n    "bucket_name" "b"\n  }\n}\n', 3, 19),
    ('{"source": {"bucket_name": "b"}', 1, "3[12]"),  # at the last character, or after it
    ("", 1, 1),
    ('{"source": {}}\n]', 2, 1),
    ('{"a": tru}', 1, 7),
])
def test_a_spec_that_is_no_json(program, spec, text, line_no, column):
    error = program("sync", spec(text), "docs.db", exits=2).error()
    assert re.search(rf"spec\.json:{line_no}:{column}\b|line {line_no}, column {column}\b", error)


# The target: exit 1

@moto_only
def test_a_target_in_a_folder_that_is_not_there(bucket, program, tmp_path):
    bucket.put("a", b"1")
    line = program("sync", bucket.url, tmp_path / "none" / "docs.db", exits=1).error()
    assert "none/docs.db" in line


@moto_only
def test_a_target_that_is_a_folder(bucket, program, tmp_path):
    (tmp_path / "docs.db").mkdir()
    assert "docs.db" in program("sync", bucket.url, tmp_path / "docs.db", exits=1).error()


@moto_only
def test_a_target_that_is_no_database(bucket, program, db):
    db.write_bytes(b"Dear diary, this is no database at all.\n" * 100)
    before = db.read_bytes()
    assert "docs.db" in program("sync", bucket.url, db, exits=1).error()
    assert db.read_bytes() == before


@moto_only
def test_a_table_of_that_name_that_is_not_ours(bucket, program, db):
    bucket.put("a", b"1")
    with sqlite3.connect(db) as connection:
        connection.execute("CREATE TABLE objects (filename TEXT PRIMARY KEY, content TEXT)")
        connection.execute("INSERT INTO objects VALUES ('mine', 'precious')")
    connection.close()
    assert "objects" in program("sync", bucket.url, db, exits=(1, 2)).error()
    assert table.query(db, "SELECT * FROM objects") == [(b"mine", b"precious")]


def test_a_table_belongs_to_one_source(bucket, program, db, server):
    from bucket import Bucket
    other = Bucket(server)
    bucket.put("a", b"1")
    other.put("b", b"2")
    program("sync", bucket.url, db)
    line = program("sync", other.url, db, exits=(1, 2)).error()
    assert f"s3://{bucket.name}" in line
    assert table.rows(db) == {"a": b"1"}
    program("sync", other.url, db, "--table", "others")
    assert table.rows(db, "others") == {"b": b"2"}
    other.remove()


@moto_only
def test_a_read_only_file(bucket, program, db):
    bucket.put("a", b"1")
    program("sync", bucket.url, db)
    bucket.put("a", b"2")
    db.chmod(0o444)
    # root may write anywhere, unless it gives that up.
    drop = ()
    if os.geteuid() == 0:
        drop = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    assert "docs.db" in program("sync", bucket.url, db, exits=1, wrapper=drop).error()
    db.chmod(0o644)
    assert table.rows(db) == {"a": b"1"}
    program("sync", bucket.url, db)
    assert table.rows(db) == {"a": b"2"}


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MiB; grow() gives it 64."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place],
            stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("needs root, to mount a small file system")

    def grow():
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
    yield place, grow
    subprocess.run(["umount", place], check=True)


def fill(bucket):
    bucket.put_all({f"{n:02}": os.urandom(MIB // 2).hex() for n in range(12)})


def assert_part_of(bucket, path):
    """Whatever rows there are, are whole and right."""
    contents = bucket.contents()
    for key, content in table.rows(path).items():
        assert contents[key] == content


@minio_only
def test_a_full_disk(bucket, program, small_disk):
    place, grow = small_disk
    fill(bucket)
    line = program("sync", bucket.url, place / "docs.db", exits=1).error()
    assert "full" in line or "space" in line
    copy = shutil.copytree(place, place.parent / "copy") / "docs.db"
    assert_part_of(bucket, copy)
    grow()
    program("sync", bucket.url, place / "docs.db")
    assert table.rows(place / "docs.db") == bucket.contents()


@minio_only
def test_a_limit_on_file_sizes(bucket, program, db):
    fill(bucket)
    program("sync", bucket.url, db, exits=1, file_size_max=4 * MIB).error()
    assert_part_of(bucket, db)
    program("sync", bucket.url, db)
    assert table.rows(db) == bucket.contents()


# Too many deletes: exit 4

@pytest.mark.parametrize("options, stops", [
    ((), True),
    (("--max-deletes", "24"), True),
    (("--max-deletes", "25"), False),
    (("--max-deletes", "62%"), True),
    (("--max-deletes", "63%"), False),
    (("--max-deletes", "100%"), False),
])
@moto_only
def test_max_deletes(bucket, program, db, options, stops):
    bucket.put_all({f"{n:02}": f"{n}" for n in range(40)})
    program("sync", bucket.url, db)
    before = table.rows(db)
    bucket.delete_all([f"{n:02}" for n in range(25)])
    result = program("sync", bucket.url, db, *options, exits=4 if stops else 0)
    if stops:
        assert "25" in result.error() and "max-deletes" in spelled(result.error())
        assert table.rows(db) == before
    else:
        assert table.rows(db) == bucket.contents()


@moto_only
def test_a_percentage_lets_small_tables_through_and_a_count_does_not(bucket, program, db):
    bucket.put_all({f"{n:02}": f"{n}" for n in range(19)})
    program("sync", bucket.url, db)
    bucket.delete_all([f"{n:02}" for n in range(19)])
    program("sync", bucket.url, db, "--max-deletes", "3", exits=4)
    assert len(table.rows(db)) == 19
    program("sync", bucket.url, db)
    assert table.rows(db) == {}


@moto_only
def test_rows_that_a_changed_spec_drops_count_as_deletes(bucket, program, db):
    bucket.put_all({f"{n:02}": f"{n}" for n in range(30)})
    program("sync", bucket.url, db)
    program("sync", bucket.url, db, "--include", "00", exits=4)
    assert len(table.rows(db)) == 30
