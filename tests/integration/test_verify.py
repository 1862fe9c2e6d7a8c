"""`verify` finds what is wrong with a table, whoever did it, and `--repair` mends it."""

import signal
import time

import table
from marks import minio_only


def verify(program, *arguments, exits=5, **how):
    return [(line["op"], line["filename"])
            for line in program("verify", "--json", *arguments, exits=exits, **how).json_lines()]


def change(db, *statements):
    with table.connect(db) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def documents(count):
    return {f"docs/{n:02}.md": f"document {n}" for n in range(count)}


def test_an_equal_table(bucket, program, proxy, db):
    bucket.put_all(documents(30))
    program("sync", bucket.url, db)
    result = program("verify", bucket.url, db, env=proxy.env())
    assert result.stdout == b"" and "rows: 30 right, 0 missing" in result.stderr
    assert proxy.object_reads() == [], "a listing is enough"
    program("verify", "--deep", bucket.url, db, env=proxy.env())
    assert len(proxy.object_reads()) == 30


def test_a_bucket_that_has_gone_on(bucket, program, db):
    bucket.put_all(documents(5))
    program("sync", bucket.url, db)
    bucket.put_all({"docs/01.md": "other", "a": "new"})
    bucket.delete("docs/02.md")
    expected = [("add", "a"), ("update", "docs/01.md"), ("delete", "docs/02.md")]
    assert verify(program, bucket.url, db) == expected
    result = program("verify", bucket.url, db, exits=5)
    assert result.stdout == b"+ a\n~ docs/01.md\n- docs/02.md\n"
    assert verify(program, "--repair", bucket.url, db, exits=0) == expected
    assert table.rows(db) == bucket.contents()
    assert verify(program, "--deep", bucket.url, db, exits=0) == []


def test_a_table_that_somebody_changed(bucket, program, db):
    bucket.put_all(documents(12))
    bucket.put("docs/dir/", b"")
    program("sync", bucket.url, db)
    change(db,
           "DELETE FROM objects WHERE filename IN ('docs/00.md', 'docs/11.md')",
           "INSERT INTO objects VALUES ('', 'no name'), ('a', 'extra'), ('docs/03.mdx', NULL),"
           " ('docs/dir/', 'no row'), ('zz', 'last')",
           "UPDATE objects SET content = NULL WHERE filename = 'docs/05.md'",
           "UPDATE objects SET content = 'shortened' WHERE filename = 'docs/06.md'",
           "UPDATE objects SET content = 'Document 8' WHERE filename = 'docs/08.md'",
           "UPDATE objects SET content = CAST(content AS BLOB) WHERE filename = 'docs/09.md'")
    by_listing = [
        ("delete", ""), ("delete", "a"), ("add", "docs/00.md"), ("delete", "docs/03.mdx"),
        ("update", "docs/05.md"), ("update", "docs/06.md"), ("update", "docs/09.md"),
        ("add", "docs/11.md"), ("delete", "docs/dir/"), ("delete", "zz")]
    by_content = sorted([*by_listing, ("update", "docs/08.md")], key=lambda step: step[1])
    assert verify(program, bucket.url, db) == by_listing
    assert verify(program, "--deep", bucket.url, db) == by_content
    assert program.sync(bucket.url, db)["unchanged"] == 12, "a sync trusts the state"

    assert verify(program, "--deep", "--repair", bucket.url, db, exits=0) == by_content
    assert table.rows(db) == {k: v for k, v in bucket.contents().items()}
    assert verify(program, "--deep", bucket.url, db, exits=0) == []
    assert program("status", "--json", db).json()["rows"] == 12


def test_every_way_to_write_text(bucket, program, db):
    bucket.put_all({
        "mark": b"\xef\xbb\xbftext", "utf-16": "t\u00e9xt \U0001f600".encode("utf-16"),
        "utf-16be": b"\xfe\xff" + "\u4e2d".encode("utf-16-be"), "empty": b"", "nul": b"a\0b",
        "broken": b"a\xff\xfe", "mark-alone": b"\xff\xfe"})
    for options in ([], ["--text-errors", "bytes"], ["--binary"]):
        program("sync", bucket.url, db, *options)
        assert verify(program, bucket.url, db, *options, exits=0) == []
        assert verify(program, "--deep", bucket.url, db, *options, exits=0) == []


def test_a_damaged_row_of_a_changed_object(bucket, program, db):
    """The listing and the row are wrong at once: one line, and one repair."""
    bucket.put_all(documents(4))
    program("sync", bucket.url, db)
    bucket.put("docs/00.md", b"newer")
    bucket.put("docs/new.md", b"new")
    bucket.delete("docs/01.md")
    change(db, "DELETE FROM objects WHERE filename IN ('docs/00.md', 'docs/01.md')",
           "INSERT INTO objects VALUES ('docs/new.md', 'by hand')")
    assert verify(program, "--repair", bucket.url, db, exits=0) == [
        ("add", "docs/00.md"), ("update", "docs/new.md")]
    assert table.rows(db) == bucket.contents()


def test_a_repair_counts_each_row_once(bucket, program, db):
    bucket.put_all(documents(10))
    program("sync", bucket.url, db)
    change(db, "DELETE FROM objects WHERE filename = 'docs/00.md'",
           "UPDATE objects SET content = '' WHERE filename = 'docs/01.md'")
    result = program("verify", "--repair", bucket.url, db)
    assert "10 rows: 0 added, 2 updated, 0 deleted, 8 unchanged" in result.stderr


def test_deep_within_a_small_memory(bucket, program, db):
    bucket.put_all({f"{n:02}": bytes([65 + n]) * (2 << 20) for n in range(12)})
    program("sync", bucket.url, db)
    change(db, "UPDATE objects SET content = lower(content) WHERE filename IN ('01', '11')")
    options = ["--memory-limit", "16MiB", "--get-concurrency", "3"]
    assert verify(program, "--deep", bucket.url, db, *options) == [
        ("update", "01"), ("update", "11")]


def test_objects_that_cannot_be_rows(bucket, program, db):
    bucket.put_all({"good": "1", "bad": b"\xff"})
    strict = [bucket.url, db, "--text-errors", "strict"]
    program("sync", *strict, exits=3)
    result = program("verify", *strict, exits=3)
    assert result.stdout == b"" and "status names them" in result.stderr


def test_a_repair_is_guarded(bucket, program, db):
    bucket.put_all(documents(30))
    program("sync", bucket.url, db)
    bucket.delete_all([f"docs/{n:02}.md" for n in range(20)])
    program("verify", "--repair", bucket.url, db, exits=4)
    assert len(table.rows(db)) == 30
    program("verify", "--repair", "--max-deletes", "100%", bucket.url, db)
    assert len(table.rows(db)) == 10


def test_a_table_that_is_not_there(bucket, program, db):
    bucket.put_all({"a": "1", "b": "2"})
    assert verify(program, bucket.url, db) == [("add", "a"), ("add", "b")]
    assert not db.exists()
    verify(program, "--repair", bucket.url, db, exits=0)
    assert table.rows(db) == {"a": b"1", "b": b"2"}


@minio_only
def test_verify_writes_nothing(bucket, program, db):
    bucket.put_all(documents(3))
    program("sync", bucket.url, db)
    change(db, "DELETE FROM objects")
    before = {path: path.read_bytes() for path in db.parent.iterdir() if path.is_file()}
    verify(program, "--deep", bucket.url, db)
    assert {path: path.read_bytes() for path in db.parent.iterdir() if path.is_file()} == before


@minio_only
def test_options_of_other_commands(bucket, program, db):
    error = program("sync", "--deep", bucket.url, db, exits=2).error()
    assert "sync does not take --deep" in error


@minio_only
def test_a_signal_ends_it(bucket, program, proxy, db):
    bucket.put_all(documents(5))
    program("sync", bucket.url, db)
    proxy.delay_s = 30
    running = program.start("verify", "--deep", bucket.url, db, env=proxy.env())
    proxy.wait_for_reads(1)
    running.send_signal(signal.SIGINT)
    began = time.monotonic()
    result = program.finish(running, exits=130)
    assert time.monotonic() - began < 10 and result.stdout == b""
