"""Keys are opaque bytes: what the bucket lists is what the table, `ls` and `get` have.

No server takes all of them: MinIO refuses empty and dot segments and cuts a leading slash, moto
does not find keys with line feeds again.
"""

import json

import pytest
import table
from marks import minio_only, moto_only

COMMON = [
    "with space", " leading and trailing ", "plus+plus", "100%", "a%2Fb", "a%20b", "%", "a&b=c",
    "what?", "a#b", "key=value", "it's", 'say "hi"', "<tag>", "&amp;", "&#x41;", "semi;colon",
    "co:lon", "at@", "dollar$", "com,ma", "(paren)", "[bracket]", "{brace}", "til~de", "star*",
    "ca^ret", "grave`", "pi|pe", "back\\slash", "ex!claim", "-dash", "--option", "..dots..",
    "caf\u00e9", "cafe\u0301", "\u212b", "\u00c5", "\u65e5\u672c\u8a9e/\u6587.md", "\U0001f600",
    "\u00a0nbsp", "\u2028line", "\ufeffbom", "a/b/c/d/e", "UPPER", "upper",
]
CONTROL = ["tab\there", "bell\x07", "ctl\x01", "esc\x1b[31m", "del\x7f", "cr\rhere"]
LINE_FEED = ["line\nfeed", "ends\n"]
SEGMENTS = ["a//b", "//", "./dot", "a/./b", "../up", "a/../b", "/lead", "a/b//", ".", "s3://inside"]
LONG = ["l" * 1024, "\u00fc" * 512, "d/" * 511 + "xx"]


def cases(server):
    if server.name == "minio":
        return COMMON + CONTROL + LINE_FEED + ["s" * 255 + "/" + "t" * 255]
    return COMMON + SEGMENTS + LONG


@pytest.fixture
def keys(bucket, server):
    """The bucket holds one object for each case; its content is its number."""
    made = cases(server)
    bucket.put_all({key: f"{n}" for n, key in enumerate(made)})
    assert set(bucket.keys()) == set(made), "the server changed a key: not this test's business"
    return [key for key in made if not key.endswith("/")]


def test_every_key_is_a_row_byte_for_byte(bucket, program, db, keys):
    program("sync", bucket.url, db)
    assert table.rows(db) == bucket.contents()
    assert set(table.rows(db)) == set(keys)


def test_every_key_is_known_again(bucket, program, proxy, db, keys):
    program("sync", bucket.url, db)
    summary = program.sync(bucket.url, db, env=proxy.env())
    assert proxy.object_reads() == []
    assert summary["unchanged"] == len(keys) and summary["deleted"] == 0


def test_ls_lists_every_key_in_order_of_bytes(bucket, program, keys):
    listed = program("ls", "-0", bucket.url).stdout
    assert listed.endswith(b"\0")
    assert listed[:-1].split(b"\0") == sorted(key.encode() for key in keys)
    assert [json.loads(line)["filename"] for line in
            program("ls", "--json", bucket.url).stdout.splitlines()] == sorted(
                keys, key=str.encode)


def test_get_reads_every_key(bucket, program, server, keys):
    everything = cases(server)
    for key in keys:
        assert program("get", bucket.url, "--", key).stdout == f"{everything.index(key)}".encode()


@minio_only
def test_ls_shows_control_characters_as_escapes(bucket, program):
    bucket.put_all({"line\nfeed": "", "ctl\x01": "", "back\\slash": "", "\u00fc": ""})
    lines = program("ls", bucket.url).stdout.decode().splitlines()
    assert [line.split()[-1] for line in lines] == [
        "back\\\\slash", "ctl\\x01", "line\\nfeed", "\u00fc"]


def test_both_unicode_forms_are_two_keys(bucket, program, db):
    bucket.put_all({"caf\u00e9": "composed", "cafe\u0301": "decomposed"})
    program("sync", bucket.url, db)
    assert table.rows(db) == {"caf\u00e9": b"composed", "cafe\u0301": b"decomposed"}


@moto_only
def test_a_prefix_may_hold_anything(bucket, program, db):
    bucket.put_all({"a//b": "1", "a/b": "2", "./x": "3", "/lead": "4", "a+b c%/x": "5"})
    for number, prefix, expected in [
            (1, "a//", ["a//b"]), (2, "./", ["./x"]), (3, "/", ["/lead"]),
            (4, "a+b c%", ["a+b c%/x"])]:
        target = db.with_name(f"{number}.db")
        program("sync", f"{bucket.url}/{prefix}", target)
        assert sorted(table.rows(target)) == expected
