"""Looking at a table in PostgreSQL: what is said is what is said of the same table in SQLite."""

import pytest
import table
from marks import minio_only, moto_only
from test_enqueue import Queue, keys

TABLE = ("--table", "app.docs")


def tables(postgres):
    """What is in the database, and whether somebody wrote: the rows' versions."""
    names = postgres.sql("SELECT relname FROM pg_class WHERE relnamespace = 'app'::regnamespace"
                         " ORDER BY 1")
    versions = [postgres.sql(f"SELECT count(*), max(xmin::text::bigint) FROM app.{name}")
                for name in names.split() if not name.endswith("_pkey") and "odd" not in name]
    return names, versions


class Both:
    """Two tables of one bucket, and what the program says of each."""

    def __init__(self, bucket, program, postgres, url, db):
        self.bucket, self.program, self.postgres = bucket, program, postgres
        self.targets = ((db,), (url, *TABLE))
        self.db = db

    def run(self, command, *more, **how):
        for target in self.targets:
            self.program(command, self.bucket.url, *target, *more, **how)

    def ask(self, command, *more, exits=0):
        """(stdout, stderr), which do not say which target it was."""
        before = tables(self.postgres)
        (sqlite, postgres) = [
            self.program(command, self.bucket.url, *target, *more, exits=exits)
            for target in self.targets]
        assert tables(self.postgres) == before
        assert (postgres.stdout, postgres.stderr) == (sqlite.stdout, sqlite.stderr)
        return postgres.stdout.decode(), postgres.stderr

    def explain(self, key, *more):
        (sqlite, postgres) = [
            self.program("explain", "--json", self.bucket.url, target[0], key, *target[1:],
                         *more).json()
            for target in self.targets]
        for found in (sqlite, postgres):
            if found["state"]:
                del found["state"]["revision"]  # batches are as large as they come
        assert postgres == sqlite
        return postgres

    def change(self, sqlite, postgres=None):
        with table.connect(self.db) as connection:
            connection.executescript(sqlite)
        self.postgres.sql((postgres or sqlite).replace("objects", "app.docs"))


@pytest.fixture
def both(bucket, program, postgres, postgres_target, db):
    return Both(bucket, program, postgres, postgres_target, db)


def documents(count):
    return {f"docs/{n:02}.md": f"document {n}" for n in range(count)}


@minio_only
def test_plan(bucket, both):
    bucket.put_all(documents(30))
    assert both.ask("plan")[0].count("+ ") == 30
    both.run("sync")
    assert both.ask("plan")[0] == ""
    bucket.put_all({"docs/03.md": "other", "docs/new.md": "new", "a.md": "first"})
    bucket.delete_all(["docs/05.md", "docs/29.md"])
    assert both.ask("plan")[0] == "+ a.md\n~ docs/03.md\n- docs/05.md\n- docs/29.md\n+ docs/new.md\n"
    assert both.ask("plan", "--columns", "size")[0].count("~ ") == 28
    assert both.ask("plan", "--binary")[0].count("~ ") == 28
    assert both.ask("plan", "--include", "a*")[0].count("- ") == 30
    assert "max_deletes" in both.ask("plan", "--include", "a*")[1]


@minio_only
def test_explain(bucket, both):
    bucket.put_all({"a.md": "alpha", "other": "x", "bad": b"\xff"})
    strict = ["--text-errors", "strict"]
    assert both.explain("a.md", *strict)["next"]["op"] == "add"
    both.run("sync", *strict, exits=3)
    same = both.explain("a.md", *strict)
    assert same["row"] == {"content_bytes": 5} and same["next"]["op"] == "nothing"
    assert "not valid UTF-8" in both.explain("bad", *strict)["state"]["error"]
    assert both.explain("never-seen", *strict)["state"] is None
    bucket.put("a.md", b"changed")
    bucket.delete("other")
    assert both.explain("a.md", *strict)["next"]["op"] == "update"
    assert both.explain("other", *strict)["next"]["op"] == "delete"
    both.change("DELETE FROM objects WHERE filename = 'a.md';"
                "INSERT INTO objects VALUES ('mine', 'x')")
    assert both.explain("a.md", *strict)["row"] is None
    assert "somebody else made" in both.explain("mine", *strict)["next"]["why"]


@minio_only
def test_verify(bucket, both, program, postgres):
    bucket.put_all(documents(12))
    bucket.put_all({"utf-16": "t\u00e9xt".encode("utf-16"), "empty": "", "B": "upper", "\u00e9": "e"})
    both.run("sync")
    assert both.ask("verify")[0] == ""
    assert both.ask("verify", "--deep")[0] == ""
    both.change("DELETE FROM objects WHERE filename IN ('docs/00.md', 'docs/11.md');"
                "INSERT INTO objects VALUES ('', 'no name'), ('a', 'extra'), ('zz', 'last');"
                "UPDATE objects SET content = NULL WHERE filename = 'docs/05.md';"
                "UPDATE objects SET content = 'shortened' WHERE filename = 'docs/06.md';"
                "UPDATE objects SET content = 'Document 8' WHERE filename = 'docs/08.md'")
    by_listing = "- \n- a\n+ docs/00.md\n~ docs/05.md\n~ docs/06.md\n+ docs/11.md\n- zz\n"
    assert both.ask("verify", exits=5)[0] == by_listing
    by_content = by_listing.replace("+ docs/11", "~ docs/08.md\n+ docs/11")
    assert both.ask("verify", "--deep", exits=5)[0] == by_content
    both.run("verify", "--deep", "--repair")
    assert both.ask("verify", "--deep")[0] == ""
    assert postgres.sql("SELECT count(*) FROM app.docs") == "16"


@minio_only
def test_bytes_are_compared(bucket, both):
    bucket.put_all({f"{n}": bytes([n]) * (n << 10) for n in range(40)})
    both.run("sync", "--binary")
    assert both.ask("verify", "--deep", "--binary")[0] == ""
    both.change("UPDATE objects SET content = zeroblob(1024) WHERE filename = '1'",
                "UPDATE objects SET content = decode(repeat('00', 1024), 'hex')"
                " WHERE filename = '1'")
    assert both.ask("verify", "--deep", "--binary", exits=5)[0] == "~ 1\n"


@minio_only
def test_status(bucket, program, postgres, both):
    bucket.put_all({"a": "1", "b": "2", "bad\u00e9": b"\xff", "worse": b"\xfe"})
    both.run("sync", "--text-errors", "strict", exits=3)
    before = tables(postgres)
    (sqlite, found) = [program("status", "--json", *target).json() for target in both.targets]
    assert found["table"] == "docs" and found["source"] == bucket.url
    for status in (sqlite, found):
        assert 0 <= status["lag_seconds"] < 60
        assert status["last_change"].startswith("20") and status["last_change"].endswith("Z")
        for field in ("table", "lag_seconds", "last_change"):
            del status[field]
        del status["last_listing"]["ended_at"]
    assert found == sqlite and len(found["failures"]) == 2
    assert program("status", both.targets[1][0], *TABLE).stdout.startswith(b"docs: ")
    assert tables(postgres) == before


@minio_only
def test_what_has_no_state(bucket, program, postgres, postgres_target):
    bucket.put("a", "1")
    error = program("status", postgres_target, *TABLE, exits=1).error()
    assert "bucketable has no table in schema app" in error
    error = program("plan", bucket.url, postgres_target, "--table", "nosuch.docs", exits=1).error()
    assert "CREATE SCHEMA" in error
    postgres.sql("REVOKE CREATE ON SCHEMA app FROM tester; ALTER SCHEMA app OWNER TO postgres;"
                 "GRANT USAGE ON SCHEMA app TO tester")
    error = program("plan", bucket.url, postgres_target, *TABLE, exits=1).error()
    assert 'GRANT CREATE ON SCHEMA "app" TO "tester"' in error and "--ddl" in error
    postgres.sql("ALTER SCHEMA app OWNER TO tester; CREATE TABLE app.docs (n int)")
    error = program("plan", bucket.url, postgres_target, *TABLE, exits=1).error()
    assert "bucketable did not make it" in error
    assert "/app" not in error and tables(postgres)[0] == "docs"


@moto_only
def test_enqueue_only_changed(bucket, program, server, postgres, postgres_target):
    queue = Queue(server, bucket.name)
    bucket.put_all({"a": "1", "b": "2", "gone": "3"})
    program("sync", bucket.url, postgres_target, *TABLE)
    bucket.put_all({"b": "other", "new": "4"})
    bucket.delete("gone")
    before = tables(postgres)
    summary = program("enqueue", "--json", bucket.url, postgres_target, *TABLE, "--only-changed",
                      "--sqs-queue-url", queue.url).json()
    assert (summary["matched"], summary["sent"]) == (3, 2)
    assert keys(queue.take_all()) == ["b", "new"]
    assert tables(postgres) == before


@minio_only
def test_check_tries_the_table(bucket, program, postgres, postgres_target):
    bucket.put("a", "1")
    assert b"the table will be made" in program("check", bucket.url, postgres_target, *TABLE).stdout
    assert tables(postgres)[0] == ""
    program("sync", bucket.url, postgres_target, *TABLE)
    assert b"the table is this source's" in (
        program("check", bucket.url, postgres_target, *TABLE).stdout)
