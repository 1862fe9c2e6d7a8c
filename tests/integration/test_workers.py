"""Several processes on one table in PostgreSQL: who lists, and what a storm leaves."""

import os
import random
import socket
import subprocess
import time

import pytest
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
