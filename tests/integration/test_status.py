"""`status` tells how a table fares from its state alone."""

import pytest
from marks import moto_only

pytestmark = moto_only


@pytest.fixture
def filled(bucket, program, db):
    bucket.put_all({"a": "1", "b": "2", "bad\u00e9": b"\xff", "worse": b"\xfe"})
    program("sync", bucket.url, db, "--text-errors", "strict", exits=3)
    return bucket


def test_json(filled, program, db):
    status = program("status", "--json", db).json()
    assert set(status) == {"table", "source", "rows", "failed", "last_change", "last_listing",
                           "lag_seconds", "failures"}
    assert (status["table"], status["source"]) == ("objects", filled.url)
    assert (status["rows"], status["failed"]) == (2, 2)
    listing = status["last_listing"]
    assert (listing["listed"], listing["matched"], listing["failed"]) == (4, 4, 2)
    assert 0 <= status["lag_seconds"] < 60
    assert [failure["filename"] for failure in status["failures"]] == ["bad\u00e9", "worse"]
    assert all("not valid UTF-8 at byte 0" in f["reason"] for f in status["failures"])


def test_text(filled, program, db):
    text = program("status", db).stdout.decode()
    assert text.startswith(f"objects: {filled.url}\n  rows          2\n  last listing  20")
    assert ": 4 listed, 4 of them rows\n" in text
    assert "    bad\u00e9: " in text and "  failed        2\n" in text


def test_each_table_of_the_file(filled, program, db):
    program("sync", filled.url, db, "--table", "more", "--include", "a")
    tables = program("status", "--json", db).json_lines()
    assert [(t["table"], t["rows"], len(t["failures"])) for t in tables] == [
        ("more", 1, 0), ("objects", 2, 2)]


def test_it_needs_no_network_and_leaves_nothing_behind(filled, program, db):
    before = {path: path.read_bytes() for path in db.parent.iterdir() if path.is_file()}
    program("status", db, env={"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": ""})
    assert {path: path.read_bytes() for path in db.parent.iterdir() if path.is_file()} == before


def test_a_spec_file_names_the_target(filled, program, db, tmp_path):
    spec = tmp_path / "spec.json"
    spec.write_text('{"source": {"bucket_name": "b"}, "target": {"url": "%s"}}' % db)
    assert program("status", "--json", spec).json()["rows"] == 2


def test_what_has_no_state(bucket, program, db, tmp_path):
    assert "bucketable: open" in program("status", db, exits=1).error()
    assert not db.exists()
    (tmp_path / "empty.db").write_bytes(b"")
    assert "bucketable has no table in it" in (
        program("status", tmp_path / "empty.db", exits=1).error())
    program("status", exits=2)
