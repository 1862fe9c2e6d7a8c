"""
Watches real buckets for SOAK_SECONDS (3600) while they change and one watcher is killed again and again:
memory, descriptors, temporary files and the database's log have to stay flat, the tables right.

Not collected with the tests: `make soak-real` names this file.  Into SOAK_OUT (the working directory)
go soak-real.tsv, a line for each watcher every SAMPLE_S, and soak-real.svg, drawn of it.
"""

import os
import random
import statistics
import threading
import time
from pathlib import Path

import table
import told
from bucket import Bucket
from picture import draw
from program import Program
from queues import Queue
from watching import Watching

SECONDS = int(os.environ.get("SOAK_SECONDS", "3600"))
OUT = Path(os.environ.get("SOAK_OUT", "."))
SAMPLE_S = 2
KEYS = 400
CHANGES_A_SECOND = 20
RESTART_S = (20, 60)
COLUMNS = ("watcher", "life", "seconds", "rss_kib", "descriptors", "temporary_files", "wal_kib",
           "database_kib", "rows")


class Watched:
    """One bucket, one table, one `watch` that is started again when it was ended."""

    def __init__(self, name, server, directory, arguments, say=None):
        self.name = name
        self.say = say
        self.temporary = directory / name / "tmp"
        self.temporary.mkdir(parents=True)
        self.program = Program(os.environ["BUCKETABLE_PLAIN"], server, directory / name)
        self.program.env.update(TMPDIR=str(self.temporary), SQLITE_TMPDIR=str(self.temporary))
        self.bucket = Bucket(server)
        self.db = directory / name / "docs.db"
        self.arguments = arguments
        self.life = 0
        self.start()

    def start(self):
        self.life += 1
        self.running = Watching(self.program, "--quiet", self.bucket.url, self.db, *self.arguments)
        self.drain = threading.Thread(target=self.forget_events, args=(self.running,), daemon=True)
        self.drain.start()

    @staticmethod
    def forget_events(running):
        """An hour of them would be our own leak."""
        while running.fresh.get() is not None:
            del running.seen[:-10]

    def change(self, chance):
        key = f"d{chance.randrange(20)}/{chance.randrange(KEYS // 20)}.txt"
        if chance.random() < 0.25:
            self.bucket.delete(key)
        else:
            size = min(int(chance.lognormvariate(7, 2)), 1 << 20)
            self.bucket.put(key, chance.randbytes(16).hex() * (size // 32 + 1))
        if self.say:
            self.say(self.bucket.name, key)

    def sample(self, since):
        proc = Path(f"/proc/{self.running.process.pid}")
        try:
            status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
            rss = int(status["VmRSS"].split()[0])
            descriptors = len(list((proc / "fd").iterdir()))
        except (OSError, KeyError):
            return None
        return (self.name, self.life, round(since, 1), rss, descriptors,
                sum(1 for _ in self.temporary.rglob("*")), kib(f"{self.db}-wal"), kib(self.db),
                row_count(self.db))

    def wait_until_equal(self, timeout_s=60):
        deadline = time.monotonic() + timeout_s
        expected = self.bucket.contents()
        while table.rows(self.db) != expected:
            assert self.running.process.poll() is None, self.running.messages()
            assert time.monotonic() < deadline, f"{self.name}: the table is not the bucket"
            time.sleep(0.2)


def kib(path):
    try:
        return os.stat(path).st_size // 1024
    except OSError:
        return 0


def row_count(db):
    try:
        return table.query(db, "SELECT row_count FROM bucketable_tables")[0][0]
    except Exception:
        return 0


def churn(watched, chance, is_over):
    while not is_over.is_set():
        watched.change(chance)
        is_over.wait(chance.expovariate(CHANGES_A_SECOND))


def growth(samples, column):
    """Of the medians of the second and the last quarter: (before, after)."""
    values = [sample[COLUMNS.index(column)] for sample in samples]
    quarter = len(values) // 4
    return (statistics.median(values[quarter:2 * quarter]), statistics.median(values[-quarter:]))


def test_soak(all_servers, tmp_path):
    chance = random.Random(1)
    live, moto = all_servers.get("live"), all_servers.get("moto")
    queue = Queue(all_servers.get("elasticmq"), visibility_s=30)
    all_watched = [
        Watched("minio-listen", live, tmp_path, ("--minio-listen", "--refresh-interval", "20s")),
        Watched("minio-listen-killed", live, tmp_path, ("--minio-listen",)),
        Watched("moto-sqs", moto, tmp_path, ("--sqs-queue-url", queue.url, "--refresh-interval", "30s"),
                say=lambda bucket, key: queue.send(told.native(bucket, key))),
    ]
    killed = all_watched[1]
    is_over = threading.Event()
    threads = [threading.Thread(target=churn, args=(w, random.Random(w.name), is_over))
               for w in all_watched]
    for thread in threads:
        thread.start()

    samples = []
    began = time.monotonic()
    restart_at = chance.uniform(*RESTART_S)
    with (OUT / "soak-real.tsv").open("w") as tsv:
        print(*COLUMNS, sep="\t", file=tsv)
        while (since := time.monotonic() - began) < SECONDS:
            for watched in all_watched:
                assert watched.running.process.poll() is None, watched.running.messages()
                if sample := watched.sample(since):
                    samples.append(sample)
                    print(*sample, sep="\t", file=tsv, flush=True)
            if since > restart_at:
                killed.running.kill() if chance.random() < 0.5 else killed.running.end()
                killed.start()
                restart_at = since + chance.uniform(*RESTART_S)
            time.sleep(SAMPLE_S)

    is_over.set()
    for thread in threads:
        thread.join()
    for watched in all_watched:
        watched.wait_until_equal()
        watched.running.end()
    draw(OUT / "soak-real.svg", COLUMNS, samples)
    for watched in all_watched:
        tell(watched, [s for s in samples if s[0] == watched.name])


def tell(watched, samples):
    for column, slack in (("rss_kib", 4096), ("descriptors", 4), ("temporary_files", 2),
                          ("wal_kib", 8192)):
        before, after = growth(samples, column)
        print(f"{watched.name}: {column} {before:.0f} in the second quarter, {after:.0f} in the last; "
              f"at most {max(s[COLUMNS.index(column)] for s in samples)}")
        assert after <= before * 1.1 + slack, f"{watched.name}: {column} grows"
    print(f"{watched.name}: {watched.life} lives, {len(samples)} samples")
