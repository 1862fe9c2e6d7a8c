"""The measurements that are C programs: each prints a figure a line."""

import itertools
import re
from contextlib import contextmanager
from pathlib import Path

from measure import Figures, Missing, cores, run, scratch  # it puts tests/ on the path
from postgres import Postgres
from servers import Kafka, KafkaJars, Unavailable

INSTALL_TIMEOUT_S = 600

# name: (what it tells, {figure: (yardstick of the same run, goal)})
PROGRAMS = {
    "sigv4": ("the signature of a GET, its derived key being warm",
              {"sigv4_ns": ("", "<= 1500")}),
    "list_page": ("a page of a listing, against expat and one memchr() from `<` to `<`",
                  {f"list_page_{size}_{figure}": (f"list_page_{size}_{base}", goal)
                   for size in ("233KB", "512KB")
                   for figure, base, goal in (("mb_s", "memchr_mb_s", ">= 0.25"),
                                              ("expat_mb_s", "mb_s", "<= 0.33"))}),
    "sqlite_sink": ("rows into SQLite, against a bare loop of one prepared statement, and against "
                    "one that writes the state's row too",
                    {"sink_over_bare": ("", ">= 0.85"), "sink_over_pair": ("", ">= 1")}),
    "postgres_sink": ("rows into PostgreSQL, against COPY and an insert for each row",
                      {"sink_over_copy": ("", ">= 0.5"), "sink_over_single": ("", ">= 4")}),
    "kafka_sink": ("rows into Kafka with their state, against a bare loop of librdkafka without "
                   "transactions",
                   {"kafka_sink_rows_per_s": ("kafka_bare_rows_per_s", ">= 0.5")}),
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


def kafka_in(place):
    try:
        return Kafka(Path(place) / "kafka", KafkaJars().wait(INSTALL_TIMEOUT_S))
    except Unavailable as reason:
        raise Missing(str(reason)) from reason


@contextmanager
def arguments_of(name, program, place):
    """A function that gives a run's: a directory to work in, a server's URL."""
    if name == "postgres_sink":
        server = Postgres(settings=("shared_buffers=512MB", "max_wal_size=4GB"))
    elif name == "kafka_sink":
        server = kafka_in(place)
    else:
        yield lambda: [place]
        return
    server.start()
    numbers = itertools.count()
    try:
        if name == "postgres_sink":
            yield lambda: [server.url]
        else:
            arguments = lambda: [server.brokers, Path(place) / f"state-{next(numbers)}"]
            # The broker's first seconds are those of a cold Java.
            run([program, *arguments()])
            yield arguments
    finally:
        server.stop()


def measure(name, context):
    program = context.build / "bench" / f"bench_{name}"
    if not program.exists():
        raise Missing(f"the build has no bench_{name}")
    figures = Figures()
    client, _ = cores()
    with scratch() as place, arguments_of(name, program, place) as arguments:
        # The broker works as hard as the client: apart, it would be the broker that is measured.
        pin = None if name == "kafka_sink" else client[:1]
        for _ in range(context.runs):
            for figure, value, unit in parse(run([program, *arguments()], pin=pin).stdout):
                base, goal = PROGRAMS[name][1].get(figure, ("", ""))
                figures.add(figure, value, unit, base, goal)
    return figures
