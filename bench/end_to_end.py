"""From a bucket into a table: ours, rclone to files in memory, and a plain boto3 script."""

import os
from pathlib import Path

from fake.stub import Stub
from measure import Figures, Missing, cores, need, run, scratch
from servers import Minio, MinioBinary, Unavailable
from tools import Boto3, Bucketable, Rclone

OBJECTS = 10_000
OBJECT_BYTES = 1024
BUCKET = "bench"
MINIO_TIMEOUT_S = 1200
FASTER_THAN_RCLONE = "<= 0.20"


def make_tools(place, context, notes, has_boto3):
    made = []
    makers = [lambda: Bucketable(place / "bucketable", context.build),
              lambda: Rclone(place / "rclone")]
    for make in [*makers, lambda: Boto3(place / "boto3")] if has_boto3 else makers:
        try:
            made.append(make())
        except Missing as reason:
            notes.append(f"missing: {reason}")
    if not made:
        raise Missing("none of bucketable, rclone, boto3 is here")
    return made


def one_run(tool, server, figures, fresh, pin, goal):
    kind = "first" if fresh else "again"
    if fresh:
        tool.fresh()
    requests = None
    if isinstance(server, Stub):
        server.reset_stats()
    cost = run(tool.command(BUCKET), env=tool.environment(server), pin=pin)
    tool.check(cost.stdout, OBJECTS, fresh)
    if isinstance(server, Stub):
        stats = server.stats()
        requests = sum(stats[f"{op}_requests"] for op in ("list", "get", "head", "other"))
    prefix = f"{kind}: {tool.name}"
    base = f"{kind}: rclone"
    figures.add(f"{prefix}, wall", cost.wall_s, "s", f"{base}, wall")
    figures.add(f"{prefix}, CPU", cost.cpu_s * 1e6 / OBJECTS, "us/object", f"{base}, CPU",
                goal if tool.name == "bucketable" else "")
    figures.add(f"{prefix}, peak RSS", cost.rss_mb, "MB", f"{base}, peak RSS")
    if requests is not None:
        figures.add(f"{prefix}, requests", requests, "requests", f"{base}, requests")


def compare(server, context, pin, has_boto3):
    figures, notes = Figures(), []
    with scratch() as place:
        tools = make_tools(Path(place), context, notes, has_boto3)
        for _ in range(context.runs):
            for fresh in (True, False):
                for tool in tools:
                    one_run(tool, server, figures, fresh, pin, FASTER_THAN_RCLONE)
    return figures, notes


def fill(server, place):
    """The objects, by rclone: a bucket of OBJECTS text files in 100 directories."""
    source = Path(place) / "source"
    line = "the quick brown fox jumps over the lazy dog and tells nobody\n"
    for number in range(OBJECTS):
        path = source / f"dir-{number % 100:02d}" / f"object-{number:06d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f"object {number}\n" + line * (OBJECT_BYTES // len(line) + 1)
        path.write_text(text[:OBJECT_BYTES])
    rclone = Rclone(Path(place) / "rclone")
    env = rclone.environment(server)
    run([rclone.program, "mkdir", f"s:{BUCKET}"], env=env)
    run([rclone.program, "copy", "--transfers", "32", "--no-traverse", source, f"s:{BUCKET}"],
        env=env)


def from_minio(context):
    need("rclone")
    try:
        binary = os.environ.get("MINIO") or MinioBinary().wait(MINIO_TIMEOUT_S)
        with scratch() as place:
            server = Minio(Path(place) / "minio", binary).start()
            try:
                fill(server, place)
                return compare(server, context, None, True)
            finally:
                server.stop()
    except Unavailable as reason:
        raise Missing(str(reason)) from reason


def from_stub(context):
    client, server_cores = cores()
    with Stub(bucket=BUCKET, keys=OBJECTS, shape="dates", object_size=OBJECT_BYTES, etag="md5",
              command=["taskset", "-c", str(server_cores[0])]) as stub:
        return compare(stub, context, client, False)  # it would take minutes
