"""`enqueue` puts an event for every row on the queue; whoever follows the queue does the rest."""

import json

import boto3
import pytest
import table
from marks import moto_only

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
