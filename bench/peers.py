"""The same bucket copied by what people use today: what it costs, and what a second run notices.

Each tool begins with nothing, runs again when nothing has changed, and again when one object was
overwritten by another of its size within the same second and one was deleted.
"""

import json
import subprocess
from pathlib import Path

from fake.stub import Stub
from measure import Figures, Missing, cores, run, scratch
from postgres import Postgres
from servers import Unavailable, Venv
from tools import PEERS, Bucketable, Rclone, Tool

OBJECTS = 1000
BUCKET = "bench"
OVERWRITTEN, DELETED = "object-000000007.txt", "object-000000008.txt"
WRITTEN_MS = 1_700_000_000_000
OLD, NEW = "old." * 256, "new." * 256  # no space at the end, which pathway takes away
INSTALL_TIMEOUT_S = 1800
CHILD_TIMEOUT_S = 900


class Script(Tool):
    """bench/peers/NAME_table.py, with what it keeps its rows in: see look.py."""

    def __init__(self, place, python, name, kind, store):
        super().__init__(place)
        self.python, self.name, self.kind, self.store = python, name, kind, store

    def command(self, bucket):
        where = self.place / self.store if self.name == "boto3" else self.place
        return [self.python, PEERS / f"{self.name}_table.py", bucket, where]

    def look(self, key):
        return self.kind, self.place / self.store, key


class CocoIndex(Script):
    """PostgreSQL has its rows and what it remembers; the server's own costs are not counted."""

    def __init__(self, place, python, server):
        super().__init__(place, python, "cocoindex", "postgres", "")
        self.server = server

    def fresh(self):
        super().fresh()
        subprocess.run(["psql", "-X", "-q", self.server.url, "-c", "DROP OWNED BY CURRENT_USER; "
                        "CREATE SCHEMA IF NOT EXISTS public"], check=True,
                       stderr=subprocess.DEVNULL)

    def command(self, bucket):
        return [self.python, PEERS / "cocoindex_table.py", bucket, self.server.url]

    def look(self, key):
        return "postgres", self.server.url, key


class RcloneSync(Rclone):
    def command(self, bucket):
        return ["sync" if part == "copy" else part for part in super().command(bucket)]

    def look(self, key):
        return "files", self.place / "files", key


class Ours(Bucketable):
    def look(self, key):
        return "sqlite", self.place / "table.db", key


def make_tools(place, context, python, server, notes):
    yield Ours(place / "bucketable", context.build)
    for make in (lambda: RcloneSync(place / "rclone"),
                 lambda: Script(place / "boto3", python, "boto3", "sqlite", "table.db"),
                 lambda: Script(place / "obstore", python, "obstore", "sqlite", "table.db"),
                 lambda: Script(place / "duckdb", python, "duckdb", "duckdb", "table.duckdb"),
                 lambda: Script(place / "dlt", python, "dlt", "duckdb", "table.duckdb"),
                 lambda: Script(place / "pathway", python, "pathway", "changes", ""),
                 lambda: CocoIndex(place / "cocoindex", python, server)):
        try:
            yield make()
        except Missing as reason:
            notes.append(f"missing: {reason}")


def one_run(figures, tool, stub, kind, pin):
    stub.reset_stats()
    cost = run(tool.command(BUCKET), env={**stub.environment(), **tool.environment(stub)}, pin=pin,
               timeout_s=CHILD_TIMEOUT_S)
    if not kind:
        return
    name, base = f"{kind}: {tool.name}", f"{kind}: bucketable"
    stats = stub.stats()
    figures.add(f"{name}, CPU", cost.cpu_s * 1e6 / OBJECTS, "us/object", f"{base}, CPU")
    figures.add(f"{name}, wall", cost.wall_s, "s", f"{base}, wall")
    figures.add(f"{name}, peak RSS", cost.rss_mb, "MB", f"{base}, peak RSS")
    figures.add(f"{name}, requests", sum(stats[f"{op}_requests"] for op in
                                         ("list", "get", "head", "other")), "requests")


def look(tool, python, key):
    answer = run([python, PEERS / "look.py", *tool.look(key)]).stdout
    found = json.loads(answer)
    return found["rows"], found["content"]


def notices(tool, python, stub, pin):
    """(the overwrite, the delete): whether one more run puts them into the store."""
    stub.put(OVERWRITTEN, NEW, modified_ms=WRITTEN_MS)
    stub.delete(DELETED)
    one_run(None, tool, stub, "", pin)
    overwrite = look(tool, python, OVERWRITTEN)[1] == NEW
    delete = look(tool, python, DELETED)[1] is None
    return overwrite, delete


def put_back(stub):
    for key in (OVERWRITTEN, DELETED):
        stub.put(key, OLD, modified_ms=WRITTEN_MS)


def round_of(figures, tool, python, stub, pin):
    put_back(stub)
    tool.fresh()
    one_run(figures, tool, stub, "first", pin)
    if look(tool, python, OVERWRITTEN) != (OBJECTS, OLD):
        raise RuntimeError(f"{tool.name}: {look(tool, python, OVERWRITTEN)[0]} rows, or other ones")
    one_run(figures, tool, stub, "again", pin)
    return notices(tool, python, stub, pin)


HEAD = ("", "first copy: CPU", "of ours", "wall", "peak RSS", "nothing new: CPU", "of ours",
        "requests", "sees an overwrite in the same second", "sees a delete")


def summary(figures, noticed):
    def of(name, kind, what):
        return figures.all[f"{kind}: {name}, {what}"].median

    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for name, (overwrite, delete) in noticed.items():
        cells = [name]
        for kind in ("first", "again"):
            cpu_us = of(name, kind, "CPU")
            cells += [f"{cpu_us:,.0f} us" if cpu_us >= 10 else f"{cpu_us:.1f} us",
                      f"{cpu_us / of('bucketable', kind, 'CPU'):,.0f} x"]
            if kind == "first":
                cells += [f"{of(name, kind, 'wall'):.1f} s", f"{of(name, kind, 'peak RSS'):,.0f} MB"]
            else:
                cells.append(f"{of(name, kind, 'requests'):,.0f}")
        cells += ["yes" if overwrite else "no", "yes" if delete else "no"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def versions(python):
    out = run([python, "-m", "pip", "list", "--format=freeze"]).stdout.splitlines()
    wanted = {line.split("==")[0].split("[")[0] for line in
              (PEERS / "requirements.txt").read_text().splitlines() if "==" in line}
    return ", ".join(line.replace("==", " ") for line in out if line.split("==")[0].replace(
        "_", "-") in wanted)


def measure(context):
    try:
        python = Venv(PEERS / "requirements.txt").wait(INSTALL_TIMEOUT_S)
        server = Postgres(settings=("shared_buffers=512MB",))
    except Unavailable as reason:
        raise Missing(str(reason)) from reason
    client, server_cores = cores()
    figures, notes, noticed = Figures(), [], {}
    server.start()
    try:
        with scratch() as place, Stub(bucket=BUCKET, keys=OBJECTS, shape="flat", object_size=1024,
                                      etag="md5",
                                      command=["taskset", "-c", str(server_cores[0])]) as stub:
            for tool in make_tools(Path(place), context, python, server, notes):
                try:
                    for _ in range(context.runs):
                        seen = round_of(figures, tool, python, stub, client)
                except RuntimeError as reason:
                    notes.append(f"{tool.name} failed: {reason}")
                else:
                    noticed[tool.name] = seen
                    print(f"   {tool.name}: done", flush=True)
    finally:
        server.stop()
    figures.summary = summary(figures, noticed)
    return figures, [*notes, *ABOUT, f"Versions: {versions(python)}."]


ABOUT = (
    "The yardstick here is bucketable: theirs is divided by ours. "
    "Costs are those of one run, divided by the objects; a run includes the start of its program, which is most of "
    "what `nothing new` costs some of them. The processor time of a database server is not counted (bucketable, boto3, obstore: "
    "SQLite; duckdb, dlt: DuckDB; cocoindex: PostgreSQL; pathway: files of changes; rclone: files).",
    "The scripts are [bench/peers](../bench/peers): what the manual of each shows, with as many requests at once as it has "
    "an option for. boto3 and obstore are libraries: what their runs notice is what those scripts were written to. "
    "`duckdb` keeps no state and reads everything again.",
)
