"""Listing and listing again: many keys, no content to speak of, over the S3 stub."""

import json
from pathlib import Path

from fake.stub import Stub
from measure import Figures, cores, need, run, scratch
from tools import Bucketable, Rclone

SHAPES = ("hex", "dates", "deep", "isots", "zipf")
LATENCY_KEYS = 200_000
PAGE_KEYS = 1000
PAGE_MS = 50
SLOTS = 16
RESYNC_KEYS = 200_000


def time_listing(tool, stub, place, command, pin):
    """Seconds and requests of one listing.  The pattern matches nothing, so nothing is read."""
    table = Path(place) / "listing.db"
    for file in Path(place).glob("listing.db*"):
        file.unlink()
    options = ["--include", "*matches-nothing*", "--list-concurrency", SLOTS]
    target = [table, "--json", "--quiet"] if command == "sync" else []
    stub.reset_stats()
    cost = run([tool.program, command, "s3://bench", *target, *options],
               env=tool.environment(stub), pin=pin)
    if command == "sync":
        listed = json.loads(cost.stdout.strip().splitlines()[-1])["listed"]
        if listed != LATENCY_KEYS:
            raise RuntimeError(f"{listed} of {LATENCY_KEYS} keys were listed")
    return cost.wall_s, stub.stats()["list_requests"]


def latency(context):
    """50 ms a page: 16 slots against the sum of all pages one after the other."""
    client, server = cores()
    figures = Figures()
    pages = LATENCY_KEYS / PAGE_KEYS
    with scratch() as place:
        tool = Bucketable(Path(place), context.build)
        for shape in SHAPES:
            with Stub(bucket="bench", keys=LATENCY_KEYS, shape=shape, page_ms=PAGE_MS, jitter=50,
                      command=["taskset", "-c", str(server[0])]) as stub:
                for _ in range(context.runs):
                    for command in ("sync", "ls"):
                        wall_s, lists = time_listing(tool, stub, place, command, client)
                        figures.add(f"{command}, {shape}: faster than one chain",
                                    pages * PAGE_MS / 1000 / wall_s, "x",
                                    goal=f">= {0.65 * SLOTS:.1f}" if command == "sync" else "")
                        figures.add(f"{command}, {shape}: requests of the least", lists / pages,
                                    "x", goal="<= 1.40")
    return figures, []


def resync(context):
    """A second sync with nothing new, against `rclone lsf`, which only lists."""
    need("rclone")
    client, server = cores()
    figures = Figures()
    with scratch() as place, Stub(bucket="bench", keys=RESYNC_KEYS, shape="dates", object_size=64,
                                  command=["taskset", "-c", str(server[0])]) as stub:
        tool, peer = Bucketable(Path(place), context.build), Rclone(Path(place))
        run(tool.command("bench"), env=tool.environment(stub), pin=client)
        for _ in range(context.runs):
            stub.reset_stats()
            ours = run(tool.command("bench"), env=tool.environment(stub), pin=client)
            gets = stub.stats()["get_requests"]
            summary = json.loads(ours.stdout.strip().splitlines()[-1])
            if gets or summary["unchanged"] != RESYNC_KEYS:
                raise RuntimeError(f"resync: {gets} GETs, {summary['unchanged']} unchanged")
            theirs = run([peer.program, "lsf", "-R", "--fast-list", "s:bench"],
                         env=peer.environment(stub), pin=client)
            figures.add("rclone lsf, CPU", theirs.cpu_s * 1e6 / RESYNC_KEYS, "us/key")
            figures.add("bucketable, CPU", ours.cpu_s * 1e6 / RESYNC_KEYS, "us/key",
                        "rclone lsf, CPU", "<= 0.05")
            figures.add("bucketable, rate", RESYNC_KEYS / ours.wall_s, "keys/s",
                        goal=">= 1200000")
            figures.add("bucketable, peak RSS", ours.rss_mb, "MB")
    return figures, []
