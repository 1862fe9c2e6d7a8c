#!/usr/bin/env python3
"""CocoIndex with our source against its own: time, GETs, and what each of them sees.

    tools/test-python -- --collect-only      # makes the virtual environment; then with its Python:
    BUCKETABLE_PLAIN=build/src/cli/bucketable MINIO=... python bench/cocoindex_source.py [--keys 5000]

The same flow runs with both sources in turn, over MinIO behind a proxy that counts, into databases
of one PostgreSQL.  What an update takes has CocoIndex's own bookkeeping in it.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "integration")]

import package  # noqa: E402
import servers  # noqa: E402
from bucket import Bucket  # noqa: E402
from postgres import Postgres  # noqa: E402
from proxy import Proxy  # noqa: E402
from test_cocoindex import Database, Flow, copies, put_within_one_second  # noqa: E402


def timed(figures, name, proxy, flow):
    proxy.forget()
    start = time.monotonic()
    flow.update()
    figures.setdefault(f"{name}, s", []).append(time.monotonic() - start)
    figures.setdefault(f"{name}, GETs", []).append(len(proxy.object_reads()))


def measure(kind, keys, server, postgres, path, figures):
    bucket = Bucket(server)
    bucket.put_all({f"{i:06}": "x" * 1024 for i in range(keys)})
    database = Database(postgres, f"bench_{bucket.name.replace('-', '_')}")
    with Proxy(server.port) as proxy:
        how = (path, server, {**database.environment(), **proxy.env()})
        with Flow(how, bucket, kind) as flow:
            timed(figures, "first update", proxy, flow)
            timed(figures, "nothing new", proxy, flow)
        bucket.remove()
        alone = Bucket(server)
        alone.put("a", "first")
        database = Database(postgres, f"bench_{alone.name.replace('-', '_')}")
        how = (path, server, {**database.environment(), **proxy.env()})
        with Flow(how, alone, kind) as flow:
            flow.update()
            newest = put_within_one_second(alone, flow.update)
            flow.update()
            flow.update()
            figures.setdefault("overwrite within the same second is seen", []).append(
                copies(database) == {"a": newest})
        alone.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keys", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    figures = {"ours": {}, "theirs": {}}
    with tempfile.TemporaryDirectory() as place:
        path = package.build(Path(place) / "package")
        server = servers.Minio(Path(place) / "minio", os.environ["MINIO"]).start()
        postgres = Postgres().start()
        try:
            for _ in range(options.runs):
                for kind, found in figures.items():
                    measure(kind, options.keys, server, postgres, path, found)
        finally:
            postgres.stop()
            server.stop()
    for name, values in figures["ours"].items():
        row = [values, figures["theirs"][name]]
        shown = [f"{statistics.median(v):.2f}" if name.endswith(" s") else str(v[-1]) for v in row]
        print(f"{name:42} {shown[0]:>10} {shown[1]:>10}")


if __name__ == "__main__":
    main()
