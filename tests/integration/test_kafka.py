"""A topic of a real broker, read by kcat and folded by key, is the bucket."""

import json
import os
import random
import shutil
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from marks import minio_only
from servers import free_port
from watching import Watching

pytestmark = pytest.mark.skipif(not shutil.which("kcat"), reason="kcat is not installed")
C_TEST = (Path(os.environ["BUCKETABLE_PLAIN"]).parent / "../../tests/unit/targets"
          / "test_targets_kafka").resolve()
KILLS = int(os.environ.get("KILLS", "4"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


@pytest.fixture
def topic():
    return f"objects-{uuid.uuid4().hex[:12]}"


def messages(kafka, topic):
    out = subprocess.run(
        ["kcat", "-b", kafka.brokers, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J",
         "-X", "isolation.level=read_committed"], capture_output=True, check=True, timeout=60)
    return [json.loads(line) for line in out.stdout.splitlines()]


def fold(found):
    rows = {}
    for message in found:
        if message["payload"] is None:
            rows.pop(message["key"], None)
        else:
            rows[message["key"]] = message["payload"].encode()
    return rows


@minio_only
def test_the_topic_folded_by_key_is_the_bucket(bucket, program, kafka, topic, tmp_path):
    target = [f"kafka://{kafka.brokers}/{topic}", "--state", tmp_path / "state"]
    bucket.put_all({f"k{i}": f"content {i}" for i in range(500)} | {"empty": ""})
    assert program.sync(bucket.url, *target)["added"] == 501
    assert fold(messages(kafka, topic)) == bucket.contents()
    bucket.put("k7", "another")
    bucket.delete("k8")
    assert program.sync(bucket.url, *target)["unchanged"] == 499
    found = messages(kafka, topic)
    assert len(found) == 503
    assert fold(found) == bucket.contents()


@minio_only
def test_a_large_object_is_refused_or_referenced(bucket, program, kafka, topic, tmp_path):
    target = [f"kafka://{kafka.brokers}/{topic}", "--state", tmp_path / "state"]
    bucket.put_all({"large": "x" * 2_000_000, "small": "s"})
    refused = program("sync", bucket.url, *target, exits=3)
    assert "max.message.bytes" in refused.stderr
    assert fold(messages(kafka, topic)) == {"small": b"s"}
    other = [f"kafka://{kafka.brokers}/{topic}-2", "--state", tmp_path / "state-2"]
    program("sync", bucket.url, *other, "--large-objects", "reference")
    reference = json.loads(fold(messages(kafka, f"{topic}-2"))["large"])
    assert (reference["bucket"], reference["key"]) == (bucket.name, "large")
    assert reference["size"] == 2_000_000


@minio_only
def test_what_cannot_be_written_to_is_one_line(bucket, program, kafka, topic, tmp_path):
    target = f"kafka://{kafka.brokers}/{topic}"
    assert "--state" in program("sync", bucket.url, target, exits=2).error()
    option = program("sync", bucket.url, target, "--state", tmp_path / "s",
                     "--kafka-option", "sasl.pasword=hunter2", exits=2).error()
    assert "sasl.pasword" in option and "hunter2" not in option
    gone = f"127.0.0.1:{free_port()}"
    error = program("sync", bucket.url, f"kafka://{gone}/{topic}", "--state", tmp_path / "s",
                    exits=1).error()
    assert gone in error and "refused" in error


@pytest.mark.skipif(not C_TEST.exists(), reason="built without librdkafka")
@pytest.mark.parametrize("arguments", [[], ["conformance"]], ids=["kafka", "conformance"])
def test_the_suite_that_every_target_passes(kafka, arguments):
    ran = subprocess.run([C_TEST, *arguments], env={**os.environ, "BKT_TEST_KAFKA": kafka.brokers},
                         capture_output=True, timeout=300)
    assert ran.returncode == 0, ran.stdout.decode() + ran.stderr.decode()


@minio_only
def test_killed_at_any_moment_nothing_is_lost(bucket, program, kafka, topic, tmp_path):
    """SEED and KILLS in the environment repeat a run or make a longer one."""
    print(f"SEED={SEED}")
    chance = random.Random(SEED)
    target = [f"kafka://{kafka.brokers}/{topic}", "--state", tmp_path / "state"]
    bodies = {f"k{n:02}": f"first {n} " * 50 for n in range(60)}
    ever = {key: {body.encode()} for key, body in bodies.items()}  # every content that a key had
    bucket.put_all(bodies)
    program("sync", bucket.url, *target)
    for round_no in range(KILLS):
        changed = {key: f"round {round_no} {key}" for key in chance.sample(sorted(ever), 20)}
        for key, body in changed.items():
            ever[key].add(body.encode())
        bucket.put_all(changed)
        bucket.delete(chance.choice(sorted(ever)))
        running = program.start("sync", bucket.url, *target, "--get-concurrency", "4")
        time.sleep(chance.uniform(0, 1))
        running.kill()
        running.communicate()
        for key, content in fold(messages(kafka, topic)).items():
            assert content in ever[key]
    program("sync", bucket.url, *target)
    assert fold(messages(kafka, topic)) == bucket.contents()
    assert program.sync(bucket.url, *target)["unchanged"] == len(bucket.contents())


@minio_only
def test_a_watch_outlives_its_broker(bucket, program, kafka, topic, tmp_path):
    bucket.put("a", "1")
    watch = Watching(program, bucket.url, f"kafka://{kafka.brokers}/{topic}", "--state",
                     tmp_path / "state", "--refresh-interval", "1s")
    watch.wait_for("ready")
    kafka.stop()
    bucket.put("b", "2")
    bucket.delete("a")
    kafka.start()
    watch.wait_for("upsert", "b", timeout_s=90)
    bucket.put("c", "3")
    watch.wait_for("upsert", "c", timeout_s=90)
    watch.end()
    assert fold(messages(kafka, topic)) == bucket.contents() == {"b": b"2", "c": b"3"}


@minio_only
def test_a_sync_whose_broker_is_gone_for_good_ends_and_the_next_one_goes_on(
        bucket, program, proxy, kafka, topic, tmp_path):
    """The broker is killed while a sync reads; a short patience keeps the test short, too."""
    target = [f"kafka://{kafka.brokers}/{topic}", "--state", tmp_path / "state",
              "--kafka-option", "message.timeout.ms=2000"]
    keys = [f"k{n:03}" for n in range(200)]
    bucket.put_all({key: "first" for key in keys})
    program("sync", bucket.url, *target)
    bucket.put_all({key: "second" for key in keys} | {"new": "new"})
    bucket.delete("k000")
    proxy.delay_s = 0.05
    running = program.start("sync", "--quiet", bucket.url, *target, "--get-concurrency", "2",
                            env=proxy.env())
    proxy.wait_for_reads(40)
    kafka.process.kill()
    kafka.stop()
    error = program.finish(running, exits=1).error()
    assert f"kafka topic {topic} at {kafka.brokers}: " in error and "refused" in error

    kafka.start()
    for key, content in fold(messages(kafka, topic)).items():
        assert content in {b"first", b"second", b"new"}
    assert program.sync(bucket.url, *target)["failed"] == 0
    assert fold(messages(kafka, topic)) == bucket.contents()
    assert program.sync(bucket.url, *target)["unchanged"] == len(bucket.contents()) == 200


@minio_only
def test_status_tells_of_the_state_alone(bucket, program, kafka, topic, tmp_path):
    url = f"kafka://{kafka.brokers}/{topic}"
    bucket.put_all({"a": "1", "large": "x" * 2_000_000})
    program("sync", bucket.url, url, "--state", tmp_path / "state", exits=3)
    nowhere = f"kafka://127.0.0.1:{free_port()}/{topic}"
    status = program("status", "--json", nowhere, "--state", tmp_path / "state").json()
    assert (status["source"], status["rows"], status["failed"]) == (bucket.url, 1, 1)
    assert "max.message.bytes" in status["failures"][0]["reason"]


@minio_only
def test_a_filled_topic_without_its_state_is_refused(bucket, program, kafka, topic, tmp_path):
    bucket.put("a", "1")
    url = f"kafka://{kafka.brokers}/{topic}"
    program("sync", bucket.url, url, "--state", tmp_path / "state")
    error = program("sync", bucket.url, url, "--state", tmp_path / "another", exits=1).error()
    assert "name its state file, or another topic" in error and "--rebuild-state" in error
    assert len(messages(kafka, topic)) == 1


@minio_only
def test_a_lost_state_is_rebuilt_from_the_topic(bucket, program, kafka, topic, tmp_path):
    """What is right is not read again, what only the topic has is deleted; a kill begins anew."""
    url = f"kafka://{kafka.brokers}/{topic}"
    bucket.put_all({f"k{n:04}": f"content {n}" for n in range(1000)} | {"empty": ""})
    bucket.put("large", "x" * 2_000_000)
    program("sync", bucket.url, url, "--state", tmp_path / "lost", "--large-objects", "reference")
    bucket.put_all({"k0007": "another", "new": "new"})
    bucket.delete("k0008")
    rebuild = (bucket.url, url, "--state", tmp_path / "state", "--rebuild-state",
               "--large-objects", "reference")
    chance = random.Random(SEED)
    for _ in range(KILLS):
        running = program.start("sync", *rebuild, "--max-deletes", "0")
        time.sleep(chance.uniform(0, 0.7))
        running.kill()
        running.communicate()
    summary = program.sync(*rebuild)
    assert summary["failed"] == 0
    found = fold(messages(kafka, topic))
    reference = json.loads(found.pop("large"))
    assert reference["size"] == 2_000_000
    contents = bucket.contents()
    del contents["large"]
    assert found == contents
    assert program.sync(*rebuild)["unchanged"] == len(contents) + 1

    # Without the kills it is exact: what differs, the large one, and nothing else.
    again = program.sync(bucket.url, url, "--state", tmp_path / "another", "--rebuild-state",
                         "--large-objects", "reference")
    assert (again["unchanged"], again["get_requests"]) == (len(contents), 1)
