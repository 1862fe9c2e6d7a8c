"""watch: the first listing, then changes as they happen, on SQS (moto) and by listing again."""

import signal
import time

import boto3
import pytest
import table
from marks import moto_only


class Queue:
    """A queue that the bucket sends its events to."""

    def __init__(self, server, bucket):
        self.client = boto3.client(
            "sqs", endpoint_url=server.url, aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key, region_name="us-east-1")
        self.url = self.client.create_queue(
            QueueName=bucket.name, Attributes={"VisibilityTimeout": "2"})["QueueUrl"]
        arn = self.attributes()["QueueArn"]
        bucket.client.put_bucket_notification_configuration(
            Bucket=bucket.name, NotificationConfiguration={"QueueConfigurations": [
                {"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]})

    def attributes(self):
        return self.client.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["All"])["Attributes"]

    def send(self, body):
        self.client.send_message(QueueUrl=self.url, MessageBody=body)

    def left(self):
        """Messages that nobody has acknowledged."""
        found = self.attributes()
        return (int(found["ApproximateNumberOfMessages"])
                + int(found["ApproximateNumberOfMessagesNotVisible"]))

    def wait_until_empty(self, timeout_s=20):
        deadline = time.monotonic() + timeout_s
        while self.left() > 0:
            assert time.monotonic() < deadline, self.left()
            time.sleep(0.1)


@pytest.fixture
def events(server, bucket):
    return Queue(server, bucket)


@moto_only
def test_changes_are_in_the_table_as_they_happen(bucket, events, watch, db):
    bucket.put_all({"old": "1", "going": "2"})
    running = watch(bucket.url, db, "--sqs-queue-url", events.url)
    running.wait_for("synced")
    running.wait_for("ready")
    assert table.rows(db) == {"old": b"1", "going": b"2"}

    bucket.put("new +%41/é", "3")
    running.wait_for("upsert", "new +%41/é")
    bucket.put("old", "1b")
    running.wait_for("upsert", "old")
    bucket.delete("going")
    running.wait_for("delete", "going")
    assert table.rows(db) == {"old": b"1b", "new +%41/é": b"3"}
    events.wait_until_empty()
    running.end()


@moto_only
def test_every_event_takes_a_revision_and_a_late_one_undoes_nothing(bucket, events, watch, db):
    """Even when nothing changed, and even for a key that nobody knows: that fences late reads off."""
    bucket.put("a", "1")
    running = watch(bucket.url, db, "--sqs-queue-url", events.url)
    running.wait_for("ready")
    events.wait_until_empty()

    def revisions():
        return dict(table.query(db, "SELECT filename, revision FROM bucketable_state_objects"))

    def send(kind, key):
        events.send('{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"%s",'
                    '"s3":{"bucket":{"name":"%s"},"object":{"key":"%s","eTag":"x","size":9}}}]}'
                    % (kind, bucket.name, key))

    before = revisions()
    send("ObjectRemoved:Delete", "a")  # late: the object is there
    send("ObjectCreated:Put", "never")
    events.wait_until_empty()
    assert table.rows(db) == {"a": b"1"}
    after = revisions()
    assert after[b"a"] > before[b"a"]
    assert after[b"never"] > before[b"a"], "a tombstone"
    running.end()
    assert not running.events("delete")


@moto_only
def test_an_old_spec_throws_no_message_away(bucket, events, watch, program, db):
    """A key that it filters out may be a row under the newer spec, which another process follows."""
    bucket.put_all({"a.txt": "1", "a.md": "2"})
    old = watch(bucket.url, db, "--sqs-queue-url", events.url, "--include", "*.txt")
    old.wait_for("ready")
    events.wait_until_empty()
    program.sync(bucket.url, db, "--include", "*.md", "--max-deletes", "100%")
    bucket.put("b.md", "3")
    assert old.process.wait(timeout=20) == 1
    assert "spec" in old.messages() and "another process" in old.messages()
    assert events.left() == 1

    new = watch(bucket.url, db, "--sqs-queue-url", events.url, "--include", "*.md")
    new.wait_for("ready")
    events.wait_until_empty()
    assert table.rows(db) == {"a.md": b"2", "b.md": b"3"}
    new.end()


@moto_only
def test_messages_that_mean_nothing_here_go_and_poison_stays(bucket, events, watch, db):
    running = watch(bucket.url, db, "--sqs-queue-url", events.url, "--include", "*.md")
    running.wait_for("ready")
    events.send('{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"%s"}' % bucket.name)
    events.send('{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":'
                '{"bucket":{"name":"another"},"object":{"key":"a.md"}}}]}')
    bucket.put("not-included.txt", "x")
    events.wait_until_empty()
    events.send("this is no JSON")
    bucket.put("b.md", "beside the poison")
    running.wait_for("upsert", "b.md")
    time.sleep(3)  # longer than the visibility time-out
    assert events.left() == 1
    assert table.rows(db) == {"b.md": b"beside the poison"}
    running.end()


@moto_only
def test_foreign_messages_may_be_kept(bucket, events, watch, db):
    running = watch(bucket.url, db, "--sqs-queue-url", events.url, "--keep-foreign-messages")
    running.wait_for("ready")
    events.send('{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":'
                '{"bucket":{"name":"another"},"object":{"key":"a.md"}}}]}')
    bucket.put("mine", "x")
    running.wait_for("upsert", "mine")
    time.sleep(1)
    assert events.left() == 1
    running.end()


@moto_only
def test_a_missing_queue_ends_it_at_the_start(bucket, program, events, db):
    result = program("watch", bucket.url, db, "--sqs-queue-url", events.url + "-not", exits=1)
    assert "queue" in result.stderr.lower()
    assert len(result.stderr.splitlines()) == 1, result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_to(bucket, watch, db, number):
    running = watch(bucket.url, db)
    running.wait_for("ready")
    running.end(number)


def test_it_ends_when_nobody_reads_its_events(bucket, program, db):
    """As a program in a pipe does: what it would go on to tell is told to nobody."""
    bucket.put("a", "first")
    running = program.start("watch", "--json", bucket.url, db, "--refresh-interval", "100ms")
    while b'"ready"' not in running.stdout.readline():
        pass
    running.stdout.close()
    messages = running.stderr.read()
    assert running.wait(timeout=20) == 1
    assert messages == b"", "a closed pipe is no error"


def test_without_events_it_says_what_it_will_not_see_and_sighup_lists(bucket, watch, db):
    bucket.put("a", "1")
    running = watch(bucket.url, db)
    running.wait_for("ready")
    bucket.put("b", "2")
    running.process.send_signal(signal.SIGHUP)
    running.wait_for("upsert", "b")
    assert running.wait_for("synced")["events_missed"] == 1
    assert "refresh_interval" in running.end()


def test_a_refresh_interval_finds_what_no_event_told(bucket, watch, db):
    bucket.put_all({"a": "1", "b": "2"})
    running = watch(bucket.url, db, "--refresh-interval", "300ms")
    running.wait_for("ready")
    bucket.put("a", "1b")
    running.wait_for("upsert", "a")
    bucket.delete("b")
    running.wait_for("delete", "b")
    assert table.rows(db) == {"a": b"1b"}
    running.end()


def test_trouble_later_is_survived(bucket, proxy, watch, db):
    """The server is gone for a moment: it says so, and goes on by itself."""
    bucket.put("a", "1")
    running = watch(bucket.url, db, "--refresh-interval", "300ms", "--retry-time", "1s",
                    env=proxy.env())
    running.wait_for("ready")
    proxy.refuse = True
    running.wait_for("error")
    proxy.refuse = False
    bucket.put("b", "2")
    running.wait_for("upsert", "b", timeout_s=30)
    running.end()


def test_max_deletes_ends_it_at_its_first_listing_only(bucket, program, watch, db):
    bucket.put_all({f"{n:02}": "x" for n in range(30)})
    program("sync", bucket.url, db)
    bucket.delete_all([f"{n:02}" for n in range(20)])
    before = table.rows(db)
    result = program("watch", bucket.url, db, exits=4)
    assert "max_deletes" in result.stderr.replace("-", "_")
    assert table.rows(db) == before

    bucket.put_all({f"{n:02}": "x" for n in range(20)})
    running = watch(bucket.url, db, "--refresh-interval", "300ms")
    running.wait_for("ready")
    bucket.delete_all([f"{n:02}" for n in range(20)])
    running.wait_for("error")
    assert len(table.rows(db)) == 30
    bucket.put("new", "it goes on")
    running.wait_for("upsert", "new", timeout_s=30)
    running.end()


@moto_only
def test_an_unreadable_object_is_recorded_its_message_goes_and_it_is_tried_again(
        bucket, events, proxy, watch, db):
    running = watch(bucket.url, db, "--sqs-queue-url", events.url, "--retry-time", "1s",
                    env=proxy.env())
    running.wait_for("ready")
    proxy.fail_reads_of = "bad"
    bucket.put("bad", "x")
    running.wait_for("error", "bad")
    events.wait_until_empty()
    assert table.query(db, "SELECT count(*) FROM bucketable_state_objects "
                           "WHERE error IS NOT NULL") == [(1,)]
    proxy.fail_reads_of = None
    running.wait_for("upsert", "bad", timeout_s=30)
    running.end()


def test_a_listing_without_news_is_not_told(bucket, program, proxy, db):
    bucket.put("a", b"1")
    process = program.start("watch", bucket.url, db, "--refresh-interval", "100ms", env=proxy.env())
    with proxy.changed:
        listed = proxy.changed.wait_for(
            lambda: sum("list-type=2" in target for _, target in proxy.requests) >= 4, 30)
    assert listed
    bucket.put("b", b"2")
    proxy.wait_for_reads(2)
    process.send_signal(signal.SIGTERM)
    lines = [line for line in program.finish(process).stderr.splitlines() if " unchanged" in line]
    assert lines[0].startswith("bucketable: 1 row: 1 added")
    assert len(lines) <= 2 and all(" 0 added" not in line for line in lines)
