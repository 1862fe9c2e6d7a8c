"""watch through Redis: pub/sub, and what MinIO's Redis target really writes, in both its formats."""

import json
import shutil
import socket
import subprocess
import time

import pytest
import servers
import table
from watching import Watching


class Redis(servers.Server):
    name = "redis"

    def command(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", str(self.directory)]

    def is_ready(self):
        try:
            return self.cli("ping") == "PONG"
        except (OSError, subprocess.CalledProcessError):
            return False

    def cli(self, *arguments):
        return subprocess.run(["redis-cli", "-p", str(self.port), *arguments], check=True,
                              capture_output=True, text=True).stdout.strip()


class MinioWithRedis(servers.Minio):
    """Sends events to the Redis keys `access` and `namespace`, each in the format of that name."""

    redis_port = 0

    def environment(self):
        found = super().environment()
        for name in ("access", "namespace"):
            prefix = "MINIO_NOTIFY_REDIS_"
            suffix = "_" + name.upper()
            found[f"{prefix}ENABLE{suffix}"] = "on"
            found[f"{prefix}ADDRESS{suffix}"] = f"127.0.0.1:{self.redis_port}"
            found[f"{prefix}KEY{suffix}"] = name
            found[f"{prefix}FORMAT{suffix}"] = name
        return found


@pytest.fixture(scope="module")
def redis(all_servers, tmp_path_factory):
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed")
    server = Redis(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def minio(all_servers, redis, tmp_path_factory):
    plain = all_servers.get("minio")
    MinioWithRedis.redis_port = redis.port
    server = MinioWithRedis(tmp_path_factory.mktemp("minio-redis"), plain.binary).start()
    yield server
    server.stop()


@pytest.fixture
def server(minio):
    return minio


@pytest.fixture
def watch(program, redis):
    running = []

    def start(*arguments, **how):
        running.append(Watching(program, *arguments, "--redis-url",
                                f"redis://127.0.0.1:{redis.port}", **how))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.kill()


def notify(bucket, name):
    bucket.client.put_bucket_notification_configuration(
        Bucket=bucket.name, NotificationConfiguration={"QueueConfigurations": [
            {"QueueArn": f"arn:minio:sqs::{name.upper()}:redis",
             "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]})


@pytest.mark.parametrize("form", ["access", "namespace"])
def test_what_minio_writes(bucket, redis, watch, db, form):
    redis.cli("del", "access", "namespace")
    notify(bucket, form)
    bucket.put("before", "0")
    running = watch(bucket.url, db, "--redis-channel", form)
    running.wait_for("ready")
    bucket.put("sp ace+plus%41/ü", "1")
    running.wait_for("upsert", "sp ace+plus%41/ü")
    bucket.put("before", "0b")
    running.wait_for("upsert", "before")
    bucket.delete("before")
    running.wait_for("delete", "before")
    assert table.rows(db) == {"sp ace+plus%41/ü": b"1"}
    running.end()
    if form == "access":
        assert redis.cli("llen", "access") == "0"
        assert redis.cli("llen", "access:bucketable") == "0"


def test_pub_sub_with_the_shape_of_aws(bucket, redis, watch, db):
    running = watch(bucket.url, db, "--redis-channel", "published")
    running.wait_for("ready")
    bucket.put("a+b c", "1")
    redis.cli("publish", "published", json.dumps({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket.name}, "object": {"key": "a%2Bb+c"}}}]}))
    running.wait_for("upsert", "a+b c")
    running.end()


def test_entries_that_a_killed_worker_held_are_taken_up_again(bucket, redis, watch, db):
    redis.cli("del", "access", "access:bucketable")
    notify(bucket, "access")
    bucket.put("a", "1")
    redis.cli("lmove", "access", "access:bucketable", "LEFT", "RIGHT")
    running = watch(bucket.url, db, "--redis-channel", "access")
    running.wait_for("ready")
    deadline = time.monotonic() + 20
    while redis.cli("llen", "access:bucketable") != "0":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert table.rows(db) == {"a": b"1"}
    running.end()


def test_redis_wins_over_sqs_and_says_so(bucket, redis, watch, db):
    running = watch(bucket.url, db, "--redis-channel", "published",
                    "--sqs-queue-url", "http://127.0.0.1:1/123456789012/q")
    running.wait_for("ready")
    assert "SQS" in running.end() or "sqs" in running.messages()


def test_a_redis_that_is_not_there_ends_it_at_the_start(bucket, program, db):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = program("watch", bucket.url, db, "--redis-url", f"redis://127.0.0.1:{port}",
                     "--redis-channel", "x", exits=1, timeout_s=30)
    assert "redis" in result.stderr.lower()
