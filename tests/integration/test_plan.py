"""`plan` foretells what `sync` does, and touches nothing."""

import table
from marks import minio_only


def plan(program, *arguments, **how):
    return [(line["op"], line["filename"])
            for line in program("plan", "--json", *arguments, **how).json_lines()]


def files(directory):
    """Every file below, with its bytes."""
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def changed(bucket, program, db):
    """A table, and a bucket that has gone on."""
    bucket.put_all({f"docs/{n:02}.md": f"document {n}" for n in range(30)})
    program("sync", bucket.url, db)
    bucket.put_all({"docs/03.md": "other", "docs/new.md": "new", "a.md": "first"})
    bucket.delete_all(["docs/05.md", "docs/29.md"])
    return [("add", "a.md"), ("update", "docs/03.md"), ("delete", "docs/05.md"),
            ("delete", "docs/29.md"), ("add", "docs/new.md")]


def test_plan_is_what_sync_does_next(bucket, program, proxy, db):
    expected = changed(bucket, program, db)
    assert plan(program, bucket.url, db, env=proxy.env()) == expected
    assert proxy.object_reads() == []

    summary = program.sync(bucket.url, db)
    assert (summary["added"], summary["updated"], summary["deleted"]) == (2, 1, 2)
    assert plan(program, bucket.url, db) == []


def test_plan_writes_nothing(bucket, program, db, tmp_path):
    changed(bucket, program, db)
    before = files(tmp_path)
    plan(program, bucket.url, db)
    assert files(tmp_path) == before


def test_a_table_that_is_not_there_is_empty(bucket, program, db):
    bucket.put_all({"b": "2", "a": "1", "c/": ""})
    assert plan(program, bucket.url, db) == [("add", "a"), ("add", "b")]
    assert not db.exists()
    program("sync", bucket.url, db, "--table", "other")
    assert plan(program, bucket.url, db) == [("add", "a"), ("add", "b")]


@minio_only  # moto serves no key with a line feed
def test_text_lines_are_signs_and_escaped_keys(bucket, program, db):
    bucket.put_all({"b\n+ c": "1", "a": "2"})
    result = program("plan", bucket.url, db)
    assert result.stdout == b"+ a\n+ b\\n+ c\n"
    assert "2 rows" in result.stderr
    assert program("plan", "-q", bucket.url, db).stderr == ""


def test_a_changed_spec_is_planned_without_reading(bucket, program, db):
    bucket.put_all({"a.md": "a", "b.md": "b", "c.txt": "c", "z/d.md": "d"})
    program("sync", bucket.url, db, "--include", "*.md")
    narrower = [bucket.url, db, "--include", "*.txt", "--include", "a*"]
    assert plan(program, *narrower) == [
        ("delete", "b.md"), ("add", "c.txt"), ("delete", "z/d.md")]
    summary = program.sync(*narrower)
    assert (summary["added"], summary["updated"], summary["deleted"]) == (1, 0, 2)


def test_gaps_between_prefixes_keep_the_order(bucket, program, db):
    """Rows in stretches that are not listed any more go, in their place among the others."""
    bucket.put_all({key: key for key in ("a/1", "b/1", "c/1", "d/1", "e/1")})
    program("sync", bucket.url, db)
    bucket.put_all({"b/2": "2", "d/2": "2"})
    options = ["--include", "b/**", "--include", "d/**"]
    assert plan(program, bucket.url, db, *options) == [
        ("delete", "a/1"), ("add", "b/2"), ("delete", "c/1"), ("add", "d/2"), ("delete", "e/1")]


def test_another_decoding_and_new_columns_read_rows_again(bucket, program, db):
    bucket.put_all({"a": "1", "b": b"\xff"})
    program("sync", bucket.url, db)
    assert plan(program, bucket.url, db, "--binary") == [("update", "a"), ("update", "b")]
    assert plan(program, bucket.url, db, "--columns", "size") == [("update", "a"), ("update", "b")]
    assert plan(program, bucket.url, db, "--text-errors", "bytes") == [("update", "b")]


def test_what_max_deletes_would_stop_is_said(bucket, program, db):
    bucket.put_all({f"{n:02}": "x" for n in range(30)})
    program("sync", bucket.url, db)
    bucket.delete_all([f"{n:02}" for n in range(20)])
    result = program("plan", bucket.url, db)
    assert result.stdout.count(b"- ") == 20
    assert "warning: sync would stop: 20 of 30 rows would go, and max_deletes allows 15" in (
        result.stderr)
    assert "would stop" not in program("plan", bucket.url, db, "--max-deletes", "20").stderr
    program("sync", bucket.url, db, exits=4)


def test_known_failures_are_no_steps(bucket, program, db):
    bucket.put_all({"good": "1", "bad": b"\xff"})
    strict = [bucket.url, db, "--text-errors", "strict"]
    program("sync", *strict, exits=3)
    result = program("plan", *strict)
    assert result.stdout == b"" and "1 objects cannot be made rows" in result.stderr
    bucket.put("bad", b"\xfe")
    assert plan(program, *strict) == [("add", "bad")]


@minio_only
def test_tables_that_sync_would_refuse(bucket, program, db):
    with table.connect(db) as connection:
        connection.execute("CREATE TABLE objects (x)")
        connection.commit()
    assert "bucketable did not make it" in program("plan", bucket.url, db, exits=1).error()
    program("sync", bucket.url, db, "--table", "ours")
    error = program("plan", "s3://another-bucket", db, "--table", "ours", exits=1).error()
    assert f"holds {bucket.url}" in error
    no_database = db.with_name("notes.db")
    no_database.write_text("these are notes, and no database at all\n" * 100)
    assert "no SQLite database" in program("plan", bucket.url, no_database, exits=1).error()


@minio_only
def test_no_target(bucket, program):
    assert "no target" in program("plan", bucket.url, exits=2).error()


@minio_only
def test_a_dropped_table_is_empty(bucket, program, db):
    bucket.put_all({"a": "1", "b": "2"})
    program("sync", bucket.url, db)
    with table.connect(db) as connection:
        connection.execute("DROP TABLE objects")
        connection.commit()
    assert plan(program, bucket.url, db) == [("add", "a"), ("add", "b")]
