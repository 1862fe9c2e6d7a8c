"""Several `watch` processes on one queue and one table in PostgreSQL, against one."""

import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from fake.stub import Stub
from following import HELD_BACK, INSTALL_TIMEOUT_S, boto3_client, cpu_s, fill, new_queue, watching
from measure import Figures, scratch
from postgres import Postgres
from servers import ElasticMq, ElasticMqJars

BUCKET = "bench"
EVENTS = int(os.environ.get("EVENTS", "2000"))
LATENCY_MS = 50
GETS = 8  # of a worker at once: the way to the bucket is the limit, and not the machine
GOAL = ">= 1.6"
CORES_WANTED = 4  # for two workers, the database, and the servers that stand in for AWS


def drain(context, stub, sqs, postgres, place, count, gets):
    """Changes a second by `count` workers; CPU seconds of theirs together."""
    url = new_queue(sqs, f"workers-{count}-{gets}-{time.monotonic_ns()}")
    postgres.sql("DROP SCHEMA IF EXISTS bench CASCADE; CREATE SCHEMA bench AUTHORIZATION tester")
    arguments = ["--table", "bench.docs", "--sqs-queue-url", url, "--get-concurrency", str(gets)]
    left = threading.Semaphore(0)

    def read(next_event):
        try:
            while next_event("upsert"):
                left.release()
        except RuntimeError:
            return  # it was told to end

    with ExitStack() as running:
        found = [running.enter_context(watching(context, stub, place, arguments,
                                                target=postgres.url)) for _ in range(count)]
        for process, _ in found:
            process.send_signal(signal.SIGSTOP)
        stub.touch_fraction(100)
        fill(sqs, url, EVENTS)
        used = sum(cpu_s(process.pid) for process, _ in found)
        for _, next_event in found:
            threading.Thread(target=read, args=(next_event,), daemon=True).start()
        begin = time.monotonic()
        for process, _ in found:
            process.send_signal(signal.SIGCONT)
        for _ in range(EVENTS - HELD_BACK * count):
            left.acquire()
        wall_s = time.monotonic() - begin
        used = sum(cpu_s(process.pid) for process, _ in found) - used
    return (EVENTS - HELD_BACK * count) / wall_s, used


def measure(context):
    figures = Figures()
    jars = ElasticMqJars().wait(INSTALL_TIMEOUT_S)
    has_cores = len(os.sched_getaffinity(0)) >= CORES_WANTED
    with scratch() as place, ExitStack() as running:
        place = Path(place)
        server = ElasticMq(place / "elasticmq", jars).start()
        running.callback(server.stop)
        postgres = Postgres().start()
        running.callback(postgres.stop)
        sqs = boto3_client("sqs", server.url, server)
        for way, latency_ms, gets in ((f"{LATENCY_MS} ms a GET", LATENCY_MS, GETS),
                                      ("no latency", 0, 64)):
            with Stub(bucket=BUCKET, keys=EVENTS, shape="flat", object_size=1024, etag="md5",
                      latency_ms=latency_ms) as stub:
                for count in (1, 2) * context.runs:
                    rate, used_s = drain(context, stub, sqs, postgres, place, count, gets)
                    name = f"{way}: {count} worker{'s' if count > 1 else ''}"
                    goal = GOAL if count == 2 and (latency_ms or has_cores) else ""
                    figures.add(name, rate, "1/s", f"{way}: 1 worker", goal)
                    figures.add(f"{name}, their CPU", used_s / EVENTS * 1e6, "us/change")
    notes = [f"{EVENTS:,} events (EVENTS in the environment) wait in ElasticMQ when the workers go on."]
    if not has_cores:
        notes.append(
            f"Workers, PostgreSQL, ElasticMQ and the S3 stub share {len(os.sched_getaffinity(0))} "
            "cores here: without latency these are the limit, so that there is no goal; with it "
            "workers wait for the bucket, and two of them wait for half as long.")
    return figures, notes
