"""GETs: what the S3 stub gives wrk, the ceiling of all that is measured over it, and our client."""

import re

from fake.stub import Stub
from measure import Figures, Missing, cores, need, run
from programs import parse

KEYS = 1000
SECONDS = 3
LATENCY_MS = 20


def wrk(client, url, connections):
    """(requests a second, microseconds of CPU each)"""
    cost = run([need("wrk"), "-t1", f"-c{connections}", f"-d{SECONDS}", url], pin=client)
    if "Non-2xx" in cost.stdout:
        raise RuntimeError("wrk: answers other than 200")
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", cost.stdout).group(1))
    count = int(re.search(r"(\d+) requests in", cost.stdout).group(1))
    return rate, cost.cpu_s * 1e6 / count


def ours(program, client, stub, connections):
    out = run([program, stub.url, stub.bucket, KEYS, connections, SECONDS], pin=client).stdout
    values = {name: value for name, value, _ in parse(out)}
    return values["gets_per_s"], values["gets_cpu_us"]


def compare(figures, context, program, label, connections, rate_goal, cpu_goal, **options):
    client, server = cores()
    with Stub(bucket="bench", keys=KEYS, shape="flat",
              command=["taskset", "-c", str(server[0])], **options) as stub:
        url = f"{stub.url}/{stub.bucket}/object-000000007.txt"
        for _ in range(context.runs):
            rate, cpu_us = wrk(client[:1], url, connections)
            figures.add(f"{label}: wrk", rate, "1/s")
            figures.add(f"{label}: wrk, CPU", cpu_us, "us")
            rate, cpu_us = ours(program, client[:1], stub, connections)
            figures.add(f"{label}: bucketable", rate, "1/s", f"{label}: wrk", rate_goal)
            figures.add(f"{label}: bucketable, CPU", cpu_us, "us", f"{label}: wrk, CPU", cpu_goal)


def measure(context):
    program = context.build / "bench" / "bench_gets"
    if not program.exists():
        raise Missing("the build has no bench_gets")
    figures = Figures()
    compare(figures, context, program, "1 KB", 64, ">= 0.35", "<= 3", object_size=1024)
    compare(figures, context, program, "1 MB", 64, ">= 0.9", "", object_size=1 << 20)
    late = f"1 KB after {LATENCY_MS} ms, 256 connections"
    compare(figures, context, program, late, 256, "", "", object_size=1024,
            latency_ms=LATENCY_MS, jitter=50)
    law = 256 * 1000 / LATENCY_MS
    for value in figures.all[f"{late}: bucketable"].values:
        figures.add(f"{late}: of what Little's law allows", value / law, "x", goal=">= 0.9")
    return figures, []
