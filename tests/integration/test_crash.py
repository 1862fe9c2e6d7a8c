"""Interrupted or killed, a sync leaves a table that is whole, and the next run finishes it."""

import os
import random
import signal
import time

import pytest
import table

KILLS = int(os.environ.get("KILLS", "10"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


def documents(count, text):
    return {f"{n:03}": f"{text} {n} " * 200 for n in range(count)}


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)],
                         ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_a_sync_cleanly(bucket, program, proxy, db, number, status):
    bucket.put_all(documents(120, "first"))
    proxy.delay_s = 0.2
    running = program.start("sync", bucket.url, db, "--get-concurrency", "4", env=proxy.env())
    proxy.wait_for_reads(30)
    running.send_signal(number)
    program.finish(running, exits=status, timeout_s=20)

    contents = bucket.contents()
    kept = table.rows(db)
    assert len(kept) < 120, "it was to end early"
    assert kept.items() <= contents.items()

    proxy.forget()
    proxy.delay_s = 0
    summary = program.sync(bucket.url, db, env=proxy.env())
    assert table.rows(db) == contents
    assert len(proxy.object_reads()) == 120 - len(kept), "what was committed is not read again"
    assert summary["unchanged"] == len(kept)


def test_a_second_signal_ends_it_at_once(bucket, program, proxy, db):
    bucket.put_all(documents(40, "first"))
    proxy.delay_s = 5
    running = program.start("sync", bucket.url, db, env=proxy.env())
    proxy.wait_for_reads(4)
    running.send_signal(signal.SIGINT)
    time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    program.finish(running, exits=130, timeout_s=4)
    program("sync", bucket.url, db)
    assert table.rows(db) == bucket.contents()


def test_killed_at_any_moment_nothing_is_lost(bucket, program, proxy, db):
    """SEED and KILLS in the environment repeat a run or make a longer one."""
    print(f"SEED={SEED}")
    chance = random.Random(SEED)
    ever = {}  # every content that a key had
    for key, text in documents(60, "first").items():
        ever[key] = {text.encode()}
    bucket.put_all(documents(60, "first"))
    proxy.delay_s = 0.02
    for round_no in range(KILLS):
        changed = chance.sample(sorted(ever), 20)
        for key in changed:
            ever[key].add(f"round {round_no} {key}".encode())
        bucket.put_all({key: f"round {round_no} {key}" for key in changed})
        bucket.delete(chance.choice(sorted(ever)))

        running = program.start("sync", bucket.url, db, "--get-concurrency", "4",
                                env=proxy.env())
        time.sleep(chance.uniform(0, 0.5))
        running.kill()
        running.communicate()
        if db.exists() and table.query(
                db, "SELECT 1 FROM sqlite_master WHERE name = 'objects'"):
            for key, content in table.rows(db).items():
                assert content in ever[key]

    proxy.delay_s = 0
    program("sync", bucket.url, db)
    assert table.rows(db) == bucket.contents()
