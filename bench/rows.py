"""From the S3 stub into a committed table, against its two halves: GETs alone and SQLite alone."""

import json
from pathlib import Path

import gets
import programs
from fake.stub import Stub
from measure import Figures, Missing, cores, run, scratch
from tools import Bucketable

OBJECTS = 100_000
OBJECT_BYTES = 1024
CONNECTIONS = 64
MB = 1 << 20


def sink_rate(program, place, pin):
    out = run([program, place, OBJECTS], pin=pin).stdout
    return {name: value for name, value, _ in programs.parse(out)}["sink_rows_per_s"]


def sync_rate(tool, stub, pin, figures):
    tool.fresh()
    cost = run(tool.command("bench"), env=tool.environment(stub), pin=pin)
    tool.check(cost.stdout, OBJECTS, True)
    figures.add("objects to rows, CPU", cost.cpu_s * 1e6 / OBJECTS, "us")
    figures.add("objects to rows, peak RSS", cost.rss_mb, "MB")
    return OBJECTS / json.loads(cost.stdout.strip().splitlines()[-1])["seconds"]


def measure(context):
    client, server = cores()
    bench = context.build / "bench"
    for name in ("bench_gets", "bench_sqlite_sink"):
        if not (bench / name).exists():
            raise Missing(f"the build has no {name}")
    figures = Figures()
    with scratch() as place, Stub(bucket="bench", keys=OBJECTS, shape="flat",
                                  object_size=OBJECT_BYTES,
                                  command=["taskset", "-c", str(server[0])]) as stub:
        tool = Bucketable(Path(place) / "table", context.build)
        for _ in range(context.runs):
            gets_rate, _ = gets.ours(bench / "bench_gets", client[:1], stub, CONNECTIONS)
            rows_rate = sink_rate(bench / "bench_sqlite_sink", place, client[:1])
            figures.add("GETs alone", gets_rate, "1/s")
            figures.add("rows alone", rows_rate, "1/s")
            figures.add("the smaller of the two", min(gets_rate, rows_rate), "1/s")
            figures.add("objects to rows", sync_rate(tool, stub, None, figures), "1/s",
                        "the smaller of the two", ">= 0.8")
    return figures, []
