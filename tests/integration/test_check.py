"""check: what is tried, what is found, and what it says mends it."""

import json
import shutil
import socket
import subprocess
import time

import boto3
import pytest
from marks import minio_only, moto_only
from refuser import Refuser
from servers import die_with_parent, free_port


@pytest.fixture
def refuser(server):
    with Refuser(server.port) as running:
        yield running


@pytest.fixture
def sqs(server):
    return boto3.client(
        "sqs", endpoint_url=server.url, aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key, region_name="us-east-1")


@pytest.fixture
def queue_url(sqs, bucket):
    return sqs.create_queue(QueueName=bucket.name)["QueueUrl"]


@pytest.fixture
def check(program):
    """check(...) gives {name: [finding, ...]}, in the order of trying."""

    def run(*arguments, exits=0, **how):
        found = {}
        for line in program("check", "--json", *arguments, exits=exits, **how).json_lines():
            assert set(line) - {"fix"} == {"check", "ok", "detail"}
            assert line["ok"] in (True, False, "warning")
            found.setdefault(line["check"], []).append(line)
        assert exits == (1 if any(f["ok"] is False for all in found.values() for f in all) else 0)
        return found

    return run


def only(findings):
    assert len(findings) == 1, findings
    return findings[0]


def test_all_is_well(bucket, check, db):
    bucket.put_all({"docs/a.md": "1", "docs/b.md": "22"})
    found = check(bucket.url + "/docs/", db, "--refresh-interval", "1m")
    assert list(found) == ["credentials", "region", "clock", "bucket", "list", "get", "versioning",
                           "events", "target", "target-space"]
    assert all(only(f)["ok"] is True for f in found.values()), found
    assert "2 of the first 2" in only(found["list"])["detail"]
    assert "docs/a.md" in only(found["get"])["detail"], "the smallest"
    assert not db.exists(), "nothing is made"


def test_it_says_so_in_a_line_each(bucket, program):
    result = program("check", bucket.url)
    lines = result.stdout.decode().splitlines()
    assert lines[0].startswith("ok       credentials")
    assert any(line.startswith("warning  events ") and "; to mend it: bucketable setup" in line
               for line in lines)
    quiet = program("check", "-q", bucket.url).stdout.decode()
    assert not [line for line in quiet.splitlines() if line.startswith("ok")]


@moto_only
def test_whose_the_credentials_are(bucket, check):
    assert "arn:aws:sts::" in only(check(bucket.url)["credentials"])["detail"]


@minio_only
def test_a_server_that_does_not_say_whose_they_are_is_no_trouble(bucket, check, server):
    detail = only(check(bucket.url)["credentials"])["detail"]
    assert "ends in " + server.access_key[-4:] in detail and server.access_key not in detail


def test_no_credentials(bucket, check, db):
    found = check(bucket.url, db, exits=1, env={"AWS_ACCESS_KEY_ID": ""})
    assert only(found["credentials"])["ok"] is False
    assert "aws configure" in only(found["credentials"])["fix"]
    assert only(found["target"])["ok"] is True, "the rest is tried all the same"


def test_a_missing_bucket(server, check):
    finding = only(check("s3://there-is-none", exits=1)["bucket"])
    assert "NoSuchBucket" in finding["detail"]
    assert finding["fix"].startswith("aws s3 mb s3://there-is-none")


def test_a_server_that_is_not_there(server, check):
    found = check("s3://any", exits=1, env={"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert "endpoint_url" in only(found["bucket"])["fix"]
    assert "list" not in found


def test_nothing_there_and_no_rows_are_warnings(bucket, check):
    assert only(check(bucket.url)["list"])["ok"] == "warning"
    bucket.put("a.txt", "x")
    finding = only(check(bucket.url, "--include", "*.md")["list"])
    assert finding["ok"] == "warning" and "explain" in finding["fix"]


@moto_only
@pytest.mark.parametrize("call,name,words", [
    ("LIST", "list", '"s3:ListBucket","Resource":"arn:aws:s3:::BUCKET"'),
    ("GET", "get", '"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/docs/*"'),
    ("sqs:GetQueueAttributes", "queue", "sqs:GetQueueAttributes"),
    ("sqs:ReceiveMessage", "queue-receive", "sqs:ReceiveMessage"),
    ("sqs:DeleteMessageBatch", "queue-delete", "sqs:DeleteMessage"),
    ("sqs:ChangeMessageVisibilityBatch", "queue-keep", "sqs:ChangeMessageVisibility"),
])
def test_each_refusal_names_the_statement_that_mends_it(bucket, check, refuser, queue_url, sqs,
                                                        call, name, words):
    bucket.put("docs/a", "x")
    sqs.send_message(QueueUrl=queue_url, MessageBody="{}")
    refuser.refuse(call)
    found = check(bucket.url + "/docs/", "--sqs-queue-url", queue_url, exits=1,
                  env={"AWS_ENDPOINT_URL": refuser.url, "AWS_ENDPOINT_URL_SQS": refuser.url})
    finding = only(found[name])
    assert finding["ok"] is False and "AccessDenied" in finding["detail"]
    assert words.replace("BUCKET", bucket.name) in finding["fix"]
    statement = finding["fix"][finding["fix"].index("{"):]
    assert json.loads(statement)["Effect"] == "Allow"


@moto_only
@pytest.mark.parametrize("call", ["?location", "?versioning", "?notification", "sts"])
def test_what_a_table_does_not_need_may_be_refused(bucket, check, refuser, program, queue_url,
                                                   call):
    bucket.put("a", "x")
    program("setup", bucket.url, "--sqs-queue-url", queue_url, "--apply")
    refuser.refuse(call)
    check(bucket.url, "--sqs-queue-url", queue_url, env={"AWS_ENDPOINT_URL": refuser.url})


@moto_only
def test_a_wrong_region_is_found_and_told(bucket, check, refuser):
    refuser.refuse("?location", 301, "PermanentRedirect", "elsewhere",
                   {"x-amz-bucket-region": "eu-west-1"})
    finding = only(check(bucket.url, env={"AWS_ENDPOINT_URL": refuser.url})["region"])
    assert finding["ok"] == "warning" and "--region eu-west-1" in finding["fix"]


@moto_only
def test_a_wrong_clock_is_told(bucket, check, refuser):
    refuser.refuse("?location", 403, headers={"Date": "Fri, 01 Mar 2024 10:00:00 GMT"})
    finding = only(check(bucket.url, env={"AWS_ENDPOINT_URL": refuser.url})["clock"])
    assert finding["ok"] == "warning" and "timedatectl" in finding["fix"]


@moto_only
def test_a_queue_that_nobody_has_set_up(bucket, check, queue_url):
    found = check(bucket.url, "--sqs-queue-url", queue_url, exits=1)
    for name in ("queue-policy", "notification"):
        assert only(found[name])["ok"] is False
        assert only(found[name])["fix"] == (
            f"bucketable setup '{bucket.url}/' --sqs-queue-url {queue_url} --apply")
    assert "RedrivePolicy" in only(found["queue-settings"])["fix"]


@moto_only
def test_a_missing_queue(bucket, check, queue_url):
    finding = only(check(bucket.url, "--sqs-queue-url", queue_url + "-not", exits=1)["queue"])
    assert "QueueDoesNotExist" in finding["detail"]
    assert finding["fix"] == f"aws sqs create-queue --queue-name {bucket.name}-not"


@moto_only
def test_messages_of_other_buckets_are_told_of_and_stay(bucket, check, queue_url, sqs):
    sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps({"Records": [
        {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
         "s3": {"bucket": {"name": "another"}, "object": {"key": "a"}}}]}))
    found = check(bucket.url, "--sqs-queue-url", queue_url, exits=1)
    assert only(found["queue-shared"])["ok"] == "warning"
    assert "another" in only(found["queue-shared"])["detail"]
    again = sqs.receive_message(QueueUrl=queue_url)["Messages"]
    assert len(again) == 1, "given back at once"


@moto_only
@pytest.mark.parametrize("service,effect,ok", [
    ("sns", "Allow", "warning"), ("events", "Allow", "warning"), ("sns", "Deny", False)])
def test_a_queue_to_which_another_service_sends(bucket, check, queue_url, sqs, service, effect, ok):
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": json.dumps({"Statement": {
        "Effect": effect, "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sqs:SendMessage", "Resource": "*"}})})
    found = check(bucket.url, "--sqs-queue-url", queue_url, exits=1)
    assert only(found["queue-policy"])["ok"] == ok


@moto_only
@pytest.mark.parametrize("receives", [5, "5"])
def test_how_often_a_message_may_be_received(bucket, check, queue_url, sqs, receives):
    dead = sqs.create_queue(QueueName=bucket.name + "-dead")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(
        QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"RedrivePolicy": json.dumps(
        {"deadLetterTargetArn": dead_arn, "maxReceiveCount": receives})})
    finding = only(check(bucket.url, "--sqs-queue-url", queue_url, exits=1)["queue-settings"])
    assert finding["ok"] is True
    assert finding["detail"].endswith("dead letters after 5 receives")


@moto_only
def test_settings_that_surprise(bucket, check, queue_url, sqs):
    dead = sqs.create_queue(QueueName=bucket.name + "-dead")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(
        QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={
        "VisibilityTimeout": "3", "MessageRetentionPeriod": "60",
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})})
    found = check(bucket.url, "--sqs-queue-url", queue_url, exits=1)["queue-settings"]
    assert [f["detail"].split(":")[0] for f in found] == [
        "visibility time-out 3 s", "messages are kept for 60 s alone",
        "a message goes to the dead-letter queue after 1 receives"]
    assert all(f["ok"] == "warning" and f["fix"] for f in found)


@moto_only
@pytest.mark.parametrize("events,rules,ok", [
    (["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"], [], True),
    (["s3:ObjectCreated:*", "s3:ObjectRemoved:*"], [], "warning"),
    (["s3:ObjectCreated:*"], [], False),
    (["s3:ObjectCreated:Put", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"], [], False),
    (["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"],
     [("prefix", "docs/")], True),
    (["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"],
     [("prefix", "docs/deep/")], False),
    (["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"],
     [("suffix", ".md")], True),
    (["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"],
     [("suffix", ".txt")], False),
])
def test_what_the_bucket_tells(bucket, check, program, queue_url, sqs, events, rules, ok):
    program("setup", bucket.url, "--sqs-queue-url", queue_url, "--apply")
    arn = sqs.get_queue_attributes(
        QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    configuration = {"Id": "by-hand", "QueueArn": arn, "Events": events}
    if rules:
        configuration["Filter"] = {
            "Key": {"FilterRules": [{"Name": n, "Value": v} for n, v in rules]}}
    bucket.client.put_bucket_notification_configuration(
        Bucket=bucket.name, NotificationConfiguration={"QueueConfigurations": [configuration]})
    found = check(bucket.url + "/docs/", "--include", "**/*.md", "--sqs-queue-url", queue_url,
                  exits=1 if ok is False else 0)
    assert only(found["notification"])["ok"] is ok or only(found["notification"])["ok"] == ok


def test_the_round_trip_is_made_only_when_asked_for(bucket, check):
    bucket.put("docs ü/a", "x")
    assert "write-test" not in check(bucket.url)
    found = check(bucket.url + "/docs ü/", "--write-test")
    assert only(found["write-test"])["ok"] is True
    assert bucket.keys() == ["docs ü/a"]


@moto_only
@pytest.mark.parametrize("method,action", [("PUT", "s3:PutObject"), ("DELETE", "s3:DeleteObject")])
def test_a_round_trip_that_is_refused(bucket, check, refuser, method, action):
    bucket.put("a", "x")
    refuser.refuse(method)
    finding = only(check(bucket.url, "--write-test", exits=1,
                         env={"AWS_ENDPOINT_URL": refuser.url})["write-test"])
    assert action in finding["fix"]


def test_targets_that_will_not_do(bucket, check, db, tmp_path):
    assert "mkdir" in only(check(bucket.url, tmp_path / "no" / "x.db", exits=1)["target"])["fix"]
    (tmp_path / "text.db").write_text("this is no database, whatever its name says\n" * 50)
    assert only(check(bucket.url, tmp_path / "text.db", exits=1)["target"])["ok"] is False


def test_a_table_of_another_bucket_is_foreign(bucket, check, program, server, db):
    program("sync", bucket.url, db)
    assert only(check(bucket.url, db)["target"])["ok"] is True
    bucket.client.create_bucket(Bucket=bucket.name + "-2")
    found = check(f"s3://{bucket.name}-2", db, exits=1)
    bucket.client.delete_bucket(Bucket=bucket.name + "-2")
    assert bucket.name in only(found["target"])["detail"]


class Redis:
    def __init__(self, directory):
        if not shutil.which("redis-server"):
            pytest.skip("no redis-server")
        self.port = free_port()
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--dir", str(directory)], stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
        deadline = time.monotonic() + 10
        while True:
            try:
                return self.ask("PING")
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def ask(self, *words):
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall((" ".join(words) + "\r\n").encode())
            assert not connection.recv(4096).startswith(b"-")

    def url(self, user=""):
        return f"redis://{user}127.0.0.1:{self.port}"


@pytest.fixture
def redis(tmp_path):
    running = Redis(tmp_path)
    yield running
    running.process.terminate()
    running.process.wait()


def look(check, bucket, url, exits=0):
    found = check(bucket.url, "--redis-url", url, "--redis-channel", "ev", exits=exits)
    return {name: only(f) for name, f in found.items() if name.startswith("redis")}


@minio_only
def test_what_the_key_in_redis_is(bucket, check, redis):
    bucket.put("a", "x")
    found = look(check, bucket, redis.url())
    assert all(f["ok"] is True for f in found.values()) and "redis-subscribe" in found
    redis.ask("RPUSH", "ev", "x")
    assert "a list of 1 events" in look(check, bucket, redis.url())["redis-key"]["detail"]
    redis.ask("DEL", "ev")
    redis.ask("HSET", "ev", "a", "b")
    found = look(check, bucket, redis.url())
    assert found["redis-notify"]["ok"] == "warning"
    redis.ask(*found["redis-notify"]["fix"].removeprefix("redis-cli ").split())
    assert look(check, bucket, redis.url())["redis-notify"]["ok"] is True
    redis.ask("DEL", "ev")
    redis.ask("SET", "ev", "x")
    assert look(check, bucket, redis.url(), exits=1)["redis-key"]["ok"] is False


@minio_only
def test_what_redis_does_not_allow(bucket, check, redis):
    bucket.put("a", "x")
    redis.ask("ACL", "SETUSER", "app", "on", ">hidden", "~other*", "+@all")
    found = look(check, bucket, redis.url("app:hidden@"), exits=1)
    assert [found[f"redis-{name}"]["ok"] for name in ("key", "list", "subscribe")] == [
        False, False, "warning"]
    for finding in found.values():
        assert "hidden" not in finding["detail"]
        if "fix" in finding:
            redis.ask(*finding["fix"].removeprefix("redis-cli ").replace("'", "").split())
    assert all(f["ok"] is True for f in look(check, bucket, redis.url("app:hidden@")).values())
    assert "WRONGPASS" in look(check, bucket, redis.url("app:no@"), exits=1)["redis"]["detail"]
    found = look(check, bucket, "redis://127.0.0.1:1", exits=1)
    assert "refused" in found["redis"]["detail"]
