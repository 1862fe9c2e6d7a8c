"""The same `sync` into PostgreSQL, read back by psql."""

import pytest
from marks import minio_only
from postgres import PASSWORD


@pytest.fixture
def target(postgres_target):
    return postgres_target


def rows(postgres):
    """{filename: content} of a table of text."""
    answer = postgres.sql(
        "SELECT filename || E'\\t' || encode(convert_to(content, 'UTF8'), 'hex') FROM app.docs")
    pairs = (line.split("\t") for line in answer.splitlines())
    return {name: bytes.fromhex(content) for name, content in pairs}


TABLE = ("--table", "app.docs")


def test_sync_follows_the_bucket(bucket, program, postgres, target):
    bucket.put_all({f"docs/{n:03}.md": f"document {n}\n" for n in range(150)})
    bucket.put_all({"docs/é 'quoted'.md": "né\n", "docs/empty.md": ""})
    summary = program.sync(bucket.url, target, *TABLE)
    assert summary["added"] == 152 and summary["failed"] == 0
    assert rows(postgres) == bucket.contents()

    again = program.sync(bucket.url, target, *TABLE)
    assert (again["unchanged"], again["get_requests"]) == (152, 0)

    bucket.put_all({"docs/001.md": "changed", "docs/new.md": "new"})
    bucket.delete_all(["docs/002.md", "docs/003.md"])
    third = program.sync(bucket.url, target, *TABLE)
    assert (third["added"], third["updated"], third["deleted"]) == (1, 1, 2)
    assert rows(postgres) == bucket.contents()
    assert postgres.sql("SELECT row_count FROM app.bucketable_tables") == str(len(bucket.keys()))


def test_bytes_and_columns(bucket, program, postgres, target):
    body = bytes(range(256)) * 20
    bucket.put("a.bin", body, ContentType="application/x-thing", Metadata={"lang": "en"})
    program("sync", bucket.url, target, *TABLE, "--binary", "--columns",
            "size,last_modified,content_type,metadata")
    assert postgres.sql("SELECT encode(content, 'hex'), size, pg_typeof(last_modified),"
                        " content_type, metadata ->> 'lang' FROM app.docs").split("|") == [
        body.hex(), str(len(body)), "timestamp with time zone", "application/x-thing", "en"]


def test_what_text_cannot_hold(bucket, program, postgres, target):
    bucket.put_all({"bad": b"\xff\xfe", "good": b"good", "nul": b"a\0b"})
    bucket.put("bytes", b"\x80abc")
    program("sync", bucket.url, target, *TABLE)
    assert rows(postgres) == {"bad": b"", "good": b"good", "nul": "a\ufffdb".encode(),
                              "bytes": "\ufffdabc".encode()}
    summary = program.sync(bucket.url, target, *TABLE, "--text-errors", "strict", exits=3)
    assert summary["failed"] == 2
    assert "U+0000" in postgres.sql(
        "SELECT error FROM app.bucketable_state_docs WHERE filename = 'nul'")


# What the URL, the database or the schema is like, and words of the one line that comes of it.
WRONG = {
    "password": (lambda url: url.replace(PASSWORD, "wrong-password"), "", "", "set PGPASSWORD"),
    "no password": (lambda url: url.replace(":" + PASSWORD, ""), "", "", "~/.pgpass"),
    "user": (lambda url: url.replace("tester:", "nobody:"), "", "", '"nobody"'),
    "database": (lambda url: url + "x", "", "", "does not exist: create it"),
    "server": (lambda url: "postgresql://u@127.0.0.1:1/x", "", "", "Connection refused"),
    "read-only": (None, "ALTER ROLE tester SET default_transaction_read_only = on",
                  "ALTER ROLE tester RESET ALL", "name the server that takes writes"),
    "full": (None, "ALTER ROLE tester CONNECTION LIMIT 0",
             "ALTER ROLE tester CONNECTION LIMIT -1", "needs two connections"),
    "no usage": (None, "ALTER SCHEMA app OWNER TO postgres", "", "permission denied for schema"),
    "no create": (None, "ALTER SCHEMA app OWNER TO postgres;"
                        "GRANT USAGE ON SCHEMA app TO tester", "", "--ddl prints"),
    "table": (None, "CREATE TABLE app.docs (n int)", "", "bucketable did not make it"),
    "state": (None, "CREATE TABLE app.bucketable_tables (n int)", "", "drop it"),
}


@minio_only
@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_used(bucket, program, postgres, target, what):
    """One line each, no password, and the schema as it was."""
    change_url, before, after, words = WRONG[what]
    bucket.put("a", b"1")
    postgres.sql(before)
    tables = ("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class"
              " WHERE relnamespace = 'app'::regnamespace AND relkind = 'r'")
    made = postgres.sql(tables)
    url = change_url(target) if change_url else target
    try:
        line = program("sync", bucket.url, url, *TABLE, exits=1).error()
    finally:
        postgres.sql(after)
    assert words in line and "wrong-password" not in line and PASSWORD not in line
    assert postgres.sql(tables) == made


def test_a_schema_that_is_not_there(bucket, program, target):
    bucket.put("a", b"1")
    line = program("sync", bucket.url, target, "--table", "nosuch.docs", exits=1).error()
    assert "nosuch" in line and "CREATE SCHEMA" in line


def test_the_environment_names_the_database(bucket, program, postgres, target):
    bucket.put("a", b"1")
    env = {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGUSER": "tester",
           "PGPASSWORD": PASSWORD, "PGDATABASE": "postgres"}
    program("sync", bucket.url, "postgresql://", *TABLE, env=env)
    assert rows(postgres) == {"a": b"1"}


def as_administrator(postgres, ddl):
    """The schema is the administrator's, and what `ddl` makes."""
    postgres.sql("DROP SCHEMA app CASCADE")
    postgres.sql("SET client_min_messages = error;" + ddl)


def test_ddl_is_all_that_an_administrator_has_to_run(bucket, program, postgres, target):
    bucket.put_all({f"{n}": "x" for n in range(3)})
    options = [*TABLE, "--columns", "size,metadata"]
    postgres.sql("ALTER SCHEMA app OWNER TO postgres; GRANT USAGE ON SCHEMA app TO tester")
    line = program("sync", bucket.url, target, *options, exits=1).error()
    assert "--ddl" in line and "GRANT CREATE" in line
    before = postgres.sql("SELECT count(*) FROM pg_class")
    ddl = program("sync", bucket.url, target, *options, "--ddl").stdout.decode()
    assert program("watch", bucket.url, target, *options, "--ddl").stdout.decode() == ddl
    assert postgres.sql("SELECT count(*) FROM pg_class") == before
    assert PASSWORD not in ddl and ddl.endswith('TO "tester";\n')
    as_administrator(postgres, ddl)
    assert program.sync(bucket.url, target, *options)["added"] == 3
    bucket.delete("1")
    assert program.sync(bucket.url, target, *options)["deleted"] == 1
    assert postgres.sql("SELECT sum(size) FROM app.docs") == "2"
    assert program("verify", bucket.url, target, *options, "--deep").stdout == b""


def test_ddl_needs_no_server_and_no_other_target_has_one(bucket, program, db):
    ddl = program("sync", bucket.url, "postgresql://u:p@127.0.0.1:1/x", "--ddl", "--binary").stdout
    assert b"content bytea" in ddl and b"CREATE SCHEMA" not in ddl
    line = program("sync", bucket.url, db, "--ddl", exits=2).error()
    assert "PostgreSQL" in line and not db.exists()
    assert "plan does not take --ddl" in program("plan", bucket.url, db, "--ddl", exits=2).error()
