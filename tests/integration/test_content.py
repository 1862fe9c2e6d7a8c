"""What of an object becomes content: text, its byte-order marks and faults, or bytes."""

import pytest
import table
from marks import minio_only

FFFD = "\ufffd".encode()
MIB = 1 << 20

TEXTS = {
    # name: (object, content)
    "plain": (b"hello\n", b"hello\n"),
    "empty": (b"", b""),
    "crlf": (b"a\r\nb\r\n", b"a\r\nb\r\n"),
    "nul": (b"a\0b\0", b"a\0b\0"),
    "only-nul": (b"\0", b"\0"),
    "utf-8": ("\u00fc\u65e5\U0001f600".encode(), "\u00fc\u65e5\U0001f600".encode()),
    "utf-8-bom": (b"\xef\xbb\xbfhello", b"hello"),
    "utf-8-bom-alone": (b"\xef\xbb\xbf", b""),
    "utf-8-two-boms": (b"\xef\xbb\xbf\xef\xbb\xbfx", b"\xef\xbb\xbfx"),
    "utf-8-bom-later": (b"x\xef\xbb\xbfy", b"x\xef\xbb\xbfy"),
    "utf-16le": (b"\xff\xfe" + "h\u00fc\U0001f600".encode("utf-16-le"),
                 "h\u00fc\U0001f600".encode()),
    "utf-16be": (b"\xfe\xff" + "h\u00fc\U0001f600".encode("utf-16-be"),
                 "h\u00fc\U0001f600".encode()),
    "utf-16le-bom-alone": (b"\xff\xfe", b""),
    "utf-16le-nul": (b"\xff\xfe\0\0", b"\0"),  # not a UTF-32 mark
}
FAULTS = {
    "lone-ff": (b"a\xffb", b"a" + FFFD + b"b"),
    "cut-short": (b"a\xe2\x82", b"a" + FFFD),
    "cut-short-4": (b"\xf0\x9f\x98", FFFD),
    "cut-short-then-text": (b"\xe2\x82z", FFFD + b"z"),
    "overlong": (b"\xc0\xaf", FFFD * 2),
    "overlong-3": (b"\xe0\x80\xaf", FFFD * 3),
    "surrogate": (b"\xed\xa0\x80", FFFD * 3),
    "above-10ffff": (b"\xf4\x90\x80\x80", FFFD * 4),
    "stray-continuation": (b"\x80\xbf", FFFD * 2),
    "utf-16le-odd": (b"\xff\xfea\0b", b"a" + FFFD),
    "utf-16le-surrogate": (b"\xff\xfe\x00\xd8a\0", FFFD + b"a"),
}


def put(bucket, cases):
    bucket.put_all({name: body for name, (body, _) in cases.items()})


def test_text(bucket, program, db):
    put(bucket, TEXTS)
    assert program.sync(bucket.url, db)["failed"] == 0
    assert table.rows(db) == {name: content for name, (_, content) in TEXTS.items()}
    assert table.query(db, "SELECT DISTINCT typeof(content) FROM objects") == [(b"text",)]


def test_get_prints_the_content(bucket, program):
    put(bucket, TEXTS)
    for name, (body, content) in TEXTS.items():
        assert program("get", bucket.url, name).stdout == content
        assert program("get", "--binary", bucket.url, name).stdout == body


def test_replace_is_the_default(bucket, program, db):
    put(bucket, FAULTS)
    assert program.sync(bucket.url, db)["failed"] == 0
    assert table.rows(db) == {name: content for name, (_, content) in FAULTS.items()}


def test_strict_makes_no_row_and_says_so(bucket, program, proxy, db):
    put(bucket, FAULTS | TEXTS)
    options = (bucket.url, db, "--text-errors", "strict")
    summary = program.sync(*options, exits=3)
    assert table.rows(db) == {name: content for name, (_, content) in TEXTS.items()}
    assert summary["failed"] == len(FAULTS) and summary["added"] == len(TEXTS)

    again = program.sync(*options, exits=3, env=proxy.env())
    assert proxy.object_reads() == [], "the content is the same, so nothing is tried again"
    assert again["get_requests"] == 0 and again["failed"] == len(FAULTS)

    bucket.put("lone-ff", b"mended")
    program("sync", *options, exits=3)
    assert table.rows(db)["lone-ff"] == b"mended"


def test_strict_keeps_the_row_it_had(bucket, program, db):
    bucket.put("a", b"good")
    program("sync", bucket.url, db, "--text-errors", "strict")
    bucket.put("a", b"b\xffd")
    program("sync", bucket.url, db, "--text-errors", "strict", exits=3)
    assert table.rows(db) == {"a": b"good"}


def test_bytes_keeps_what_cannot_be_decoded(bucket, program, db):
    put(bucket, FAULTS | TEXTS)
    program("sync", bucket.url, db, "--text-errors", "bytes")
    rows = table.rows(db)
    assert {name: rows[name] for name in FAULTS} == {
        name: body for name, (body, _) in FAULTS.items()}
    assert {name: rows[name] for name in TEXTS} == {
        name: content for name, (_, content) in TEXTS.items()}
    kinds = dict(table.query(db, "SELECT filename, typeof(content) FROM objects"))
    assert kinds[b"lone-ff"] == b"blob" and kinds[b"plain"] == b"text"


def test_changing_text_errors_reads_what_it_must(bucket, program, proxy, db):
    bucket.put_all({"bad": b"a\xff", "good": "text"})
    program("sync", bucket.url, db)
    program("sync", bucket.url, db, "--text-errors", "bytes", env=proxy.env())
    assert table.rows(db) == {"bad": b"a\xff", "good": b"text"}
    assert proxy.object_reads() == [f"{bucket.name}/bad"]


def test_binary_is_the_bytes(bucket, program, db):
    put(bucket, FAULTS | TEXTS)
    program("sync", bucket.url, db, "--binary")
    assert table.rows(db) == bucket.contents()
    assert table.query(db, "SELECT DISTINCT typeof(content) FROM objects") == [(b"blob",)]
    [kind] = [row[2] for row in table.query(db, "PRAGMA table_info(objects)")
              if row[1] == b"content"]
    assert kind == b"BLOB"


def test_from_text_to_binary_and_back(bucket, program, db):
    put(bucket, {"bom": TEXTS["utf-8-bom"], "bad": FAULTS["lone-ff"]})
    for options, expected in [
            ((), {"bom": b"hello", "bad": b"a" + FFFD + b"b"}),
            (("--binary",), {"bom": b"\xef\xbb\xbfhello", "bad": b"a\xffb"}),
            ((), {"bom": b"hello", "bad": b"a" + FFFD + b"b"})]:
        program("sync", bucket.url, db, *options)
        assert table.rows(db) == expected


def test_sizes_around_the_limits_of_buffers(bucket, program, db):
    sizes = [1, 1023, 1024, 4095, 4096, 4097, 16383, 16384, 65535, 65536, MIB - 1, MIB, MIB + 1,
             9 * MIB + 1]
    bucket.put_all({f"{size}": b"0123456789abcde\n" * (size // 16) + b"z" * (size % 16)
                    for size in sizes})
    program("sync", bucket.url, db)
    assert table.rows(db) == bucket.contents()


@minio_only
@pytest.mark.parametrize("options", [(), ("--binary",)], ids=["text", "binary"])
def test_a_200_mb_object_within_the_memory_limit(bucket, plain_program, db, options):
    """
    Bounded by what is read (the object, or the limit if that is more), SQLite's copy of the row that
    it writes, its cache of 64 MiB, and 64 MiB for all else.
    """
    block = bytes(range(32, 127)) * 11038  # 1,048,610 bytes
    body = block * 200
    bucket.put("large", body)
    bucket.put("small", b"beside it")
    wrapper = ("/usr/bin/env", "python3", "-c", MEASURE)
    result = plain_program("sync", bucket.url, db, *options, wrapper=wrapper, timeout_s=300)
    rows = table.rows(db)
    assert rows["small"] == b"beside it"
    assert rows["large"] == body
    peak_mib = int(result.stderr.rsplit("peak KiB ", 1)[1]) // 1024
    assert peak_mib <= 256 + 200 + 64 + 64, f"{peak_mib} MiB"


MEASURE = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print("peak KiB", peak, file=sys.stderr)
sys.exit(status)
"""
