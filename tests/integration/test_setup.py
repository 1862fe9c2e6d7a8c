"""setup: the documents, merged with what is there; set, and taken back."""

import json

import boto3
import pytest
from marks import minio_only, moto_only
from refuser import Refuser
from watching import Watching

OWNER = {"Sid": "__owner_statement", "Effect": "Allow", "Principal": {"AWS": "*"},
         "Action": "SQS:*", "Resource": "*"}
EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"]


class Queue:
    def __init__(self, server, name):
        self.client = boto3.client(
            "sqs", endpoint_url=server.url, aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key, region_name="us-east-1")
        self.url = self.client.create_queue(QueueName=name)["QueueUrl"]
        self.arn = self.attributes()["QueueArn"]

    def attributes(self):
        return self.client.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["All"])["Attributes"]

    def policy(self):
        text = self.attributes().get("Policy")
        return json.loads(text) if text else None

    def set_policy(self, *statements):
        self.client.set_queue_attributes(QueueUrl=self.url, Attributes={
            "Policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})})


@pytest.fixture
def queue(server, bucket):
    return Queue(server, bucket.name)


@pytest.fixture
def setup(program, bucket, queue):
    def run(*options, source=None, **how):
        return program("setup", source or bucket.url, "--sqs-queue-url", queue.url, *options, **how)

    return run


def notification(bucket):
    found = bucket.client.get_bucket_notification_configuration(Bucket=bucket.name)
    found.pop("ResponseMetadata")
    return {kind: configurations for kind, configurations in found.items() if configurations}


def statement(bucket, queue):
    return {"Sid": f"bucketable-s3-{bucket.name}", "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Resource": queue.arn,
            "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket.name}"}}}


@moto_only
def test_the_documents_are_told_and_nothing_is_set(bucket, queue, setup):
    found = setup(source=bucket.url + "/docs/").json()
    assert found["queue_policy"]["Statement"] == [statement(bucket, queue)]
    assert found["bucket_notification"] == {"QueueConfigurations": [
        {"Id": f"bucketable-123456789012-{bucket.name}", "QueueArn": queue.arn, "Events": EVENTS,
         "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "docs/"}]}}}]}
    assert [(s["Action"], s["Resource"]) for s in found["iam_policy"]["Statement"]] == [
        ("s3:ListBucket", f"arn:aws:s3:::{bucket.name}"),
        ("s3:GetObject", f"arn:aws:s3:::{bucket.name}/docs/*"),
        (["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility",
          "sqs:GetQueueAttributes"], queue.arn)]
    assert queue.policy() is None and notification(bucket) == {}


@moto_only
def test_special_characters_of_policies_and_filters(bucket, setup):
    found = setup(source=bucket.url + "/a*b ü?$/").json()
    assert found["iam_policy"]["Statement"][1]["Resource"].endswith("/a${*}b ü${?}${$}/*")
    rule = found["bucket_notification"]["QueueConfigurations"][0]["Filter"]["Key"]["FilterRules"]
    assert rule == [{"Name": "prefix", "Value": "a*b"}], "as far as all servers agree"


@moto_only
def test_applied_twice_and_undone_leaves_all_as_it_was(bucket, queue, setup):
    queue.set_policy(OWNER)
    theirs = {"Id": "theirs", "QueueArn": queue.arn + "-other", "Events": ["s3:ObjectCreated:*"],
              "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "images/"}]}}}
    bucket.client.put_bucket_notification_configuration(
        Bucket=bucket.name, NotificationConfiguration={"QueueConfigurations": [theirs]})
    before = notification(bucket)
    source = bucket.url + "/docs/"

    first = setup("--apply", source=source)
    assert "changed: +" in first.stderr
    assert queue.policy()["Statement"] == [OWNER, statement(bucket, queue)]
    assert [c["Id"] for c in notification(bucket)["QueueConfigurations"]] == [
        "theirs", f"bucketable-123456789012-{bucket.name}"]
    applied = queue.policy(), notification(bucket)

    second = setup("--apply", source=source)
    assert second.stderr.count("as it should be") == 2
    assert second.json() == first.json() and (queue.policy(), notification(bucket)) == applied

    undone = setup("--undo", source=source)
    assert "changed: -" in undone.stderr
    assert queue.policy()["Statement"] == [OWNER] and notification(bucket) == before
    assert setup("--undo", source=source).stderr.count("as it should be") == 2


@moto_only
def test_the_last_statement_and_the_last_notification_go_too(bucket, queue, setup):
    setup("--apply")
    assert setup("--undo").json()["queue_policy"] is None
    assert queue.policy() is None and notification(bucket) == {}


@moto_only
def test_watch_sees_the_changes_that_setup_lets_through(bucket, queue, setup, program, db):
    setup("--apply", source=bucket.url + "/docs/")
    running = Watching(program, bucket.url + "/docs/", db, "--sqs-queue-url", queue.url)
    try:
        running.wait_for("ready")
        bucket.put("docs/a", "1")
        running.wait_for("upsert", "docs/a")
        bucket.delete("docs/a")
        running.wait_for("delete", "docs/a")
        running.end()
    finally:
        if running.process.poll() is None:
            running.kill()


@moto_only
def test_somebody_elses_notification_in_the_way(bucket, queue, setup):
    bucket.client.put_bucket_notification_configuration(
        Bucket=bucket.name, NotificationConfiguration={"QueueConfigurations": [
            {"Id": "theirs", "QueueArn": queue.arn + "-other", "Events": ["s3:ObjectCreated:*"]}]})
    error = setup("--apply", exits=2).error()
    assert '"theirs"' in error and "--sns" in error and "--eventbridge" in error
    assert queue.policy() is None, "nothing was changed"


@moto_only
def test_through_a_topic(bucket, queue, setup):
    topic = "arn:aws:sns:us-east-1:123456789012:docs"
    result = setup("--sns", topic)
    found = result.json()
    assert found["bucket_notification"]["TopicConfigurations"][0]["TopicArn"] == topic
    ours = found["queue_policy"]["Statement"][0]
    assert ours["Principal"] == {"Service": "sns.amazonaws.com"}
    assert ours["Condition"] == {"ArnLike": {"aws:SourceArn": topic}}
    assert found["topic_policy"]["Statement"][0]["Action"] == "sns:Publish"
    assert f"aws sns subscribe --topic-arn {topic}" in result.stderr


@moto_only
def test_through_eventbridge(bucket, queue, setup):
    result = setup("--eventbridge", source=bucket.url + "/docs/")
    found = result.json()
    assert found["bucket_notification"] == {"EventBridgeConfiguration": {}}
    assert found["event_pattern"]["detail"] == {
        "bucket": {"name": [bucket.name]}, "object": {"key": [{"prefix": "docs/"}]}}
    rule = found["queue_policy"]["Statement"][0]["Condition"]["ArnLike"]["aws:SourceArn"]
    assert rule == f"arn:aws:events:us-east-1:123456789012:rule/bucketable-{bucket.name}"
    assert "aws events put-rule" in result.stderr and "put-targets" in result.stderr


@moto_only
@pytest.mark.parametrize("call,permission", [
    ("GET ?notification", "s3:GetBucketNotification"),
    ("PUT ?notification", "s3:PutBucketNotification"),
    ("sqs:GetQueueAttributes", "sqs:GetQueueAttributes"),
    ("sqs:SetQueueAttributes", "sqs:SetQueueAttributes"),
])
def test_a_refusal_ends_it_and_names_the_permission(bucket, queue, setup, server, call, permission):
    with Refuser(server.port) as refuser:
        refuser.refuse(call)
        env = {"AWS_ENDPOINT_URL": refuser.url, "AWS_ENDPOINT_URL_SQS": refuser.url}
        error = setup("--apply", exits=1, env=env).error()
        assert permission in error and "AccessDenied" in error
        if "Get" in permission:
            assert queue.policy() is None and notification(bucket) == {}


@moto_only
def test_what_may_not_be_read_is_printed_with_a_warning(bucket, queue, setup, server):
    with Refuser(server.port) as refuser:
        refuser.refuse("GET ?notification")
        result = setup(env={"AWS_ENDPOINT_URL": refuser.url})
    assert "not merged with what is there" in result.stderr
    assert result.json()["bucket_notification"]["QueueConfigurations"]


@moto_only
@pytest.mark.parametrize("answer", ['{"Attributes":"x"}', '{"Attributes":[]}', "{}", "[]"])
def test_attributes_that_are_none_end_it(setup, server, answer):
    with Refuser(server.port) as refuser:
        refuser.tell("sqs:GetQueueAttributes", answer)
        error = setup(exits=1, env={"AWS_ENDPOINT_URL_SQS": refuser.url}).error()
    assert "no Attributes in the answer" in error


@minio_only
def test_minio_with_redis(bucket, program):
    result = program("setup", bucket.url + "/docs/", "--redis-url", "redis://u:hidden@r.test/1",
                     "--redis-channel", "events")
    assert "hidden" not in result.stderr + result.stdout.decode()
    assert "MINIO_NOTIFY_REDIS_ADDRESS_BUCKETABLE=r.test:6379" in result.stderr
    assert "mc admin config set ALIAS notify_redis:BUCKETABLE" in result.stderr
    found = result.json()
    assert found["queue_policy"] is None
    assert found["bucket_notification"]["QueueConfigurations"] == [
        {"Id": "bucketable-redis", "QueueArn": "arn:minio:sqs::BUCKETABLE:redis",
         "Events": EVENTS[:2],
         "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "docs/"}]}}}]


@minio_only
def test_minio_refuses_a_target_that_it_does_not_know(bucket, program):
    error = program("setup", bucket.url, "--redis-url", "redis://r.test", "--redis-channel", "e",
                    "--apply", exits=1).error()
    assert "set the notifications" in error


@pytest.mark.parametrize("options,words", [
    ((), "--sqs-queue-url"),
    (("--sqs-queue-url", "http://q/1/q", "--apply", "--undo"), "not both"),
    (("--sqs-queue-url", "http://q/1/q", "--sns", "topic"), "ARN"),
    (("--sqs-queue-url", "http://q/1/q", "--sns", "arn:aws:sns:r:1:t", "--eventbridge"),
     "not both"),
])
def test_wrong_usage(server, program, options, words):
    assert words in program("setup", "s3://bucket", *options, exits=2).error()
