"""The measurements that are C programs: each prints a figure a line."""

import re
from contextlib import contextmanager

from measure import Figures, Missing, cores, run, scratch  # it puts tests/ on the path
from postgres import Postgres

# name: (what it tells, {figure: (yardstick of the same run, goal)})
PROGRAMS = {
    "sigv4": ("the signature of a GET, its derived key being warm",
              {"sigv4_ns": ("", "<= 1500")}),
    "list_page": ("a page of a listing, against expat and one memchr() from `<` to `<`",
                  {f"list_page_{size}_{figure}": (f"list_page_{size}_{base}", goal)
                   for size in ("233KB", "512KB")
                   for figure, base, goal in (("mb_s", "memchr_mb_s", ">= 0.25"),
                                              ("expat_mb_s", "mb_s", "<= 0.33"))}),
    "sqlite_sink": ("rows into SQLite, against a bare loop of one prepared statement",
                    {"sink_over_bare": ("", ">= 0.85")}),
    "postgres_sink": ("rows into PostgreSQL, against COPY and an insert for each row",
                      {"sink_over_copy": ("", ">= 0.5"), "sink_over_single": ("", ">= 4")}),
}
# The unit is the end of a figure's name, where the line does not name one.
UNITS = (("_mb_s", "MB/s"), ("_per_s", "1/s"), ("_us_per_row", "us/row"), ("_ns", "ns"),
         ("_us", "us"), ("_bytes", "bytes"))
# "docs/**    10.4 ns per key, 125305 match"
SENTENCE = re.compile(r"^(.*\S)\s+([0-9.]+) ((?:ns|us|ms) per \w+)")
# "name value" or "name value unit"
WORDS = re.compile(r"^(\S+) ([0-9.]+)(?: (\S+))?$")


def parse(text):
    """(name, value, unit) of each line that is a figure."""
    for line in text.splitlines():
        found = SENTENCE.match(line) or WORDS.match(line)
        if found:
            name = re.sub(r"\s+", " ", found.group(1))
            unit = found.group(3) or next((unit for end, unit in UNITS if name.endswith(end)), "")
            yield name, float(found.group(2)), unit


@contextmanager
def argument_of(name, place):
    """A directory to work in, or a server's URL."""
    if name != "postgres_sink":
        yield place
        return
    server = Postgres(settings=("shared_buffers=512MB", "max_wal_size=4GB"))
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def measure(name, context):
    program = context.build / "bench" / f"bench_{name}"
    if not program.exists():
        raise Missing(f"the build has no bench_{name}")
    figures = Figures()
    client, _ = cores()
    with scratch() as place, argument_of(name, place) as argument:
        for _ in range(context.runs):
            for figure, value, unit in parse(run([program, argument], pin=client[:1]).stdout):
                base, goal = PROGRAMS[name][1].get(figure, ("", ""))
                figures.add(figure, value, unit, base, goal)
    return figures
