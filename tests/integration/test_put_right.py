"""What the client puts right by itself on the way: region, clock, credentials, stragglers, and
transfers that break.
"""

import hashlib
import os
import time
from collections import Counter

import pytest
import table
from faulty import ACCESS, SECRET, URL, contents, fill, hits, ops, program, start_stub, stub  # noqa: F401
from program import Program

MIB = 1 << 20


# The bucket is in another region: found out once, and remembered

@pytest.fixture
def ireland(tmp_path):
    server = start_stub(region="eu-west-1")
    server.program = Program(os.environ["BUCKETABLE"], server, tmp_path)
    yield server
    server.stop()


def test_a_signature_for_the_wrong_region(ireland, db):
    """400 AuthorizationHeaderMalformed with a Region."""
    expected = fill(ireland)
    ireland.program.sync(URL, db)
    assert table.rows(db) == expected
    assert ops(ireland) == ["list", "list"] + ["get"] * len(expected)


def test_a_redirect_with_the_region_in_a_header(ireland, db):
    expected = fill(ireland)
    ireland.fault({"redirect": "301", "region": "eu-west-1"}, op="list", count=1)
    ireland.program.sync(URL, db)
    assert table.rows(db) == expected
    assert ops(ireland)[:3] == ["list", "list", "get"]


def test_a_redirect_without_region_asks_the_bucket(tmp_path, db):
    server = start_stub(region="eu-west-1", verify_key=None)  # else it says 400 at once
    expected = fill(server)
    server.fault({"redirect": "301"}, op="list", count=1)
    Program(os.environ["BUCKETABLE"], server, tmp_path).sync(URL, db)
    assert table.rows(db) == expected
    assert ops(server)[:4] == ["list", "head", "list", "get"]
    server.stop()


def test_a_redirect_that_nobody_explains(stub, program, contents, db):
    stub.fault({"redirect": "301"}, op="list")
    line = program("sync", URL, db, exits=1).error()
    assert "301 PermanentRedirect" in line and "us-east-1" in line
    assert ops(stub) == ["list", "head"]


def test_redirects_that_go_in_circles(ireland, db):
    fill(ireland)
    ireland.fault({"redirect": "301", "region": "eu-west-2"}, op="list")
    line = ireland.program("sync", URL, db, exits=1).error()
    assert "301 PermanentRedirect" in line
    assert ops(ireland) == ["list", "list"]


@pytest.mark.parametrize("region", ["evil.example.com#", "a" * 100, "us-east-1/x", "%s%n"])
def test_a_region_that_is_none(stub, program, contents, db, region):
    stub.fault({"redirect": "301", "region": region}, op="list")
    program("sync", URL, db, exits=1).error()
    assert ops(stub) == ["list"]


def test_a_temporary_redirect_is_followed_once_and_not_remembered(stub, program, contents, db):
    """A new bucket's name may not be known everywhere yet."""
    elsewhere = start_stub(bucket="bucket")
    for key, body in contents.items():
        elsewhere.put(key, body)
    stub.fault({"redirect": "307", "location": f"{elsewhere.url}/bucket"}, op="list", count=1)
    program.sync(URL, db)
    assert table.rows(db) == contents
    assert ops(stub) == ["list"] + ["get"] * len(contents)
    assert ops(elsewhere) == ["list"]
    elsewhere.stop()


@pytest.mark.parametrize("location", [
    "http://evil.example.com/", "https://127.0.0.1/", "http://user@127.0.0.1/", "//127.0.0.1/",
    "http://127.0.0.1.evil.example.com/", "http://127.0.0.1:99999/", "ftp://127.0.0.1/", ""])
def test_a_temporary_redirect_to_a_stranger(stub, program, contents, db, location):
    """Nobody else is shown a signed request."""
    stub.fault({"redirect": "307", "location": location}, op="list")
    assert "307 TemporaryRedirect" in program("sync", URL, db, exits=1).error()
    assert ops(stub) == ["list"]


# A clock that is off

@pytest.mark.parametrize("seconds", [-3600, 3600, 86400])
def test_a_clock_that_is_off(stub, program, contents, db, seconds):
    stub.fault({"skew_seconds": seconds})
    assert program.sync(URL, db)["retries"] == 1
    assert table.rows(db) == contents
    stub.clear_faults()
    contents.put("docs/new.txt", "and back\n")
    program.sync(URL, db)
    assert table.rows(db) == contents


def test_a_wrong_signature_from_a_server_with_another_time(stub, program, contents, db):
    stub.fault({"status": 403, "code": "SignatureDoesNotMatch", "skew_seconds": 600}, count=1)
    stub.fault({"skew_seconds": 600})
    program.sync(URL, db)
    assert table.rows(db) == contents


def test_a_server_that_complains_for_ever(stub, program, contents, db):
    stub.fault({"status": 403, "code": "RequestTimeTooSkewed"})
    assert "set this machine's clock" in program("sync", URL, db, exits=1).error()
    assert ops(stub) == ["list", "list"]


# Credentials that end while we work

@pytest.fixture
def rotating(program, tmp_path):
    """A program that gives the same keys with another session token each time."""
    script = tmp_path / "keys"
    script.write_text(f"""#!/bin/sh
echo x >> {tmp_path}/asked
n=$(wc -l < {tmp_path}/asked)
echo '{{"Version": 1, "AccessKeyId": "{ACCESS}", "SecretAccessKey": "{SECRET}",'
echo '"SessionToken": "token-'$n'"}}'
""")
    script.chmod(0o700)
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {script}\n")
    program.env.update(AWS_CONFIG_FILE=str(config), AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    program.asked = lambda: len((tmp_path / "asked").read_text().split())
    return program


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken", "TokenRefreshRequired"])
def test_credentials_that_end_in_the_middle(stub, rotating, contents, db, code):
    """All the requests under way are refused; the keys are fetched once more, not for each."""
    stub.fault({"status": 400, "code": code}, op="get", count=8)
    rotating.sync(URL, db)
    assert table.rows(db) == contents
    assert rotating.asked() == 2


def test_credentials_that_are_refused_again(stub, rotating, contents, db):
    stub.fault({"status": 400, "code": "ExpiredToken"})
    line = rotating("sync", URL, db, exits=1).error()
    assert "ExpiredToken" in line and "token-" not in line
    assert rotating.asked() == 2


# Stragglers and storms

def test_a_small_object_that_is_late_is_asked_for_twice(stub, program, contents, db):
    stub.fault({"delay_ms": 15000}, op="get", key_prefix="docs/05", count=1)
    began = time.monotonic()
    summary = program.sync(URL, db)
    assert time.monotonic() - began < 8
    assert table.rows(db) == contents
    assert summary["get_requests"] == len(contents) + 1 and summary["retries"] == 0


def test_stragglers_are_not_asked_for_twice_when_all_are(stub, program, contents, db):
    stub.fault({"delay_ms": 3000}, op="get")
    summary = program.sync(URL, db)
    assert table.rows(db) == contents
    assert summary["get_requests"] <= len(contents) + 1


def test_fewer_at_a_time_while_the_server_wants_it(stub, program, contents, db):
    for n in range(200):
        contents.put(f"many/{n:03}", f"{n}\n")
    stub.latency(get_ms=20)
    stub.fault({"status": 503, "code": "SlowDown"}, op="get", count=30)
    program.sync(URL, db)
    assert table.rows(db) == contents
    before = stub.stats()["max_concurrent_gets"]
    assert before >= 30  # until told
    assert hits(stub) == 30


def test_hints_of_the_server_are_followed_and_capped(stub, program, contents, db):
    stub.fault({"status": 503, "code": "SlowDown", "headers": {"x-amz-retry-after": "1500"}},
               op="list", count=1)
    assert 1.5 <= program.sync(URL, db)["seconds"] < 10
    assert table.rows(db) == contents


# Large objects: read on from where it broke, while it is the same object

@pytest.fixture
def large(stub, contents):
    contents.put("docs/large.bin", os.urandom(3 * MIB).hex())
    return contents


def of_large(stub):
    return [r for r in stub.requests() if r["op"] == "get" and r["key"] == "docs/large.bin"]


@pytest.mark.parametrize("do", [{"truncate_after_bytes": 2 * MIB + 17},
                                {"reset_after_bytes": 4 * MIB}],
                         ids=["cut", "reset"])
def test_a_large_object_is_read_on(stub, program, large, db, do):
    stub.fault(do, op="get", key_prefix="docs/large", count=1)
    program.sync(URL, db)
    assert table.rows(db) == large
    first, second = of_large(stub)
    assert first["range"] == ""
    assert second["range"].startswith("bytes=") and second["range"].endswith("-")
    assert int(second["range"][6:-1]) >= MIB
    digest = hashlib.md5(large["docs/large.bin"]).hexdigest()
    assert second["if_match"] == f'"{digest}"'


def test_a_large_object_that_breaks_again_and_again(stub, program, large, db):
    """As long as it moves on, the time for retries begins anew."""
    stub.fault({"truncate_after_bytes": MIB + MIB // 2}, op="get", key_prefix="docs/large")
    program.sync(URL, db, "--retry-time", "250ms")
    assert table.rows(db) == large
    assert 3 <= len(of_large(stub)) <= 6


def test_a_large_object_that_changes_meanwhile_is_read_from_the_start(stub, program, large, db):
    stub.fault({"truncate_after_bytes": 2 * MIB}, op="get", key_prefix="docs/large", count=1)
    stub.fault({"mutate": "touch"}, op="get", key_prefix="docs/large", count=1)
    program.sync(URL, db)
    rows = table.rows(db)
    assert hashlib.md5(rows["docs/large.bin"]).hexdigest() == query_etag(db, "docs/large.bin")
    assert rows["docs/large.bin"] != large["docs/large.bin"]
    assert len(of_large(stub)) == 3  # broken, refused with 412, whole


@pytest.mark.parametrize("do", [
    {"headers": {"Content-Range": "bytes 0-9/10"}, "body": "x" * (6 * MIB)},  # 200: all of it
    {"status": 416, "code": "InvalidRange"},
    {"status": 206, "body": "rubbish"},
    {"status": 206, "body": "rubbish", "headers": {"Content-Range": "bytes 0-6/7"}},
], ids=["200", "416", "206 without range", "206 of another range"])
def test_what_is_no_rest_is_not_glued_on(stub, program, large, db, do):
    stub.fault({"truncate_after_bytes": 2 * MIB}, op="get", key_prefix="docs/large", count=1)
    if "body" in do and len(do["body"]) > 100:
        do = {"headers": do["headers"]}
    stub.fault(do, op="get", key_prefix="docs/large", count=1)
    program.sync(URL, db)
    assert table.rows(db) == large


def test_a_large_object_that_comes_whole_but_breaks_is_read_on_from_there(stub, program, large, db):
    """Asked for the rest, a server sends all, without a length: what was here before is void."""
    tag = hashlib.md5(large["docs/large.bin"]).hexdigest()
    stub.fault({"truncate_after_bytes": 3 * MIB}, op="get", key_prefix="docs/large", count=1)
    stub.fault({"status": 200, "body": large["docs/large.bin"].decode(), "chunked": True,
                "headers": {"ETag": f'"{tag}"'}, "truncate_after_bytes": 2 * MIB},
               op="get", key_prefix="docs/large", count=1)
    program.sync(URL, db)
    assert table.rows(db) == large
    starts = [r["range"] for r in of_large(stub)]
    assert len(starts) == 3 and int(starts[2][6:-1]) < int(starts[1][6:-1])


def test_a_checksum_is_that_of_its_own_answer(stub, program, contents, db):
    """Not that of an answer before, which broke: the object may have changed since."""
    stub.fault({"truncate_after_bytes": 100, "headers": CRC32}, op="get", key_prefix="docs/00",
               count=1)
    stub.fault({"chunked": True}, op="get", key_prefix="docs/00", count=1)
    summary = program.sync(URL, db)
    assert table.rows(db) == contents
    assert summary["get_requests"] == len(contents) + 1


# Contents that changed on their way

CRC32 = {"x-amz-checksum-crc32": "AAAAAA=="}
FLIPPED = {"body": "0: some text to be reaD\n" * 40}  # as long as the real one
SHORTER = {"wrong_content_length": -7}  # a whole answer, as far as HTTP can tell


@pytest.mark.parametrize("do", [FLIPPED, SHORTER, {"headers": CRC32}],
                         ids=["flipped", "shorter", "CRC32"])
def test_a_content_that_does_not_match_is_read_again(stub, program, contents, db, do):
    stub.fault(do, op="get", key_prefix="docs/00", count=2)
    summary = program.sync(URL, db)
    assert table.rows(db) == contents
    assert summary["failed"] == 0 and summary["added"] == len(contents)
    assert summary["get_requests"] == len(contents) + 2


def test_a_content_that_never_matches_is_a_failed_object(stub, program, contents, db):
    program.sync(URL, db)
    before = dict(contents)
    contents.put("docs/00.txt", "1: some text to be read\n" * 40)
    stub.fault(FLIPPED, op="get", key_prefix="docs/00")
    assert program.sync(URL, db, exits=3)["failed"] == 1
    assert table.rows(db) == before
    reason = table.query(db, "SELECT error FROM bucketable_state_objects WHERE error <> ''")
    assert b"do not match their MD5" in reason[0][0]
    assert "MD5" in program("get", URL, "docs/00.txt", exits=1).error()
    stub.clear_faults()
    program.sync(URL, db)
    assert table.rows(db) == contents


@pytest.mark.parametrize("headers", [
    {"x-amz-server-side-encryption": "aws:kms"},
    {"x-amz-server-side-encryption": "aws:kms:dsse"},
    {"x-amz-server-side-encryption-customer-algorithm": "AES256"},
], ids=lambda headers: "".join(headers.values()))
def test_etags_that_are_no_md5(stub, program, contents, db, headers):
    stub.fault({**FLIPPED, "headers": headers}, op="get", key_prefix="docs/00")
    program.sync(URL, db)
    assert table.rows(db)["docs/00.txt"] == FLIPPED["body"].encode()


@pytest.mark.parametrize("headers", [
    {"x-amz-checksum-crc32": "AAAAAA==-3"},
    {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-type": "COMPOSITE"},
    {"x-amz-checksum-crc32": "****************"},
    {"x-amz-checksum-sha512": "AAAA"},
], ids=lambda headers: " ".join(headers.values()))
def test_checksums_that_say_nothing_of_the_whole(stub, program, contents, db, headers):
    stub.fault({"headers": headers}, op="get")
    assert program.sync(URL, db)["get_requests"] == len(contents)
    assert table.rows(db) == contents


def query_etag(db, key):
    return table.query(db, "SELECT etag FROM bucketable_state_objects "
                           f"WHERE filename = CAST('{key}' AS BLOB)")[0][0].decode()


# Signatures

@pytest.mark.parametrize("options", [(), ("--request-payer",)], ids=["plain", "request-payer"])
def test_keys_of_every_kind_are_signed_as_the_server_does(stub, program, db, options):
    """The server's own signer refuses what differs; boto3 agrees with it (test_stub_server.py)."""
    keys = ["a+b c%2F/../~\u00e9", "x//y", "/lead", "tab\tcr\rnl\n", "a&b=c?d#e", "~*'()!", "100%",
            "\ufffd", "\U0001f600", ".", "..", "a/./b", "\x01\x7f", "%00", "a;b,c:d@e$f", '"<>|\\^`{}']
    for key in keys:
        stub.put(key, key.encode())
    program.sync(URL, db, *options)
    assert table.rows(db) == {key: key.encode() for key in keys}


def test_who_is_to_pay(stub, program, contents, db):
    """What S3 says where the requester pays and did not say so."""
    stub.fault({"status": 403, "code": "AccessDenied"}, op="get", key_prefix="docs/05")
    result = program("sync", URL, db, exits=3)
    assert "--request-payer" in result.stderr
    assert "--request-payer" not in program("sync", URL, db, "--request-payer", exits=3).stderr


def test_an_archived_object_that_was_restored_is_read(stub, program, contents, db):
    stub.fault({"headers": {"x-amz-storage-class": "GLACIER",
                            "x-amz-restore": 'ongoing-request="false", expiry-date="..."'}},
               op="get", key_prefix="docs/05")
    program.sync(URL, db)
    assert table.rows(db) == contents


def test_all_is_counted(stub, program, contents, db):
    summary = program.sync(URL, db)
    seen = Counter(ops(stub))
    assert summary["get_requests"] == seen["get"] and summary["list_requests"] == seen["list"]
