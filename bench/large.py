"""Buckets that are large: ten million keys, and fifty gigabytes.  One run each; half an hour."""

import contextlib
import json
import sqlite3
from pathlib import Path

from fake.stub import Stub
from measure import Figures, cores, run, scratch
from tools import Bucketable

SMALL_KEYS = 1_000_000
LARGE_KEYS = 10_000_000
AGAIN_RUNS = 5
GB = 1_000_000_000
MIB = 1 << 20
BYTES = 50 * GB
MEAN_BYTES = 500_000
CACHE_MIB = 64  # the cache_size that sqlite_db.c asks for
TIMEOUT_S = 3600


def fill_and_repeat(figures, tool, keys, pin, server):
    """From nothing to a table of `keys` rows, and then runs that find nothing new."""
    label = f"{keys:,} keys"
    tool.fresh()
    with Stub(bucket="bench", keys=keys, shape="dates", object_size=64, command=server) as stub:
        env = tool.environment(stub)
        first = run(tool.command("bench"), env=env, timeout_s=TIMEOUT_S)
        tool.check(first.stdout, keys, True)
        figures.add(f"{label}: first", keys / first.wall_s, "keys/s")
        figures.add(f"{label}: first, CPU", first.cpu_s * 1e6 / keys, "us/key")
        figures.add(f"{label}: first, peak RSS", first.rss_mb, "MB",
                    f"{SMALL_KEYS:,} keys: first, peak RSS")
        for _ in range(AGAIN_RUNS):
            again = run(tool.command("bench"), env=env, pin=pin, timeout_s=TIMEOUT_S)
            summary = json.loads(again.stdout.strip().splitlines()[-1])
            if summary["unchanged"] != keys or summary["get_requests"]:
                raise RuntimeError(f"{label}: {summary}")
            figures.add(f"{label}: again", keys / again.wall_s, "keys/s",
                        f"{SMALL_KEYS:,} keys: again", ">= 0.7" if keys == LARGE_KEYS else "")
            figures.add(f"{label}: again, peak RSS", again.rss_mb, "MB",
                        f"{SMALL_KEYS:,} keys: again, peak RSS",
                        "<= 1.05" if keys == LARGE_KEYS else "")


def keys(context):
    client, server = cores()
    figures = Figures()
    with scratch() as place:
        tool = Bucketable(Path(place) / "table", context.build)
        for count in (SMALL_KEYS, LARGE_KEYS):
            fill_and_repeat(figures, tool, count, client, ["taskset", "-c", str(server[0])])
    return figures, []


def largest(state):
    with contextlib.closing(sqlite3.connect(state)) as db:
        return db.execute("SELECT max(size) FROM bucketable_state_objects").fetchone()[0] / MIB


def memory(context):
    """What the process takes beside what it is allowed: the limit, or the one object that is larger;
    where SQLite has the rows, 64 MiB of cache and a copy of the row that it is writing."""
    figures = Figures()
    for mean, count in ((500_000, 3000), (8_000_000, 200)):
        with scratch() as place, Stub(bucket="bench", keys=count, shape="dates",
                                      sizes="lognormal", object_size=mean) as stub:
            tool = Bucketable(Path(place) / "work", context.build)
            for _ in range(context.runs):
                for limit, is_sqlite in ((64, False), (256, False), (256, True)):
                    tool.fresh()
                    state = tool.place / "table.db"
                    into = [state] if is_sqlite else ["jsonl:/dev/null", "--state", state]
                    cost = run([tool.program, "sync", "s3://bench", *into, "--json", "--quiet",
                                "--memory-limit", f"{limit}MiB"], env=tool.environment(stub))
                    tool.check(cost.stdout, count, True)
                    row = largest(state)
                    allowed = max(limit, row) + ((CACHE_MIB + row) if is_sqlite else 0)
                    figures.add(f"{mean // 1000:,} KB, {limit} MiB, "
                                f"{'SQLite' if is_sqlite else 'jsonl'}: peak RSS beside it",
                                cost.rss_mb - allowed, "MiB", "", "<= 64")
    return figures, []


def many_bytes(context):
    """Into a change log that is thrown away: the disk of a table is not what is measured."""
    figures = Figures()
    count = BYTES // MEAN_BYTES
    with scratch() as place, Stub(bucket="bench", keys=count, shape="dates", sizes="lognormal",
                                  object_size=MEAN_BYTES) as stub:
        tool = Bucketable(Path(place), context.build)
        cost = run([tool.program, "sync", "s3://bench", "jsonl:/dev/null", "--state",
                    Path(place) / "state.db", "--json", "--quiet"], env=tool.environment(stub),
                   timeout_s=TIMEOUT_S)
        summary = json.loads(cost.stdout.strip().splitlines()[-1])
        if summary["failed"] or summary["added"] != count:
            raise RuntimeError(f"{count} objects: {summary}")
        figures.add("bytes read", summary["bytes"] / GB, "GB")
        figures.add("rate", summary["bytes"] / 1e6 / cost.wall_s, "MB/s")
        figures.add("CPU", cost.cpu_s * 1e3 / (summary["bytes"] / 1e6), "ms/MB")
        figures.add("peak RSS", cost.rss_mb, "MB")
    return figures, []
