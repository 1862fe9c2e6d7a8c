"""watch through Redis: pub/sub, and what MinIO's Redis target really writes, in both its formats."""

import json
import signal
import socket
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest
import servers
import table
import told
from live import notify
from proxy import Pipe
from test_tls import OPENSSL


@pytest.fixture
def server(live):
    return live


@pytest.fixture
def follow(watch, redis):
    def start(*arguments, **how):
        return watch(*arguments, "--redis-url", f"redis://127.0.0.1:{redis.port}", **how)
    return start


def wait_for_length(redis, key, length, *options):
    deadline = time.monotonic() + 20
    while redis.cli(*options, "llen", key) != str(length):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("form", ["access", "namespace"])
def test_what_minio_writes(bucket, redis, follow, db, form):
    redis.cli("del", "access", "namespace")
    notify(bucket, form)
    bucket.put("before", "0")
    running = follow(bucket.url, db, "--redis-channel", form)
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


def test_pub_sub_with_the_shape_of_aws(bucket, redis, follow, db):
    running = follow(bucket.url, db, "--redis-channel", "published")
    running.wait_for("ready")
    bucket.put("a+b c", "1")
    redis.cli("publish", "published", json.dumps({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket.name}, "object": {"key": "a%2Bb+c"}}}]}))
    running.wait_for("upsert", "a+b c")
    running.end()


def test_entries_that_a_killed_worker_held_are_taken_up_again(bucket, redis, follow, db):
    redis.cli("del", "access", "access:bucketable")
    notify(bucket, "access")
    bucket.put("a", "1")
    redis.cli("lmove", "access", "access:bucketable", "LEFT", "RIGHT")
    running = follow(bucket.url, db, "--redis-channel", "access")
    running.wait_for("ready")
    wait_for_length(redis, "access:bucketable", 0)
    assert table.rows(db) == {"a": b"1"}
    running.end()


def test_redis_wins_over_sqs_and_says_so(bucket, redis, follow, db):
    running = follow(bucket.url, db, "--redis-channel", "published",
                    "--sqs-queue-url", "http://127.0.0.1:1/123456789012/q")
    running.wait_for("ready")
    assert "SQS" in running.end() or "sqs" in running.messages()


def test_a_redis_that_is_not_there_ends_it_at_the_start(bucket, program, db):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = program("watch", bucket.url, db, "--redis-url", f"redis://127.0.0.1:{port}",
                     "--redis-channel", "x", exits=1, timeout_s=30)
    assert "redis" in result.stderr.lower()


# What a Redis of one's own may ask for

PASSWORD = "app/pass@word"
NEEDED = "+ping +select +subscribe +type +llen +blmove +lmove +lrange +lrem +rpush +ltrim +hscan".split()


class StrictRedis(servers.Redis):
    """TLS with a private authority, a socket, and a user that may do no more than is needed."""

    def __init__(self, directory, allowed=NEEDED):
        super().__init__(directory)
        self.tls_port = servers.free_port()
        self.socket = f"{directory}/socket"
        directory.mkdir(parents=True, exist_ok=True)
        subprocess.run(["/bin/sh", "-e", "-c", OPENSSL], cwd=directory, check=True,
                       capture_output=True)
        (directory / "users.acl").write_text(
            f"user default on >all ~* &* +@all\nuser app on >{PASSWORD} "
            f"~events* &events* {' '.join(allowed)}\n")
        self.options = ["--tls-port", self.tls_port, "--tls-cert-file", "public.crt",
                        "--tls-key-file", "private.key", "--tls-ca-cert-file", "ca.crt",
                        "--tls-auth-clients", "no", "--aclfile", "users.acl",
                        "--unixsocket", self.socket]
        self.options = [str(option) for option in self.options]
        self.ca_bundle = str(directory / "ca.crt")

    def cli(self, *arguments):
        return super().cli("--no-auth-warning", "-a", "all", *arguments)


QUOTED = PASSWORD.replace("/", "%2F").replace("@", "%40")


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    server = StrictRedis(tmp_path_factory.mktemp("strict") / "redis").start()
    yield server
    server.stop()


@pytest.mark.parametrize("way", ["tls", "socket", "url"])
def test_a_user_with_the_needed_rights_alone(bucket, strict, watch, db, way):
    """In database 3; the password from the environment, or in the URL."""
    url, env = {
        "tls": (f"rediss://app@localhost:{strict.tls_port}/3",
                {"REDISCLI_AUTH": PASSWORD, "AWS_CA_BUNDLE": strict.ca_bundle}),
        "socket": (f"unix://app@{strict.socket}?db=3", {"REDISCLI_AUTH": PASSWORD}),
        "url": (f"redis://app:{QUOTED}@127.0.0.1:{strict.port}/3", {}),
    }[way]
    strict.cli("-n", "3", "del", "events")
    running = watch(bucket.url, db, "--redis-url", url, "--redis-channel", "events", env=env)
    running.wait_for("ready")
    bucket.put("listed", "1")
    strict.cli("-n", "3", "rpush", "events", told.native(bucket.name, "listed"), "no JSON")
    running.wait_for("upsert", "listed")
    bucket.put("published", "1")
    strict.cli("publish", "events", told.native(bucket.name, "published"))
    running.wait_for("upsert", "published")
    wait_for_length(strict, "events:bucketable", 0, "-n", "3")
    assert strict.cli("-n", "3", "lrange", "events:bucketable:poison", "0", "-1") == "no JSON"
    strict.cli("-n", "3", "del", "events:bucketable:poison")
    said = running.end()
    assert PASSWORD not in said and QUOTED not in said


def refused(program, bucket, db, url, **env):
    result = program("watch", bucket.url, db, "--redis-url", url, "--redis-channel", "events",
                     exits=1, env=env)
    assert PASSWORD not in result.stderr and QUOTED not in result.stderr
    return result.stderr.splitlines()[-1]


def test_what_is_wrong_is_said_at_the_start(bucket, strict, program, db, tmp_path):
    plain = f"127.0.0.1:{strict.port}"
    assert "WRONGPASS" in refused(program, bucket, db, f"redis://app:wrong@{plain}")
    assert "NOAUTH" in refused(program, bucket, db, f"redis://{plain}")
    assert "certificate" in refused(program, bucket, db,
                                    f"rediss://app:{QUOTED}@localhost:{strict.tls_port}")
    assert "99" in refused(program, bucket, db, f"redis://app:{QUOTED}@{plain}/99")
    assert str(tmp_path / "none") in refused(program, bucket, db, f"unix://{tmp_path}/none")


@pytest.mark.parametrize("lacks", ["+blmove", "+lrange"])
def test_a_permission_that_is_missing_is_named(bucket, program, db, tmp_path, lacks):
    rights = [right for right in NEEDED if right not in (lacks, lacks.replace("b", ""))]
    server = StrictRedis(tmp_path / "redis", rights).start()
    try:
        line = refused(program, bucket, db, f"redis://app:{QUOTED}@127.0.0.1:{server.port}")
        assert "NOPERM" in line and lacks in line
    finally:
        server.stop()


def test_a_redis_that_restarts_is_followed_again(bucket, watch, db, tmp_path):
    """What was published meanwhile is found by listing; what is in the list is still there."""
    other = servers.Redis(tmp_path / "redis", ["--appendonly", "yes", "--appendfsync", "always"])
    other.start()
    try:
        running = watch(bucket.url, db, "--redis-url", f"redis://127.0.0.1:{other.port}",
                        "--redis-channel", "events")
        running.wait_for("ready")
        other.stop()
        running.wait_for("error")
        bucket.put("missed", "1")
        other.start()
        assert running.wait_for("synced", timeout_s=40)["events_missed"] == 1
        bucket.put("told", "2")
        other.cli("rpush", "events", told.native(bucket.name, "told"))
        running.wait_for("upsert", "told")
        assert table.rows(db) == {"missed": b"1", "told": b"2"}
        running.end()
        assert len(running.events("error")) == 1
    finally:
        other.stop()


def test_an_entry_leaves_redis_only_after_its_commit(bucket, redis, follow, db):
    """Killed between the two, the program takes it up again."""
    redis.cli("del", "entries", "entries:bucketable")
    running = follow(bucket.url, db, "--redis-channel", "entries")
    running.wait_for("ready")
    with closing(sqlite3.connect(db, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        bucket.put("k", "x")
        redis.cli("rpush", "entries", told.native(bucket.name, "k"))
        wait_for_length(redis, "entries:bucketable", 1)
        time.sleep(1)  # more than what a commit takes
        assert redis.cli("llen", "entries:bucketable") == "1"
        running.kill()
        other.execute("COMMIT")
    assert table.rows(db) == {}
    running = follow(bucket.url, db, "--redis-channel", "entries")
    running.wait_for("ready")
    wait_for_length(redis, "entries:bucketable", 0)
    assert table.rows(db) == {"k": b"x"}
    running.end()


def test_what_was_published_while_the_connection_was_lost_is_listed(bucket, redis, watch, db):
    with Pipe(redis.port) as pipe:
        running = watch(bucket.url, db, "--redis-url", f"redis://127.0.0.1:{pipe.port}",
                        "--redis-channel", "published")
        running.wait_for("ready")
        pipe.is_closed = True
        pipe.cut()
        running.wait_for("error")
        bucket.put("missed", "1")
        redis.cli("publish", "published", told.native(bucket.name, "missed"))
        pipe.is_closed = False
        assert running.wait_for("synced", timeout_s=40)["events_missed"] == 1
        running.end(signal.SIGINT)
    assert table.rows(db) == {"missed": b"1"}
