"""The scripted S3 server, seen by boto3: what other tests rely on must itself be right."""

import hashlib
import http.client
import socket
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from fake.stub import Stub
from servers import Unavailable

SHAPES = ["hex", "dates", "deep", "isots", "zipf", "flat"]
ODD_KEYS = ["a+b c%2F/../~é", "x//y", "/lead", "tab\tcr\rnl\n", "plain.txt", "dir/", "dir/a&<b>'\"",
            "\ufffd", "\U0001f600", "100%25+x", "\x01control"]


def start(**options):
    try:
        return Stub(**options)
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def stub():
    with start(record=1000) as server:
        yield server


def client_of(server, secret=None):
    return boto3.client(
        "s3", endpoint_url=server.url, aws_access_key_id=server.access_key,
        aws_secret_access_key=secret or server.secret_key, region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}))


def pages(server, **arguments):
    paginator = client_of(server).get_paginator("list_objects_v2")
    return list(paginator.paginate(Bucket=server.bucket, **arguments))


def keys(server, **arguments):
    return [item["Key"] for page in pages(server, **arguments) for item in page.get("Contents", [])]


def failure(call, *arguments, **named):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_lists_its_keys_once_and_sorted(shape):
    with start(keys=3210, shape=shape, seed=7) as server:
        listed = keys(server)
        assert len(listed) == 3210
        assert listed == sorted(set(listed), key=str.encode)
        assert keys(server, PaginationConfig={"PageSize": 77}) == listed
        assert keys(server, StartAfter=listed[1234]) == listed[1235:]
        assert keys(server, StartAfter=listed[1234] + "!") == listed[1235:]
        prefix = listed[2000][:12]
        assert keys(server, Prefix=prefix) == [key for key in listed if key.startswith(prefix)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("page_size", [1000, 3])
def test_delimiter_groups_keys(shape, page_size):
    with start(keys=700, shape=shape) as server:
        listed = keys(server)
        got = pages(server, Delimiter="/", PaginationConfig={"PageSize": page_size})
        groups = [group["Prefix"] for page in got for group in page.get("CommonPrefixes", [])]
        single = [item["Key"] for page in got for item in page.get("Contents", [])]
        assert groups == sorted({key.split("/")[0] + "/" for key in listed if "/" in key})
        assert single == [key for key in listed if "/" not in key]
        assert all(page["KeyCount"] <= page_size for page in got)


def test_delimiter_below_a_prefix(stub):
    for key in ["a/b/1", "a/b/2", "a/c", "a/d/1", "b"]:
        stub.put(key, "x")
    page, = pages(stub, Prefix="a/", Delimiter="/")
    assert [group["Prefix"] for group in page["CommonPrefixes"]] == ["a/b/", "a/d/"]
    assert [item["Key"] for item in page["Contents"]] == ["a/c"]


def test_odd_keys_round_trip(stub):
    client = client_of(stub)
    for key in ODD_KEYS:
        client.put_object(Bucket=stub.bucket, Key=key, Body=key.encode())
    assert keys(stub) == sorted(ODD_KEYS, key=str.encode)
    for key in ODD_KEYS:
        assert client.get_object(Bucket=stub.bucket, Key=key)["Body"].read() == key.encode()
        client.delete_object(Bucket=stub.bucket, Key=key)
    assert keys(stub) == []


def test_version_1_lists_the_same():
    with start(keys=2500, shape="zipf") as server:
        paginator = client_of(server).get_paginator("list_objects")
        listed = [item["Key"] for page in paginator.paginate(Bucket=server.bucket)
                  for item in page["Contents"]]
        assert listed == keys(server)


def test_listing_and_object_agree():
    with start(keys=50, shape="flat", object_size=5000, sizes="lognormal", etag="md5") as server:
        client = client_of(server)
        items = pages(server)[0]["Contents"]
        assert len({item["Size"] for item in items}) > 20
        for item in items:
            got = client.get_object(Bucket=server.bucket, Key=item["Key"])
            body = got["Body"].read()
            assert len(body) == item["Size"] == got["ContentLength"]
            assert got["ETag"] == item["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
            assert got["LastModified"] == item["LastModified"]


def test_large_objects_and_ranges():
    size = 3_000_001
    with start(keys=1, shape="flat", object_size=size) as server:
        client = client_of(server)
        key = keys(server)[0]

        def read(wanted):
            got = client.get_object(Bucket=server.bucket, Key=key, Range=wanted)
            return got["ContentRange"], got["Body"].read()

        body = client.get_object(Bucket=server.bucket, Key=key)["Body"].read()
        assert len(body) == size
        assert read("bytes=0-9") == (f"bytes 0-9/{size}", body[:10])
        assert read("bytes=70000-2000000") == (f"bytes 70000-2000000/{size}", body[70000:2000001])
        assert read("bytes=2999999-") == (f"bytes 2999999-3000000/{size}", body[-2:])
        assert read("bytes=-5") == (f"bytes 2999996-3000000/{size}", body[-5:])
        assert failure(client.get_object, Bucket=server.bucket, Key=key,
                       Range=f"bytes={size}-") == (416, "InvalidRange")


def test_conditions(stub):
    client = client_of(stub)
    etag = client.put_object(Bucket=stub.bucket, Key="k", Body=b"one")["ETag"]
    address = {"Bucket": stub.bucket, "Key": "k"}
    assert etag == f'"{hashlib.md5(b"one").hexdigest()}"'
    assert client.get_object(IfMatch=etag, **address)["Body"].read() == b"one"
    assert failure(client.get_object, IfMatch='"other"', **address) == (412, "PreconditionFailed")
    assert failure(client.get_object, IfNoneMatch=etag, **address) == (304, "304")
    assert client.get_object(IfNoneMatch='"other"', **address)["Body"].read() == b"one"
    modified = client.head_object(**address)["LastModified"]
    assert failure(client.get_object, IfModifiedSince=modified, **address) == (304, "304")
    assert failure(client.put_object, IfNoneMatch="*", Body=b"", **address)[0] == 412


def test_time_of_an_object_can_be_chosen(stub):
    for body in (b"one", b"two"):
        stub.put("k", body, modified_ms=1_700_000_000_000)
        head = client_of(stub).head_object(Bucket=stub.bucket, Key="k")
        assert head["LastModified"].timestamp() == 1_700_000_000
        assert head["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'


def test_metadata_comes_back(stub):
    client = client_of(stub)
    client.put_object(Bucket=stub.bucket, Key="k", Body=b"", ContentType="text/plain",
                      ContentEncoding="gzip", Metadata={"color": "blue"})
    head = client.head_object(Bucket=stub.bucket, Key="k")
    assert (head["ContentType"], head["ContentEncoding"]) == ("text/plain", "gzip")
    assert head["Metadata"] == {"color": "blue"} and head["ContentLength"] == 0


def test_what_is_missing_is_named(stub):
    client = client_of(stub)
    assert failure(client.get_object, Bucket=stub.bucket, Key="no") == (404, "NoSuchKey")
    assert failure(client.head_object, Bucket=stub.bucket, Key="no") == (404, "404")
    assert failure(client.get_object, Bucket="other", Key="no") == (404, "NoSuchBucket")
    assert failure(client.list_objects_v2, Bucket="other") == (404, "NoSuchBucket")
    assert failure(client.list_objects_v2, Bucket=stub.bucket,
                   ContinuationToken="nonsense") == (400, "InvalidArgument")


def test_virtual_hosted_style(stub):
    stub.put("a/b", "x")
    host = {"Host": f"{stub.bucket}.s3.example.com"}
    assert stub.request("GET", "/a/b", headers=host)[2] == b"x"
    assert b"<Key>a/b</Key>" in stub.request("GET", "/?list-type=2", headers=host)[2]


def test_touch_fraction():
    with start(keys=10_000, shape="dates") as server:
        def state():
            return {item["Key"]: item["ETag"] for page in pages(server)
                    for item in page["Contents"]}

        before = state()
        touched = server.touch_fraction(3, seed=5, kinds=["change", "remove", "add"])
        after = state()
        added = after.keys() - before.keys()
        changed = [key for key in before if key in after and before[key] != after[key]]
        assert len(added) == touched["added"] > 50
        assert len(before.keys() - after.keys()) == touched["removed"] > 50
        assert len(changed) == touched["changed"] > 50
        assert list(after) == sorted(after)
        assert server.stats()["objects"] == len(after)
        body = client_of(server).get_object(Bucket=server.bucket, Key=min(added))["Body"].read()
        assert len(body) == 1024


def test_signatures_are_checked():
    with start(verify_key="AKID:secret") as server:
        client = client_of(server)
        for key in ODD_KEYS:
            client.put_object(Bucket=server.bucket, Key=key, Body=b"x")
        assert len(keys(server, Prefix="d", StartAfter="da +/", Delimiter="\U0001f600")) == 2
        wrong = client_of(server, secret="other")
        assert failure(wrong.list_objects_v2, Bucket=server.bucket) == (
            403, "SignatureDoesNotMatch")
        assert server.request("GET", f"/{server.bucket}/x")[0] == 403


def test_statistics(stub):
    for number in range(3):
        stub.put(f"k{number}", "four")
    listed = keys(stub)
    client_of(stub).get_object(Bucket=stub.bucket, Key=listed[0])["Body"].read()
    stats = stub.stats()
    assert (stats["list_requests"], stats["get_requests"], stats["objects"]) == (1, 1, 3)
    assert [request["op"] for request in stub.requests()] == ["list", "get"]
    stub.reset_stats()
    assert stub.stats()["list_requests"] == 0 and stub.requests() == []


def test_latency_is_concurrent():
    with start(keys=64, shape="flat", latency_ms=50) as server:
        path = f"/{server.bucket}/{keys(server)[0]}"
        sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(32)]
        begin = time.monotonic()
        for peer in sockets:
            peer.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        for peer in sockets:
            assert peer.recv(12) == b"HTTP/1.1 200"
            peer.close()
        assert time.monotonic() - begin >= 0.05
        assert server.stats()["max_concurrent_gets"] == 32


def test_pipelined_requests(stub):
    stub.put("k", "value")
    request = f"GET /{stub.bucket}/k HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    last = request.replace(b"Host", b"Connection: close\r\nHost")
    with socket.create_connection(("127.0.0.1", stub.port), timeout=10) as peer:
        peer.sendall(request * 50 + last)
        answer = b"".join(iter(lambda: peer.recv(65536), b""))
    assert answer.count(b"HTTP/1.1 200 OK") == 51 and answer.endswith(b"\r\n\r\nvalue")


class TestFaults:
    def test_nth_every_and_count(self, stub):
        stub.put("k", "x")

        def statuses(count):
            return [stub.request("GET", f"/{stub.bucket}/k")[0] for _ in range(count)]

        stub.fault({"status": 503, "code": "SlowDown"}, op="get", nth=3)
        assert statuses(5) == [200, 200, 503, 200, 200]
        stub.clear_faults()
        stub.fault({"status": 500}, op="get", every=2, count=2)
        assert statuses(7) == [200, 500, 200, 500, 200, 200, 200]
        assert stub.faults()[0]["seen"] == 7 and stub.faults()[0]["hits"] == 2
        stub.clear_faults()
        stub.fault({"status": 500}, key_prefix="other/")
        assert statuses(2) == [200, 200]

    def test_a_misspelled_rule_is_refused(self, stub):
        for rule in ({"stauts": 503}, {"list_lie": "nonsense"}):
            with pytest.raises(ValueError):
                stub.fault(rule)
        with pytest.raises(ValueError):
            stub.fault({"status": 503}, ops="get")

    def test_status_headers_and_code(self, stub):
        stub.fault({"status": 503, "code": "SlowDown", "headers": {"Retry-After": "7"}})
        status, headers, body = stub.request("GET", f"/{stub.bucket}/k")
        assert (status, headers["Retry-After"]) == (503, "7") and b"<Code>SlowDown</Code>" in body

    def test_html_and_error_with_status_200(self, stub):
        stub.fault({"html": True}, op="get")
        stub.fault({"error_body_200": "InternalError"}, op="list")
        assert stub.request("GET", f"/{stub.bucket}/k")[1]["Content-Type"] == "text/html"
        status, _, body = stub.request("GET", f"/{stub.bucket}?list-type=2")
        assert status == 200 and b"<Code>InternalError</Code>" in body

    @pytest.mark.parametrize("rule, error", [
        ({"reset_after_bytes": -1}, ConnectionResetError),
        ({"reset_after_bytes": 2}, ConnectionResetError),
        ({"truncate_after_bytes": 2}, http.client.IncompleteRead),
        ({"wrong_content_length": 5, "close": True}, http.client.IncompleteRead),
        ({"garbage": True}, http.client.BadStatusLine),
        ({"headers_bytes": 1_000_000}, http.client.HTTPException),
    ])
    def test_transport(self, stub, rule, error):
        stub.put("k", "value")
        stub.fault(rule, op="get")
        with pytest.raises(error):
            stub.request("GET", f"/{stub.bucket}/k")

    def test_transport_that_still_arrives(self, stub):
        stub.put("k", "value")
        for rule in ({"chunked": True}, {"status_100_first": True}, {"drip_ms": 2},
                     {"stall_after_bytes": 3, "ms": 20}, {"delay_ms": 20}):
            stub.clear_faults()
            stub.fault(rule, op="get")
            assert stub.request("GET", f"/{stub.bucket}/k")[2] == b"value", rule
        stub.clear_faults()
        stub.fault({"wrong_content_length": -2}, op="get")
        assert stub.request("GET", f"/{stub.bucket}/k")[2] == b"val"

    @pytest.mark.parametrize("rule", [{"endless_body": True},
                                      {"endless_body": True, "chunked": True}])
    def test_endless_body(self, stub, rule):
        stub.put("k", "value")
        stub.fault(rule, op="get")
        connection = http.client.HTTPConnection("127.0.0.1", stub.port, timeout=10)
        connection.request("GET", f"/{stub.bucket}/k")
        assert len(connection.getresponse().read(5_000_000)) == 5_000_000
        connection.close()

    def test_large_chunked_body(self):
        with start(keys=1, shape="flat", object_size=900_000) as server:
            path = f"/{server.bucket}/{keys(server)[0]}"
            plain = server.request("GET", path)[2]
            server.fault({"chunked": True}, op="get")
            assert server.request("GET", path)[2] == plain and len(plain) == 900_000

    def test_redirect_and_skew(self, stub):
        stub.fault({"redirect": "301", "region": "eu-west-1"}, op="list")
        status, headers, body = stub.request("GET", f"/{stub.bucket}")
        assert (status, headers["x-amz-bucket-region"]) == (301, "eu-west-1")
        assert b"PermanentRedirect" in body
        stub.fault({"skew_seconds": 3600}, op="get")
        stub.put("k", "x")
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        later = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + 3500))
        path = f"/{stub.bucket}/k"
        assert stub.request("GET", path, headers={"x-amz-date": later})[0] == 200
        status, _, body = stub.request("GET", path, headers={"x-amz-date": now})
        assert status == 403 and b"RequestTimeTooSkewed" in body

    def test_mutate_before_the_answer(self, stub):
        stub.put("k", "x")
        stub.fault({"mutate": "touch"}, nth=1)
        stub.fault({"mutate": "delete"}, nth=2)
        assert stub.request("GET", f"/{stub.bucket}/k")[2] != b"x"
        assert stub.request("GET", f"/{stub.bucket}/k")[0] == 404


class TestLies:
    @pytest.fixture
    def page(self, stub):
        for name in "abcde":
            stub.put(f"dir/{name}+", "x")

        def one(lie, query="prefix=dir/"):
            stub.clear_faults()
            if lie:
                stub.fault({"list_lie": lie}, op="list")
            return stub.request(
                "GET", f"/{stub.bucket}?list-type=2&encoding-type=url&{query}")[2].decode()

        one("")
        return one

    @staticmethod
    def keys(text):
        return [part.split("</Key>")[0] for part in text.split("<Key>")[1:]]

    def test_what_is_left_out(self, page):
        for lie, element in [("no_is_truncated", "<IsTruncated>"), ("no_etag", "<ETag>"),
                             ("no_last_modified", "<LastModified>"), ("no_size", "<Size>"),
                             ("no_namespace", "xmlns"), ("unquoted_etag", "&quot;"),
                             ("ignore_encoding_type", "<EncodingType>")]:
            assert element in page("") and element not in page(lie), lie

    def test_keys_that_are_wrong(self, page):
        right = [f"dir/{name}%2B" for name in "abcde"]
        assert self.keys(page("")) == right
        assert self.keys(page("unsorted")) == right[1:] + right[:1]
        assert self.keys(page("duplicate_key")) == [*right, right[-1]]
        assert self.keys(page("outside_prefix"))[1:] == right
        assert self.keys(page("ignore_start_after", "start-after=dir/c")) == right
        assert self.keys(page("ignore_prefix", "prefix=x")) == right
        assert self.keys(page("short_page", "max-keys=5")) == right[:2]

    def test_ends_that_are_wrong(self, page):
        assert page("empty_body") == ""
        assert page("cut_after_contents").endswith("</Contents>")
        missing = page("missing_token")
        assert "<IsTruncated>true" in missing and "NextContinuationToken" not in missing
        assert "<IsTruncated>false" in page("never_truncated", "max-keys=2")
        empty = page("empty_page_truncated")
        assert self.keys(empty) == [] and "<NextContinuationToken>" in empty

    def test_repeated_token(self, page):
        def token(text):
            return text.split("<NextContinuationToken>")[1].split("<")[0].replace(
                "+", "%2B").replace("/", "%2F").replace("=", "%3D")

        first = page("", "max-keys=2")
        again = page("repeated_token", f"max-keys=2&continuation-token={token(first)}")
        assert token(again) == token(first)
        assert self.keys(page("", f"continuation-token={token(first)}")) == [
            "dir/c%2B", "dir/d%2B", "dir/e%2B"]
