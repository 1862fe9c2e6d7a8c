"""`explain` tells why a key is, or is not, a row."""

import pytest
import table
from marks import minio_only


@pytest.fixture
def filled(bucket, program, db):
    bucket.put_all({"docs/a.md": "alpha", "docs/.git/b.md": "beta", "docs/big.md": "x" * 100,
                    "other": "x"})
    return bucket


RULES = ["--include", "**/*.txt", "--include", "**/*.md", "--exclude", "**/.git",
         "--max-file-size", "50"]


def explain(program, *arguments, **how):
    return program("explain", "--json", *arguments, **how).json()


def decides(explanation):
    return [(rule["rule"], rule["value"], rule["answer"])
            for rule in explanation["rules"] if rule["decides"]]


@pytest.mark.parametrize("key, matches, decided", [
    ("docs/a.md", True, [("included_patterns", "**/*.md", "passes")]),
    ("docs/.git/b.md", False, [("excluded_patterns", "**/.git", "stops")]),
    ("docs/big.md", False, [("max_file_size", "50", "stops")]),
    ("other", False, [("prefix", "docs/", "stops")]),
    ("docs/", False, [("directory_marker", None, "stops")]),
    ("docs/a.exe", False, []),
])
def test_the_rule_that_decides(filled, program, key, matches, decided):
    explanation = explain(program, f"{filled.url}/docs/", key, *RULES)
    assert explanation["filename"] == key and explanation["matches"] == matches
    assert decides(explanation) == decided
    assert [rule["rule"] for rule in explanation["rules"]] == [
        "prefix", "directory_marker", "max_file_size", "included_patterns", "included_patterns",
        "excluded_patterns"]
    assert "state" not in explanation, "no target was named"


def test_the_object_and_what_a_sync_would_do(filled, program, proxy):
    found = explain(program, filled.url, "docs/a.md", env=proxy.env())
    item = next(item for item in filled.listing() if item["Key"] == "docs/a.md")
    assert found["object"]["size"] == 5
    assert found["object"]["etag"] == item["ETag"].strip('"')
    assert found["object"]["last_modified"].startswith(f"{item['LastModified']:%Y-%m-%dT%H:%M:%S}")
    assert found["next"]["op"] == "add"
    absent = explain(program, filled.url, "nowhere")
    assert absent["object"] is None and absent["next"]["op"] == "nothing"


def test_the_row_its_state_and_the_next_step(filled, program, db):
    def ask(key):
        return explain(program, filled.url, db, key)

    before = ask("docs/a.md")
    assert (before["row"], before["state"], before["next"]["op"]) == (None, None, "add")
    assert not db.exists()

    program("sync", filled.url, db)
    same = ask("docs/a.md")
    assert same["row"] == {"content_bytes": 5}
    assert same["state"]["etag"] == same["object"]["etag"] and same["state"]["error"] is None
    assert same["next"] == {"op": "nothing", "why": "nothing: the row is the object's"}

    filled.put("docs/a.md", b"changed")
    filled.delete("other")
    assert ask("docs/a.md")["next"]["op"] == "update"
    assert ask("other")["next"]["op"] == "delete"
    assert explain(program, filled.url, db, "docs/big.md", *RULES)["next"]["op"] == "delete"
    assert ask("never-seen")["state"] is None

    program("sync", filled.url, db)
    gone = ask("other")
    assert gone["row"] is None and gone["next"]["op"] == "nothing"


def test_a_failure_says_why(bucket, program, db):
    bucket.put("bad", b"\xff")
    strict = [bucket.url, db, "--text-errors", "strict"]
    program("sync", *strict, exits=3)
    found = explain(program, *strict[:2], "bad", *strict[2:])
    assert found["state"]["failed"] and "not valid UTF-8 at byte 0" in found["state"]["error"]
    assert found["next"]["op"] == "nothing" and "until the object" in found["next"]["why"]


def test_a_row_that_somebody_deleted(filled, program, db):
    program("sync", filled.url, db)
    with table.connect(db) as connection:
        connection.execute("DELETE FROM objects WHERE filename = 'docs/a.md'")
        connection.execute("INSERT INTO objects VALUES ('mine', 'x')")
        connection.commit()
    assert "verify --repair" in explain(program, filled.url, db, "docs/a.md")["next"]["why"]
    assert "somebody else made" in explain(program, filled.url, db, "mine")["next"]["why"]


def test_text(filled, program, db):
    program("sync", filled.url, db)
    text = program("explain", f"{filled.url}/docs/", db, "docs/.git/b.md", *RULES).stdout.decode()
    assert text.startswith("key     docs/.git/b.md\n  passes    prefix \"docs/\" (the key begins")
    assert ("  stops     excluded_patterns \"**/.git\" (it matches the directory docs/.git)"
            "  <- decides\n") in text
    assert "\nobject  4 bytes, of 20" in text and "\nrow     4 bytes of content\n" in text
    assert text.endswith("\nnext    a sync deletes the row, since a rule stops the key\n")


@minio_only
def test_an_object_that_may_not_be_read(filled, program):
    found = explain(program, filled.url, "docs/a.md", "--no-sign-request")
    assert "403" in found["object_error"] and found["object"] is None


@minio_only
def test_usage(program):
    program("explain", "s3://only-a-source", exits=2)
    program("explain", "s3://bucket", "", exits=2)
