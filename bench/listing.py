"""Listing and listing again: many keys, no content to speak of, over the S3 stub."""

import json
from pathlib import Path

from fake.stub import Stub
from measure import Figures, Missing, cores, need, run, scratch
from programs import parse
from tools import Bucketable, Rclone

SHAPES = ("hex", "dates", "deep", "isots", "zipf")
KEYS = 1_000_000
PAGE_KEYS = 1000
PAGE_MS = 50
SLOTS = 16
FASTER_THAN_A_CHAIN = f">= {0.65 * SLOTS:.1f}"
FASTER_AGAIN = f">= {0.85 * SLOTS:.1f}"
OF_THE_LEAST = "<= 1.40"
# What few requests are: bench_listing's last lines.
REQUESTS_OF_PATTERNS = {"excluded_directory_list_requests": "<= 105",
                        "included_percent_list_requests": "<= 15"}


def range_goal(name):
    if name.endswith("_first_speedup"):
        return FASTER_THAN_A_CHAIN
    if name.endswith("_again_speedup"):
        return FASTER_AGAIN
    if name.endswith("_first_requests"):
        return OF_THE_LEAST
    return REQUESTS_OF_PATTERNS.get(name, "")


def ranges(context):
    """The lister alone; each run has another seed."""
    program = context.build / "bench" / "bench_listing"
    if not program.exists():
        raise Missing("the build has no bench_listing")
    figures = Figures()
    for seed in range(1, context.runs + 1):
        for name, value, _ in parse(run([program, KEYS, SLOTS, seed]).stdout):
            figures.add(name, value, "x" if name.endswith("speedup") else "requests" if
                        "list_requests" in name else "x of the least", goal=range_goal(name))
    return figures, []


def time_listing(tool, stub, pin):
    """Seconds and requests of one listing.  The pattern matches nothing, so nothing is read."""
    stub.reset_stats()
    cost = run([*tool.command("bench"), "--include", "*matches-nothing*", "--list-concurrency",
                SLOTS], env=tool.environment(stub), pin=pin)
    listed = json.loads(cost.stdout.strip().splitlines()[-1])["listed"]
    if listed != KEYS:
        raise RuntimeError(f"{listed} of {KEYS} keys were listed")
    return cost.wall_s, stub.stats()["list_requests"]


def latency(context):
    """50 ms a page: 16 slots against the sum of all pages one after the other."""
    client, server = cores()
    figures = Figures()
    pages = KEYS / PAGE_KEYS
    with scratch() as place:
        tool = Bucketable(Path(place) / "listing", context.build)
        for shape in SHAPES:
            with Stub(bucket="bench", keys=KEYS, shape=shape, page_ms=PAGE_MS, jitter=50,
                      command=["taskset", "-c", str(server[0])]) as stub:
                for _ in range(context.runs):
                    tool.fresh()
                    for kind, goal in (("first", FASTER_THAN_A_CHAIN), ("again", FASTER_AGAIN)):
                        wall_s, lists = time_listing(tool, stub, client)
                        figures.add(f"{kind}, {shape}: faster than one chain",
                                    pages * PAGE_MS / 1000 / wall_s, "x", goal=goal)
                        figures.add(f"{kind}, {shape}: requests of the least", lists / pages, "x",
                                    goal=OF_THE_LEAST)
    return figures, []


def resync(context):
    """A second sync with nothing new, against `rclone lsf`, which only lists."""
    need("rclone")
    client, server = cores()
    figures = Figures()
    with scratch() as place, Stub(bucket="bench", keys=KEYS, shape="dates", object_size=64,
                                  command=["taskset", "-c", str(server[0])]) as stub:
        tool, peer = Bucketable(Path(place) / "table", context.build), Rclone(Path(place))
        tool.fresh()
        run(tool.command("bench"), env=tool.environment(stub), pin=client)
        for _ in range(context.runs):
            stub.reset_stats()
            ours = run(tool.command("bench"), env=tool.environment(stub), pin=client)
            gets = stub.stats()["get_requests"]
            summary = json.loads(ours.stdout.strip().splitlines()[-1])
            if gets or summary["unchanged"] != KEYS:
                raise RuntimeError(f"resync: {gets} GETs, {summary['unchanged']} unchanged")
            theirs = run([peer.program, "lsf", "-R", "--fast-list", "s:bench"],
                         env=peer.environment(stub), pin=client)
            figures.add("rclone lsf, CPU", theirs.cpu_s * 1e6 / KEYS, "us/key")
            figures.add("bucketable, CPU", ours.cpu_s * 1e6 / KEYS, "us/key",
                        "rclone lsf, CPU", "<= 0.05")
            figures.add("bucketable, rate", KEYS / ours.wall_s, "keys/s",
                        goal=">= 1200000")
            figures.add("bucketable, peak RSS", ours.rss_mb, "MB")
    return figures, []
