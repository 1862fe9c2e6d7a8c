"""watch on a queue with the semantics of the real SQS (ElasticMQ); objects are on MinIO."""

import signal
import sqlite3
import time
from contextlib import closing

import pytest
import table
import told
from gate import Gate
from marks import minio_only
from queues import Queue

pytestmark = minio_only

DENIED = (403, '{"__type":"InvalidClientTokenId","message":"The security token is invalid."}')


@pytest.fixture
def queue(elasticmq):
    return Queue(elasticmq)


@pytest.fixture
def gate(elasticmq):
    with Gate(elasticmq) as running:
        yield running


@pytest.fixture
def follow(bucket, watch, queue, db):
    """watch on `queue`; returns when it is ready."""
    def start(*arguments, url=None, **how):
        running = watch(bucket.url, db, "--sqs-queue-url", url or queue.url, *arguments, **how)
        running.wait_for("ready")
        return running
    return start


def through(gate, queue):
    return gate.url + "/" + queue.url.split("/", 3)[3]


KEY = "a+b c%2Fd/é~.md"
SHAPES = {
    "AWS": lambda b, k: told.native(b, k),
    "several records": lambda b, k: told.native(b, "gone", k, "never"),
    "SNS": lambda b, k: told.sns(told.native(b, k)),
    "SNS twice": lambda b, k: told.sns(told.sns(told.native(b, k))),
    "EventBridge": lambda b, k: told.eventbridge(b, k),
    "EventBridge in SNS": lambda b, k: told.sns(told.eventbridge(b, k)),
    "MinIO": told.minio,
    "Ceph": told.ceph,
}
GONE = {
    "delete": lambda b, k: told.native(b, k, name="ObjectRemoved:Delete"),
    "delete marker": lambda b, k: told.native(b, k, name="ObjectRemoved:DeleteMarkerCreated"),
    "lifecycle": lambda b, k: told.native(b, k, name="LifecycleExpiration:Delete"),
    "lifecycle marker":
        lambda b, k: told.native(b, k, name="LifecycleExpiration:DeleteMarkerCreated"),
    "lifecycle of EventBridge": lambda b, k: told.eventbridge(
        b, k, "Object Deleted", **{"deletion-type": "Permanently Deleted",
                                   "reason": "Lifecycle Expiration"}),
    "MinIO": lambda b, k: told.minio(b, k, "s3:ObjectRemoved:Delete"),
    "Ceph": lambda b, k: told.ceph(b, k, "ObjectRemoved:Delete"),
}


def test_every_shape_of_message_is_understood(bucket, queue, follow, db):
    """Each names the key in its sender's spelling; %2F in the key is no slash."""
    running = follow()
    for name, shape in SHAPES.items():
        key = f"{name}/{KEY}"
        bucket.put(key, name)
        queue.send(shape(bucket.name, key))
        running.wait_for("upsert", key)
    assert table.rows(db) == {f"{name}/{KEY}": name.encode() for name in SHAPES}
    for name, shape in GONE.items():
        key = f"AWS/{KEY}"
        if key not in table.rows(db):
            bucket.put(key, name)
            queue.send(told.native(bucket.name, key))
            running.wait_for("upsert", key)
        bucket.delete(key)
        queue.send(shape(bucket.name, key))
        running.wait_for("delete", key)
    queue.wait_for_left(0)
    assert "not understood" not in running.end()


def test_an_overwrite_within_one_second_is_seen(bucket, queue, follow, db):
    """Nothing that has a time in it may tell that the second content is no news."""
    running = follow()
    for n in range(10):
        bucket.put("k", f"{n}")
        queue.send(told.native(bucket.name, "k"))
        running.wait_for("upsert", "k")
        assert table.rows(db) == {"k": f"{n}".encode()}
    running.end()


def test_changes_of_metadata_alone_count_only_where_they_are_columns(
        bucket, queue, follow, proxy, db, program, tmp_path):
    bucket.put("k", "x", Metadata={"color": "red"})
    event = told.native(bucket.name, "k", name="ObjectTagging:Put")
    running = follow(env=proxy.env())
    proxy.forget()
    queue.send(event)
    queue.wait_for_left(0)
    assert proxy.requests == []
    running.end()

    db.unlink()
    running = follow("--columns", "metadata")
    bucket.put("k", "x", Metadata={"color": "blue"})
    queue.send(event)
    running.wait_for("upsert", "k")
    assert b"blue" in table.query(db, "SELECT metadata FROM objects")[0][0]
    running.end()


def test_work_that_takes_longer_than_the_visibility_is_not_done_twice(
        bucket, queue, follow, proxy, db):
    """While the object is read, nobody else gets the message."""
    running = follow(env=proxy.env())
    proxy.delay_s = 5  # the visibility is 2 s
    bucket.put("slow", "x")
    queue.send(told.native(bucket.name, "slow"))
    proxy.wait_for_reads(1)
    stolen = []
    while not running.events("upsert"):
        assert running.process.poll() is None, running.messages()
        stolen += queue.steal()
        time.sleep(0.1)
    assert stolen == []
    queue.wait_for_left(0)
    running.end()


def test_a_receipt_that_is_too_old_costs_nothing(bucket, queue, follow, proxy, db):
    """
    The program stands still until the message was visible again and somebody else took it: then its
    own deletion is refused, for that message alone, and is made again when the message comes again.
    """
    running = follow(env=proxy.env())
    proxy.delay_s = 1
    bucket.put("a", "1")
    queue.send(told.native(bucket.name, "a"))
    proxy.wait_for_reads(1)
    running.process.send_signal(signal.SIGSTOP)
    while not queue.steal():
        time.sleep(0.1)
    bucket.put("b", "2")
    queue.send(told.native(bucket.name, "b"))
    running.process.send_signal(signal.SIGCONT)
    running.wait_for("upsert", "b")
    queue.wait_for_left(0)
    assert table.rows(db) == {"a": b"1", "b": b"2"}
    running.end()
    assert not running.events("error")


def test_what_is_not_understood_goes_to_the_dead_letters_alone(bucket, elasticmq, watch, db):
    queue = Queue(elasticmq, visibility_s=1, receives=3)
    running = watch(bucket.url, db, "--sqs-queue-url", queue.url)
    running.wait_for("ready")
    keys = [f"{n:02}" for n in range(35)]
    bucket.put_all({key: key for key in keys})
    good_and_bad = told.native(bucket.name, "beside").replace('"Records": [', '"Records": [7, ')
    bucket.put("beside", "x")
    queue.send("no JSON", *(told.native(bucket.name, key) for key in keys), "{}", good_and_bad)
    queue.wait_for_left(3, queue.dead)
    queue.wait_for_left(0)
    assert set(table.rows(db)) == {*keys, "beside"}
    said = running.end()
    assert said.count("not understood") == len({line for line in said.splitlines()
                                                if "not understood" in line}) > 0


def test_a_message_goes_only_after_its_commit(bucket, queue, follow, db, watch):
    """
    The target is locked for longer than the program waits for it: the message stays.  Then it is
    committed, once it can be.
    """
    running = follow()
    with closing(sqlite3.connect(db, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        bucket.put("k", "x")
        queue.send(told.native(bucket.name, "k"))
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            assert queue.left() == 1
            time.sleep(0.2)
        other.execute("COMMIT")
    running.wait_for("upsert", "k", timeout_s=60)
    queue.wait_for_left(0)
    assert table.rows(db) == {"k": b"x"}
    running.end()


def test_a_cut_between_commit_and_acknowledgment_loses_nothing(
        bucket, queue, gate, follow, db):
    url = through(gate, queue)
    gate.answers["DeleteMessageBatch"] = None
    running = follow(url=url)
    bucket.put("k", "1")
    queue.send(told.native(bucket.name, "k"))
    running.wait_for("upsert", "k")
    gate.wait_for("DeleteMessageBatch")
    running.kill()
    assert queue.left() == 1
    assert table.rows(db) == {"k": b"1"}
    gate.answers.clear()
    running = follow(url=url)
    queue.wait_for_left(0)
    assert table.rows(db) == {"k": b"1"}
    running.end()


def test_batches_that_fail_in_part_are_made_again_in_part(bucket, queue, gate, follow, db):
    gate.answers["DeleteMessageBatch"] = (
        200, '{"Successful":[],"Failed":[{"Id":"0","SenderFault":false,"Code":"InternalError",'
             '"Message":"try again"}]}')
    running = follow(url=through(gate, queue))
    bucket.put("k", "1")
    queue.send(told.native(bucket.name, "k"))
    gate.wait_for("DeleteMessageBatch", count=2)
    gate.answers.clear()
    queue.wait_for_left(0)
    running.end()


@pytest.mark.parametrize("action", ["ReceiveMessage", "GetQueueAttributes"])
def test_wrong_credentials_end_it_at_the_start(bucket, queue, gate, program, db, action):
    gate.answers[action] = DENIED
    if action == "GetQueueAttributes":
        gate.answers["ReceiveMessage"] = DENIED  # the attributes alone may be secret
    result = program("watch", bucket.url, db, "--sqs-queue-url", through(gate, queue), exits=1)
    assert "InvalidClientTokenId" in result.stderr.splitlines()[-1]


MISSING = (400, '{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}')


@pytest.mark.parametrize("answer", [MISSING, None], ids=["missing", "gone"])
def test_the_same_later_is_told_once_and_survived(bucket, queue, gate, follow, answer):
    running = follow(url=through(gate, queue))
    bucket.put("a", "1")
    queue.send(told.native(bucket.name, "a"))
    running.wait_for("upsert", "a")
    gate.answers["ReceiveMessage"] = answer
    queue.send("wake the long poll")  # its answer is what went through before
    gate.wait_for("ReceiveMessage", count=2)
    running.wait_for("error")
    gate.wait_for("ReceiveMessage")
    gate.answers.clear()
    bucket.put("b", "2")
    queue.send(told.native(bucket.name, "b"))
    running.wait_for("upsert", "b", timeout_s=40)
    assert len(running.events("error")) == 1, running.events("error")
    running.end()


def test_it_ends_within_seconds_while_an_object_does_not_come(bucket, queue, follow, proxy, db):
    """And what it was at comes again to whoever runs next."""
    running = follow(env=proxy.env())
    proxy.delay_s = 30
    bucket.put("slow", "x")
    queue.send(told.native(bucket.name, "slow"))
    proxy.wait_for_reads(1)
    running.end(timeout_s=5)
    assert table.rows(db) == {}
    assert queue.left() == 1
    running = follow()
    queue.wait_for_left(0)
    assert table.rows(db) == {"slow": b"x"}
    running.end()


def test_what_events_missed_is_counted(bucket, queue, follow):
    running = follow()
    bucket.put("told", "1")
    queue.send(told.native(bucket.name, "told"))
    running.wait_for("upsert", "told")
    bucket.put_all({"lost": "2", "lost too": "3"})
    running.process.send_signal(signal.SIGHUP)
    assert running.wait_for("synced")["events_missed"] == 2
    running.process.send_signal(signal.SIGHUP)
    assert running.wait_for("synced")["events_missed"] == 0
    running.end()
