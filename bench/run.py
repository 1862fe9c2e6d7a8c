#!/usr/bin/env python3
"""Measure, print a table, and write docs/performance.md.

    bench/run.py                      everything; 25 minutes, on a machine that has nothing else to do
    bench/run.py --only sigv4 minio   these; nothing is written, unless with --write
    bench/run.py --list               their names

Each figure is the median of at least five runs; where there is a yardstick it ran in turn with
ours, and the ratio is what counts: absolute figures are of the machine.  Programs come from
build-release/ (`make release` and the bench programs) or from --build.  What is missing is reported
as missing.  Python's standard library only.
"""

import argparse
import contextlib
import fcntl
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from measure import ROOT, Missing  # its import puts tests/ on the path, which the next ones need
from servers import Unavailable

import end_to_end
import following
import gets
import globs
import large
import listing
import peers
import programs
import python_rows
import rows as rows_of
import startup
import summary
import tls
import workers

PAGE = ROOT / "docs" / "performance.md"
RUNS_MIN = 5
QUIET_LOAD = 0.7
# What has a page of its own, since it takes long; the rest is on docs/performance.md.
PAGES = {"large": ("large_keys", "large_bytes"), "peers": ("peers",)}


@dataclass
class Context:
    build: Path
    runs: int


def registry():
    """{name: (what it tells, function of a Context that gives figures and notes)}"""
    found = {}
    for name, (what, _) in programs.PROGRAMS.items():
        found[name] = (what, lambda context, name=name: (programs.measure(name, context), []))
    found["glob"] = ("patterns against a million keys, the set of the five and each alone", globs.measure)
    found["ranges"] = ("1,000,000 keys listed in ranges, in virtual time: 50 ms a page, 16 slots", listing.ranges)
    found["gets"] = ("signed GETs from the S3 stub, against wrk without signatures; a core each", gets.measure)
    found["listing"] = ("1,000,000 keys listed by two syncs, 50 ms a page, 16 slots", listing.latency)
    found["resync"] = ("a sync of 1,000,000 keys with nothing new", listing.resync)
    found["rows"] = ("100,000 objects of 1 KB from the S3 stub into a table, against its two halves", rows_of.measure)
    found["latency"] = ("from the end of a put to its row, and to its message in a loop that does nothing else", following.latency)
    found["backlog"] = ("a queue of changes that waited, drained into a table, against a loop of boto3", following.backlog)
    found["python_rows"] = ("rows a second from Python, 10,000 objects of 1 KB from the S3 stub", python_rows.measure)
    found["workers"] = ("a queue of changes drained into PostgreSQL by two workers, against one", workers.measure)
    found["startup"] = ("a call of the program, against one of curl", startup.measure)
    found["minio"] = ("10,000 objects of 1 KB from MinIO into a table", end_to_end.from_minio)
    found["sync"] = ("10,000 objects of 1 KB from the S3 stub into a table", end_to_end.from_stub)
    found["tls"] = ("a sync over TLS, against the same without", tls.measure)
    found["memory"] = ("1.5 GB of objects whose sizes are lognormal: the memory that no limit counts", large.memory)
    found["large_keys"] = ("ten million keys, against one million", large.keys)
    found["large_bytes"] = ("50 GB of objects whose sizes are lognormal, into a change log", large.many_bytes)
    found["peers"] = (f"{peers.OBJECTS:,} objects of 1 KB from the S3 stub, by what people use today", peers.measure)
    return found


def page_of(name):
    return next((page for page, names in PAGES.items() if name in names), "")


def met(goal, value):
    """Whether a goal like `>= 0.35` is met."""
    sign, limit = goal.split()
    return value >= float(limit) if sign == ">=" else value <= float(limit)


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0"


def rows(figures):
    """(figure, median, least to most, unit, of its yardstick, goal) as text."""
    for name, figure in figures.all.items():
        ratio = figures.ratio(name)
        goal = ""
        if figure.goal:
            judged = ratio if figure.base else figure.median
            known = judged is not None
            goal = figure.goal + (("  met" if met(figure.goal, judged) else "  MISSED")
                                  if known else "")
        yield (name, number(figure.median),
               f"{number(min(figure.values))} to {number(max(figure.values))}", figure.unit,
               f"{ratio:.2f}" if ratio is not None and figure.base != name else "", goal)


HEAD = ("figure", "median", "least to most", "unit", "of yardstick", "goal")


def print_table(figures):
    table = [HEAD, *rows(figures)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    for row in table:
        print("   " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def version(command):
    try:
        out = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    lines = (out.stdout or out.stderr).strip().splitlines()
    return lines[0] if lines else None


def machine():
    """Lines about the machine and the versions, for the page."""
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1))
    yield f"* {len(os.sched_getaffinity(0))} cores, {cpu.group(1) if cpu else platform.machine()}, " \
          f"{memory / 2**20:.0f} GiB, Linux {platform.release()}"
    for command in (["cc", "--version"], ["curl-config", "--version"], ["openssl", "version"],
                    ["rclone", "version"], ["wrk", "-v"]):
        line = version(command)
        if line:
            yield f"* {line}"
    boto3 = version([sys.executable, "-c", "import boto3, sqlite3; print('boto3', "
                     "boto3.__version__ + ', Python', '%d.%d.%d,' % __import__('sys')"
                     ".version_info[:3], 'SQLite', sqlite3.sqlite_version)"])
    if boto3 and boto3.startswith("boto3"):
        yield f"* {boto3}"
    commit = version(["git", "-C", str(ROOT), "describe", "--always", "--dirty"])
    yield f"* bucketable {commit}, {time.strftime('%Y-%m-%d')}"


def section(name, what, figures, notes):
    yield f"\n## {name}\n\n{what[0].upper()}{what[1:]}. Again: `bench/run.py --only {name}`\n\n"
    if figures.summary:
        yield figures.summary + "\n"
    if figures.all:
        yield "| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD) + "\n"
        for row in rows(figures):
            yield "| " + " | ".join(row) + " |\n"
    for note in notes:
        yield f"\n{note}\n"


def goals(results):
    """How many are met, and which are not."""
    judged = [(name, row[0], row[-1]) for name, _, figures, _ in results for row in rows(figures)
              if row[-1].endswith(("met", "MISSED"))]
    missed = [f"{figure} ({name})" for name, figure, goal in judged if goal.endswith("MISSED")]
    if not judged:
        return ""
    return f"Goals: {len(judged) - len(missed)} of {len(judged)} are met" \
           f"{'; missed: ' + ', '.join(missed) if missed else ''}.\n\n"


def write_page(page, only, results, runs, busy):
    suffix = f"-{page}" if page else ""
    command = f"bench/run.py --write --only {' '.join(only)}" if only else f"make bench{suffix}"
    first = "" if page else summary.table({name: figures for name, _, figures, _ in results})
    text = [
        f"# Performance{f': {page}' if page else ''}\n\n",
        first and f"{first}\nMore of what is used today: [performance-peers.md](performance-peers.md). "
                  "How each figure came about is below.\n\n",
        goals(results),
        f"Written by `{command}`. Each figure is the median of {runs} runs. Where there is a "
        "yardstick, it ran in turn\nwith ours on the same machine, and *of yardstick* is ours "
        "divided by it: that is what to compare,\nsince absolute figures belong to the machine. "
        "Programs' costs are user and system time and the peak\nof resident memory of the whole "
        "process. Server and client have a core each where there are two.\n\n",
        "\n".join(machine()) + "\n"
        f"* load average at the beginning: {busy:.1f}\n"]
    for name, what, figures, notes in results:
        text += section(name, what, figures, notes)
    path = ROOT / "docs" / f"performance{suffix}.md"
    path.write_text("".join(text))
    print(f"== {path.relative_to(ROOT)} is written")


def measure_all(chosen, context):
    found = registry()
    for name in chosen:
        what, function = found[name]
        print(f"== {name}: {what}", flush=True)
        begin = time.monotonic()
        try:
            figures, notes = function(context)
        except (Missing, Unavailable) as reason:
            print(f"   missing: {reason}")
            figures, notes = programs.Figures(), [f"missing: {reason}"]
        else:
            print_table(figures)
            if figures.summary:
                print(figures.summary)
            for note in notes:
                print(f"   {note}")
        print(f"   {time.monotonic() - begin:.0f} s")
        yield name, what, figures, notes


@contextlib.contextmanager
def alone():
    """One at a time on a machine, whoever runs it: two would measure each other."""
    path = Path(tempfile.gettempdir()) / f"bucketable-bench-{os.getuid()}.lock"
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"bench/run.py: another one is running ({path} is locked)")
        yield


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--page", default="", choices=list(PAGES))
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=list(registry()))
    parser.add_argument("--build", type=Path, default=ROOT / "build-release")
    parser.add_argument("--runs", type=int, default=RUNS_MIN)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--write", action="store_true", help="the page, also of some alone")
    options = parser.parse_args()
    if options.list:
        for name, (what, _) in registry().items():
            print(f"{name:12} {what}")
        return 0
    os.environ.setdefault("S3_STUB", str(options.build / "tests" / "fake" / "s3_stub"))
    context = Context(options.build.resolve(), options.runs)
    chosen = options.only or [name for name in registry() if page_of(name) == options.page]
    with alone():
        busy = os.getloadavg()[0]
        if busy > QUIET_LOAD:
            print(f"== the machine has other work (load {busy:.1f}): its figures are noise")
        begin = time.monotonic()
        results = list(measure_all(chosen, context))
        print(f"== {(time.monotonic() - begin) / 60:.0f} minutes")
        if (options.write or not options.only) and options.runs >= RUNS_MIN:
            write_page(options.page, options.only, results, options.runs, busy)
    return 0


if __name__ == "__main__":
    sys.exit(main())
