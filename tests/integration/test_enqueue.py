"""`enqueue` puts an event for every row on the queue; whoever follows the queue does the rest."""

import json

import boto3
import pytest
import table
from marks import moto_only
from refuser import Refuser

pytestmark = moto_only


class Queue:
    def __init__(self, server, name):
        self.client = boto3.client(
            "sqs", endpoint_url=server.url, aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key, region_name="us-east-1")
        self.url = self.client.create_queue(QueueName=name)["QueueUrl"]

    def take_all(self):
        """The records of all messages, which are removed."""
        records = []
        while messages := self.client.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                records += json.loads(message["Body"])["Records"]
                self.client.delete_message(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return records


@pytest.fixture
def queue(server, bucket):
    return Queue(server, bucket.name)


def keys(records):
    return sorted(record["s3"]["object"]["key"] for record in records)


def test_each_row_once_as_s3_would_tell_it(bucket, program, queue):
    bucket.put_all({f"docs/{n:02}.md": "x" * n for n in range(47)})
    bucket.put_all({"docs/a b+\u00e9.md": "x", "docs/no.txt": "x", "docs/dir/": "", "other.md": "x"})
    summary = program("enqueue", "--json", f"{bucket.url}/docs/", "--include", "**/*.md",
                      "--sqs-queue-url", queue.url).json()
    assert summary.pop("seconds") >= 0
    assert summary == {"listed": 50, "matched": 48, "sent": 48, "failed": 0}

    records = queue.take_all()
    assert keys(records) == sorted([*(f"docs/{n:02}.md" for n in range(47)),
                                    "docs/a+b%2B%C3%A9.md"])
    for record in records:
        assert record["eventName"] == "ObjectCreated:Put"
        assert record["s3"]["bucket"]["name"] == bucket.name


def test_nothing_to_send(bucket, program, queue):
    result = program("enqueue", bucket.url, "--sqs-queue-url", queue.url)
    assert result.stdout.startswith(b"0 objects listed, 0 of them rows; 0 events sent in")
    assert queue.take_all() == []


def test_only_changed(bucket, program, queue, db):
    bucket.put_all({"a": "1", "b": "2", "gone": "3"})
    program("sync", bucket.url, db)
    bucket.put_all({"b": "other", "new": "4"})
    bucket.delete("gone")
    options = ["--only-changed", "--sqs-queue-url", queue.url]
    summary = program("enqueue", "--json", bucket.url, db, *options).json()
    assert (summary["matched"], summary["sent"]) == (3, 2)
    assert keys(queue.take_all()) == ["b", "new"]
    assert table.rows(db).keys() == {"a", "b", "gone"}
    assert "no target" in program("enqueue", bucket.url, *options, exits=2).error()


def test_a_queue_that_is_not_there(bucket, program, queue):
    bucket.put("a", "1")
    error = program("enqueue", bucket.url, "--sqs-queue-url", queue.url + "-not",
                    "--retry-time", "1s", exits=1).error()
    assert "queue" in error
    assert "no queue" in program("enqueue", bucket.url, exits=2).error()


SEND = "sqs:SendMessageBatch"


@pytest.fixture
def refuser(server):
    with Refuser(server.port) as running:
        yield running


def enqueue_through(refuser, program, bucket, queue, **how):
    return program("enqueue", "--json", bucket.url, "--sqs-queue-url", queue.url,
                   env={"AWS_ENDPOINT_URL_SQS": refuser.url}, **how)


@pytest.mark.parametrize("status,code", [(503, "ServiceUnavailable"), (400, "RequestThrottled")])
def test_a_queue_that_fails_for_a_while(bucket, program, queue, refuser, status, code):
    bucket.put_all({"a": "1", "b": "2"})
    refuser.refuse(SEND, status, code, "not now", times=2)
    assert enqueue_through(refuser, program, bucket, queue).json()["sent"] == 2
    assert [call for _, call in refuser.calls].count(SEND) == 3
    assert keys(queue.take_all()) == ["a", "b"]


def test_an_answer_that_cannot_be_understood_is_asked_for_again(bucket, program, queue, refuser):
    bucket.put("a", "1")
    refuser.refuse(SEND, 200, None, "{}", times=1)
    assert enqueue_through(refuser, program, bucket, queue).json()["sent"] == 1
    assert keys(queue.take_all()) == ["a"]


def test_a_queue_that_goes_on_failing(bucket, program, queue, refuser):
    bucket.put("a", "1")
    refuser.refuse(SEND, 503, "ServiceUnavailable", "not now")
    refused = program("enqueue", bucket.url, "--sqs-queue-url", queue.url, "--retry-time", "1s",
                      exits=1, env={"AWS_ENDPOINT_URL_SQS": refuser.url})
    assert "not now" in refused.error()


def test_what_a_queue_does_not_take_is_sent_again_alone(bucket, program, queue, refuser):
    """One later, one never; the others are there."""
    bucket.put_all({"a": "1", "b": "2", "c": "3"})
    entries = []

    def change(call, headers, body):
        if call == SEND:
            answer = json.loads(body)
            entries.append(len(answer["Successful"]))
            if len(entries) == 1:
                later, never, done = answer["Successful"]
                answer = {"Successful": [done], "Failed": [
                    {"Id": later["Id"], "SenderFault": False, "Code": "InternalError"},
                    {"Id": never["Id"], "SenderFault": True, "Code": "InvalidMessageContents",
                     "Message": "no such character"}]}
            body = json.dumps(answer).encode()
        return headers, body

    refuser.change = change
    result = enqueue_through(refuser, program, bucket, queue, exits=1)
    assert (result.json()["sent"], result.json()["failed"]) == (2, 1)
    assert "no such character" in result.stderr
    assert entries == [3, 1]
    assert keys(queue.take_all()) == ["a", "a", "b", "c"]
