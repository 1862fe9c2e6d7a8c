"""Several processes on one table: who lists, who is there, and what a storm leaves."""

import os
import random
import socket
import subprocess
import time

import pytest
import table
from marks import minio_only, moto_only
from test_postgres import TABLE, rows
from test_watch import events  # noqa: F401  a fixture

STORMS = int(os.environ.get("STORMS", "1"))
WORKERS = 3


def lease(postgres, holder, seconds):
    postgres.sql("INSERT INTO app.bucketable_leases VALUES ('docs', "
                 f"'{holder}', now() + interval '{seconds} seconds') ON CONFLICT (table_name)"
                 " DO UPDATE SET holder = excluded.holder, until = excluded.until")


def holder(postgres):
    return postgres.sql("SELECT holder FROM app.bucketable_leases WHERE until > now()")


@minio_only
def test_one_lists_and_the_others_wait(bucket, program, postgres, postgres_target):
    bucket.put("a", "1")
    program.sync(bucket.url, postgres_target, *TABLE)
    assert holder(postgres) == ""  # it has let go
    lease(postgres, "elsewhere.example:1:0", 3)
    bucket.put("b", "2")
    ran = program("sync", bucket.url, postgres_target, *TABLE)
    assert "another process lists the bucket: elsewhere.example:1:0" in ran.stderr
    assert rows(postgres) == bucket.contents()


@minio_only
def test_the_dead_pass_it_on(bucket, program, postgres, postgres_target):
    bucket.put("a", "1")
    program.sync(bucket.url, postgres_target, *TABLE)
    dead = subprocess.Popen(["true"])
    dead.wait()
    lease(postgres, f"{socket.gethostname()}:{dead.pid}:0", 3600)
    bucket.put("b", "2")
    assert program.sync(bucket.url, postgres_target, *TABLE)["added"] == 1


@minio_only
def test_where_nobody_may_keep_account_everybody_lists(bucket, program, postgres, postgres_target):
    bucket.put("a", "1")
    program.sync(bucket.url, postgres_target, *TABLE)
    postgres.sql("DROP TABLE app.bucketable_leases; REVOKE CREATE ON SCHEMA app FROM tester;"
                 "ALTER SCHEMA app OWNER TO CURRENT_USER; GRANT USAGE ON SCHEMA app TO tester")
    bucket.put("b", "2")
    assert program.sync(bucket.url, postgres_target, *TABLE)["added"] == 1


@minio_only
def test_two_syncs_into_one_file_take_turns(bucket, program, proxy, db):
    """Two that overtook each other would list again and again, and say so."""
    bucket.put_all({f"k{n:02}": f"{n}" for n in range(60)})
    proxy.delay_s = 0.1
    both = [program.start("sync", "--json", bucket.url, db, "--get-concurrency", "2",
                          env=proxy.env()) for _ in range(2)]
    results = [program.finish(running, timeout_s=60) for running in both]
    assert table.rows(db) == bucket.contents()
    assert sorted(result.json()["added"] for result in results) == [0, 60]
    said = "".join(result.stderr for result in results)
    assert said.count("another process lists the bucket") == 1, said
    assert "has begun to list" not in said


def workers(program, target):
    return program("status", "--json", target, *TABLE).json().get("workers", [])


def wait_for_workers(program, target, count):
    deadline = time.monotonic() + 30
    while len(found := workers(program, target)) != count:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


@minio_only
def test_status_tells_who_works(bucket, program, watch, postgres, postgres_target):
    bucket.put("a", "1")
    arguments = (bucket.url, postgres_target, *TABLE, "--refresh-interval", "1h")
    both = [watch(*arguments) for _ in range(2)]
    for worker in both:
        worker.wait_for("ready")
    found = wait_for_workers(program, postgres_target, 2)
    pids = {worker.process.pid for worker in both}
    assert {worker["pid"] for worker in found} == pids
    for worker in found:
        assert set(worker) == {"host", "pid", "role", "changes", "old_spec", "started_at",
                               "seen_at", "silent_seconds"}
        assert worker["host"] == socket.gethostname() and not worker["old_spec"]
        assert worker["role"] in ("lister", "follower") and 0 <= worker["silent_seconds"] < 60
    both[0].end()
    both[1].kill()
    assert [worker["pid"] for worker in workers(program, postgres_target)] == [
        both[1].process.pid]
    postgres.sql("UPDATE app.bucketable_workers SET seen_at = seen_at - interval '5 minutes',"
                 " epoch = epoch - 1")
    text = program("status", postgres_target, *TABLE).stdout.decode()
    assert f", process {both[1].process.pid}, a follower: " in text
    assert "seen 5 min ago, so it may be dead, with an old spec\n  failed        0\n" in text


@minio_only
def test_status_does_without_what_it_may_not_read(bucket, program, postgres, postgres_target):
    bucket.put("a", "1")
    program.sync(bucket.url, postgres_target, *TABLE)
    assert "workers" not in program("status", "--json", postgres_target, *TABLE).json()
    postgres.sql("CREATE TABLE app.bucketable_workers (table_name text)")
    status = program("status", "--json", postgres_target, *TABLE).json()
    assert status["rows"] == 1 and "workers" not in status


@moto_only
@pytest.mark.parametrize("seed", range(STORMS))
def test_a_storm_over_three_workers_that_are_killed(bucket, events, watch, postgres,  # noqa: F811
                                                    postgres_target, seed):
    """STORMS in the environment makes a longer run."""
    chance = random.Random(seed)
    keys = [f"k{n}/ü+ {n}" for n in range(15)]
    arguments = (bucket.url, postgres_target, *TABLE, "--sqs-queue-url", events.url)
    workers = [watch(*arguments) for _ in range(WORKERS)]
    for _ in range(90):
        key = chance.choice(keys)
        if chance.random() < 0.3:
            bucket.delete(key)
        else:
            bucket.put(key, f"{chance.randrange(4)}")
        if chance.random() < 0.1:
            n = chance.randrange(WORKERS)
            workers[n].kill()
            workers[n] = watch(*arguments)
        if chance.random() < 0.2:
            time.sleep(chance.random() * 0.2)
    for worker in workers:
        worker.wait_for("ready", timeout_s=60)
    events.wait_until_empty(timeout_s=60)
    for worker in workers:
        worker.end()
    assert rows(postgres) == bucket.contents()
