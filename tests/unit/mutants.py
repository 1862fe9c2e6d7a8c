#!/usr/bin/env python3
"""Plant mistakes in what stands around the engine; the tests named must find each.

    tests/unit/mutants.py BUILD [NAME...]

Each mistake is a change of text in a copy of one source file; the text has to be there, so that a
mistake is not forgotten when the code moves on.  BUILD is a build directory with tests, compiled: what
is changed is linked in front of its archive.  Exit status 1 when a mistake survives its test.

Python's standard library only.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.dont_write_bytecode = True

from planted import ROOT, chosen, plant, tell  # noqa: E402

TIMEOUT_S = 120

SQS = "events/sqs_channel"
SETTLE = "events/sqs_settle"
REDIS = "events/redis_channel"
LIST = "events/redis_list"
LISTEN = "events/listen_channel"
SQLITE = "targets/sqlite_target conformance"
FAULTS = "targets/sqlite_faults"
POSTGRES = "targets/postgres_target"
WORKERS = "tests/integration/test_workers.py"
WORKERS_PY = Path(WORKERS).name
WRITER = "src/targets/sqlite_writer.c"

# name: (what is wrong, test program and its arguments, file, (old text, new text), ...)
MUTANTS = {
    "sqs-settled-at-receipt": (
        "a message of SQS is deleted before its change is committed", SETTLE,
        "src/events/sqs_receive.c",
        ("held->token, keys->keys, keys->count);\n",
         "held->token, keys->keys, keys->count);\n        (void)bkt_held_settle(&channel->held, held->token);\n")),
    "sqs-poison-deleted": (
        "a message that is half understood is deleted", SQS, "src/events/sqs_receive.c",
        ("hold(channel, message, is_kept);", "hold(channel, message, false);")),
    "sqs-not-extended": (
        "the visibility of a message in work is not extended", SETTLE, "src/events/sqs_settle.c",
        ("return channel->visibility_s * 1000 / 2;", "return channel->visibility_s * 100000;")),
    "list-settled-at-receipt": (
        "an entry of a Redis list is removed before its change is committed", LIST,
        "src/events/redis_channel.c",
        ("    if (keys->count > 0)\n        channel->owner.changed(channel->owner.ctx, held->token, "
         "keys->keys, keys->count);\n    else\n",
         "    if (keys->count > 0)\n        channel->owner.changed(channel->owner.ctx, held->token, "
         "keys->keys, keys->count);\n")),
    "list-not-looked-through": (
        "entries that a dead worker held are not taken up", LIST, "src/events/redis_list.c",
        ("        if (entry->type == REDIS_REPLY_STRING && ", "        if (false && ")),
    "redis-gap-unsaid": (
        "no listing is asked for after a connection to Redis was lost", REDIS,
        "src/events/redis_channel.c",
        ("    if (is_again)\n        channel->owner.gap", "    if (false)\n        channel->owner.gap")),
    "listen-gap-unsaid": (
        "no listing is asked for after MinIO's stream was lost", LISTEN,
        "src/events/listen_channel.c",
        ("    if (channel->was_ready)\n        channel->owner.gap",
         "    if (false)\n        channel->owner.gap")),
    "hash-not-looked-at-again": (
        "what a listing found and no look at the hash had shown is not listed again",
        "events/redis_hash", "src/events/redis_hash.c",
        ("    channel->hash.wants_listing = true;\n", "")),
    "canceled-within-a-callback": (
        "a request is taken from libcurl while that is calling", "aws/http", "src/aws/http_request.c",
        ("    if (http->is_inside) {", "    if (false) {")),
    "ended-canceled": (
        "a request that its own end cancels frees its place twice", "aws/http", "src/aws/http.c",
        ("    http_retire(transfer);\n    transfer->err.http", "    transfer->err.http")),
    "buffer-not-ended": (
        "an emptied buffer still ends where it did", "core/buf", "src/core/buf.c",
        ("        buf->ptr[0] = '\\0';\n", "        (void)0;\n")),
    "class-unseen": (
        "a storage class that changes alone is not seen", "table/merge", "src/table/merge.c",
        ("bkt_class_mark(object->storage_class) != (row->flags & BKT_STATE_CLASS)", "false")),
    "changes-settled-early": (
        "a group of changes is committed before its caller acknowledged it", "api/feed",
        "src/api/feed.c",
        ("    while (feed->acked < feed->count && !is_given_up(feed))\n", "    while (false)\n"),
        ("    if (feed->acked < feed->count)\n        rc = canceled(err);\n", "")),
    "newest-job-first": (
        "the writer's thread does first what was given last", "api/writer", "src/api/writer.c",
        ("    if (queue->last)\n        queue->last->next = job;\n    else\n        queue->first = "
         "job;\n    queue->last = job;\n",
         "    job->next = queue->first;\n    queue->first = job;\n")),
    "page-of-another-question": (
        "a page with keys of another prefix is believed", "core/page", "src/core/page.c",
        ("if (!bkt_str_has_prefix(key, prefix))", "if (false)")),
    "key-undecoded": (
        "a listed key stays percent-encoded", "s3/list_page", "src/s3/list_page.c",
        ("if (bkt_key_decode(reader->arena, *key, key))", "if (false)")),
    "bucket-404-is-a-keys": (
        "a bucket that is gone is taken for an object that is", "s3/s3error", "src/s3/s3error.c",
        ('{"NoSuchBucket", BKT_S3ERROR_NO_SUCH_BUCKET,', '{"NoSuchBucket", BKT_S3ERROR_NO_SUCH_KEY,')),
    "sqlite-epoch-unchecked": (
        "a process with an old spec goes on writing to SQLite", SQLITE, WRITER,
        ("    if (clock.epoch != writer->epoch) {", "    if (false) {")),
    "sqlite-floor-not-held": (
        "a listing goes on though another has begun", SQLITE, "src/targets/sqlite_listing.c",
        ("    if (rc == BKT_OK && clock.floor != writer->floor) {", "    if (false) {")),
    "sqlite-not-synced": (
        "a commit that a message waits for is not synced", FAULTS, WRITER,
        ("    if (writer->is_full == durable || ", "    if (true || ")),
    "sqlite-commit-believed": (
        "a listing's work that SQLite did not commit is taken for done", FAULTS,
        "src/targets/sqlite_listing.c",
        ("        rc = bkt_sqlite_writer_run(writer, BKT_SQLITE_COMMIT, err);\n    if (rc)\n",
         "        (void)bkt_sqlite_writer_run(writer, BKT_SQLITE_COMMIT, err);\n    if (true)\n")),
    "sqlite-batch-believed": (
        "a batch that SQLite did not commit is taken for done", FAULTS, "src/targets/sqlite_apply.c",
        ("    if (rc == BKT_OK && !attempt->again)\n        rc = bkt_sqlite_writer_run(writer, "
         "BKT_SQLITE_COMMIT, err);\n    if (rc || attempt->again)\n",
         "    if (rc == BKT_OK && !attempt->again)\n        (void)bkt_sqlite_writer_run(writer, "
         "BKT_SQLITE_COMMIT, err);\n    if (true)\n")),
    "postgres-commit-believed": (
        "a listing's work that PostgreSQL did not commit is taken for done", POSTGRES,
        "src/targets/postgres_listing.c",
        ("    return rc ? rc : bkt_postgres_writer_commit(writer, simple->first, simple->second, "
         "err);\n",
         "    if (rc == BKT_OK && bkt_postgres_writer_commit(writer, simple->first, simple->second, "
         "err))\n        bkt_postgres_rollback(&writer->conn);\n    return rc;\n")),
    "postgres-batch-believed": (
        "a batch that PostgreSQL did not commit is taken for done", POSTGRES,
        "src/targets/postgres_apply.c",
        ("    return bkt_postgres_writer_commit(writer, put, count, err);\n",
         "    if (bkt_postgres_writer_commit(writer, put, count, err))\n"
         "        bkt_postgres_rollback(&writer->conn);\n    return BKT_OK;\n")),
    "revision-unchecked": (
        "an old content is written over a newer one", SQLITE, "src/targets/change.c",
        ("    if (revision > change->read_at || ", "    if (")),
    "floor-unchecked": (
        "what was read before the newest listing is written", SQLITE, "src/targets/change.c",
        (" || floor > change->read_at)", ")")),
    "touch-of-another-content": (
        "\"not modified\" is taken for a row with another ETag", SQLITE, "src/targets/change.c",
        ("    return change->op == BKT_CHANGE_TOUCH &&", "    return false &&")),
    "guard-unheeded": (
        "a sweep removes more rows than max_deletes allows", SQLITE, "src/targets/sweep.c",
        ("    if (sweep->is_limited && ", "    if (false && ")),
    "log-not-cut": (
        "a batch that was given up stays in the log of changes", "targets/jsonl",
        "src/targets/jsonl.c",
        ("    if (jsonl->is_regular && ftruncate(jsonl->fd, jsonl->batch_start) == 0)\n",
         "    if (jsonl->is_regular)\n")),
    "lease-ignored": (
        "two processes list into one table of PostgreSQL at a time", WORKERS,
        "src/targets/postgres_lease.c",
        ("    if (rc == BKT_OK && other[0] != '\\0') {\n        char text", "    if (false) {\n        char text")),
    "sqlite-lease-ignored": (
        "two processes list into one SQLite file at a time", "targets/sqlite_target",
        "src/targets/sqlite_lease.c",
        ("    if (rc == BKT_OK && other[0] != '\\0') {\n        return", "    if (false) {\n        return")),
    "lease-of-the-living": (
        "the lease of a process that lives is taken", "targets/sqlite_target", "src/targets/holder.c",
        ("    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;", "    return pid > 0;")),
}


class Build:
    def __init__(self, directory):
        self.directory = directory
        found = json.loads((self.directory / "compile_commands.json").read_text())
        self.compiled = {os.path.relpath(self.directory / one["file"], ROOT): one for one in found
                         if "libbkt_internal" in one["output"]}

    def compile(self, path, source, obj):
        words = shlex.split(self.compiled[path]["command"])
        at = words.index("-o")
        words = [*words[:at], "-w", "-o", str(obj), "-c", str(source),
                 f"-I{(ROOT / path).parent}"]
        for flag in ("-MD", "-MQ", "-MF"):
            while flag in words:
                at = words.index(flag)
                del words[at:at + (1 if flag == "-MD" else 2)]
        subprocess.run(words, cwd=self.directory, check=True)

    def link(self, test, obj, program):
        """The unit test, or the program that an integration test runs."""
        folder, name = test.split("/")[-2:]
        places = ["src/cli/bucketable"] if test == WORKERS else [
            f"tests/unit/test_{folder}_{name}", f"tests/unit/{folder}/test_{folder}_{name}"]
        target = next(path for path in places if (self.directory / path).exists())
        commands = subprocess.run(["ninja", "-t", "commands", target], cwd=self.directory, check=True,
                                  capture_output=True, text=True).stdout
        words = shlex.split(commands.splitlines()[-1])
        at = words.index("-o")
        words[at + 1] = str(program)
        words.insert(at + 2, str(obj))
        subprocess.run(words, cwd=self.directory, check=True)


def first_words(output):
    for line in output.splitlines():
        if line.startswith(("not ok", "FAILED")) or "ERROR" in line or "Assertion" in line:
            return line.strip()[:100]
    return "it crashed"


def hunt(name, build, directory):
    """Gives (what found it or None, seconds)."""
    _, named, path, *edits = MUTANTS[name]
    source = plant(name, path, edits, directory)
    obj, program = directory / f"{name}.o", directory / name / "src/cli/bucketable"
    program.parent.mkdir(parents=True)
    test, *arguments = named.split()
    build.compile(path, source, obj)
    build.link(test, obj, program)
    command = [str(program), *arguments]
    if test == WORKERS:
        command = [str(ROOT / "tests/run"), "--built", str(directory / name), "--", WORKERS_PY,
                   "-k", "not storm", "-x"]
    elif test == POSTGRES:
        command = [str(ROOT / "tests/postgres.py"), "--", *command]
    began = time.monotonic()
    try:
        run = subprocess.run(command, cwd=directory, capture_output=True, text=True,
                             errors="replace", timeout=TIMEOUT_S, stdin=subprocess.DEVNULL,
                             env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP",
                                  "BKT_TEST_DATA": str(ROOT / "tests/data")})
    except subprocess.TimeoutExpired:
        return "it does not end", time.monotonic() - began
    seconds = time.monotonic() - began
    if run.returncode == 77 or "1..0" in run.stdout:
        raise SystemExit(f"{name}: its test was skipped: {run.stdout} {run.stderr}")
    if run.returncode == 0:
        return None, seconds
    return first_words(run.stdout + run.stderr), seconds


def main():
    place, names = chosen(__doc__, MUTANTS)
    build = Build(place)
    survivors = []
    slowest = 0
    with tempfile.TemporaryDirectory(prefix="bkt-mutants-") as directory:
        for name in names:
            found, seconds = hunt(name, build, Path(directory))
            slowest = max(slowest, seconds)
            if not found:
                survivors.append(name)
            tell(name, MUTANTS[name][0], found, seconds)
    print(f"{len(names) - len(survivors)} of {len(names)} mistakes caught, the slowest after "
          f"{slowest:.0f} s")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
