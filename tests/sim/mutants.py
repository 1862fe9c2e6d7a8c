#!/usr/bin/env python3
"""Plant mistakes in the engine and in what keeps its rules; the simulation must find each.

    tests/sim/mutants.py BUILD [NAME...]

Each mistake is a change of text in a copy of one source file; the text has to be there, so that a
mistake is not forgotten when the code moves on.  BUILD is a build directory, whose archive has what
the engine stands on.  Exit status 1 when a mistake survives a minute of simulation.

Python's standard library only.
"""

import concurrent.futures
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.dont_write_bytecode = True

from planted import ROOT, chosen, plant, tell  # noqa: E402

SECONDS = 60
CC = shlex.split(os.environ.get("CC", "cc"))
FLAGS = ["-std=c11", "-O2", "-w", "-DBKT_SMALL_LIMITS", "-D_POSIX_C_SOURCE=200809L",
         "-D_DEFAULT_SOURCE", f"-I{ROOT}/include", f"-I{ROOT}/src", f"-I{ROOT}/tests/sim"]
LIBS = ["-lcrypto", "-lm"]

TARGET = "tests/sim/sim_target.c"
DRIVER = "tests/sim/sim_process.c"
ENGINE = "src/table/engine.c"
LISTING = "src/table/engine_listing.c"
PAGES = "src/table/engine_pages.c"
WORK = "src/table/engine_work.c"
COMMIT = "src/table/engine_commit.c"
LISTER = "src/table/lister.c"

# name: (what is wrong, file, (old text, new text), ...)
MUTANTS = {
    "no-revision-check": (
        "a read is committed over a newer row", TARGET,
        ("if (row->revision > change->read_at)", "if (false)")),
    "no-floor-check": (
        "a read from before the newest listing is committed", TARGET,
        ("if (db->clock.floor > change->read_at)", "if (false)")),
    "no-tombstone": (
        "a delete leaves no revision behind", TARGET,
        ("    row->revision = db->clock.clock;\n    if (change->op == BKT_CHANGE_UPSERT) {",
         "    row->revision = row->flags ? db->clock.clock : 0;\n"
         "    if (change->op == BKT_CHANGE_UPSERT) {")),
    "no-bump-on-touch": (
        "an unchanged row keeps its revision", TARGET,
        ("    row->revision = db->clock.clock;\n    if (change->op == BKT_CHANGE_UPSERT) {",
         "    if (change->op != BKT_CHANGE_TOUCH)\n        row->revision = db->clock.clock;\n"
         "    if (change->op == BKT_CHANGE_UPSERT) {")),
    "no-floor": (
        "a listing takes no floor, and tombstones go all the same", TARGET,
        ("    db.clock.floor = db.clock.clock;\n", ""),
        ("row->revision <= db.clock.floor)", "row->revision <= db.clock.clock)")),
    "tombstones-go-early": (
        "tombstones go when a listing ends, above the floor", TARGET,
        ("    rc = check_listing(process, &db, err);\n    if (rc)\n        return rc;\n"
         "    return commit",
         "    rc = check_listing(process, &db, err);\n    if (rc)\n        return rc;\n"
         "    for (unsigned key = 0; key < SIM_KEYS; key++) {\n"
         "        struct sim_row *row = &db.rows[key];\n"
         "        if (row->is_known && row->flags == 0)\n"
         "            *row = (struct sim_row){.version = row->version, "
         ".accounted = row->accounted};\n    }\n    return commit")),
    "sweep-over-newer-rows": (
        "what a listing proved absent is removed though it came back", TARGET,
        ("    if (row->revision > absent->read_at)\n        return false;\n", "")),
    "sweep-for-another": (
        "a listing sweeps what one that overtook it staged", TARGET,
        ("rc == BKT_OK && db->listings != process->listing_number", "false")),
    "touch-another-content": (
        "\"not modified\" is committed whatever ETag the row has", TARGET,
        ("    return change->op == BKT_CHANGE_TOUCH &&", "    return false &&")),
    "old-spec-commits": (
        "a process with an old spec goes on", TARGET,
        ("if (db->clock.epoch == process->epoch)", "if (true)")),
    "durable-ignored": (
        "a commit is not synced though a message waits for it", TARGET,
        ("if (durable || ", "if (")),
    "event-skipped-by-etag": (
        "an event is taken for old news because its ETag is the row's", DRIVER,
        ("        process->receipts_out++;\n",
         "        const struct sim_row *row = &world->db.rows[message->key];\n"
         "        if (message->is_put && (row->flags & BKT_STATE_ROW) &&\n"
         "            row->content == message->content) {\n"
         "            receipt->is_out = false;\n"
         "            sim_queue_delete(world, receipt->message);\n"
         "            continue;\n        }\n"
         "        process->receipts_out++;\n")),
    "old-spec-filters": (
        "a process with an old spec deletes messages that are no rows to it", DRIVER,
        ("if (!knows_the_spec(process)) {", "if (false) {")),
    "settled-first": (
        "a message is settled before its change is committed", COMMIT,
        ("static int commit(struct bkt_engine *engine)\n",
         "static void settle(struct bkt_engine *engine, struct bkt_work_item *item);\n\n"
         "static int commit(struct bkt_engine *engine)\n"),
        ("        job->items[count++] = item;\n",
         "        job->items[count++] = item;\n        settle(engine, item);\n")),
    "settled-unsynced": (
        "a message is settled though its commit was not synced", COMMIT,
        ("        job->durable = job->durable || item->tickets.covered > 0;\n", "")),
    "settled-by-older-read": (
        "a message is settled by a read that began before it came", COMMIT,
        ("    struct bkt_tickets *tickets = &item->tickets;\n",
         "    struct bkt_tickets *tickets = &item->tickets;\n"
         "    tickets->covered = tickets->count;\n")),
    "again-ignored": (
        "what came while a key was read is not read for", COMMIT,
        ("    if (item->again) {", "    if (false) {")),
    "refused-is-repeated": (
        "a refused change is committed with a new clock, unread", COMMIT,
        ("        bkt_work_move_first(&engine->work, item, BKT_WORK_QUEUED);\n",
         "        item->change.read_at = engine->clock.clock;\n"
         "        bkt_work_move(&engine->work, item, BKT_WORK_READ);\n")),
    "read-at-too-late": (
        "the clock of a read is noted when its answer comes", WORK,
        ("    engine->reading[id] = NULL;\n",
         "    engine->reading[id] = NULL;\n    item->read_at = engine->clock.clock;\n")),
    "page-read-at-too-late": (
        "the clock of a page is noted when it comes", PAGES,
        ("    bkt_merge_begin(merge, page);\n",
         "    merge->covered.read_at = engine->clock.clock;\n    bkt_merge_begin(merge, page);\n")),
    "page-proves-what-it-skipped": (
        "a page proves absent what the page before skipped", LISTER,
        (".read_at = chain->mark_at}", ".read_at = chain->asked_at}")),
    "failed-page-is-empty": (
        "a listing that fails is taken for one without keys", PAGES,
        ("    if (!page) {\n        bkt_engine_listing_fail(engine, why->code, why);\n        return;\n    }\n",
         "    static const struct bkt_page nothing = {.free = bkt_mem_free};\n"
         "    if (!page)\n        page = &nothing;\n")),
    "no-token-is-the-end": (
        "a truncated page without a token is taken for the last", LISTER,
        ("bool is_last = !page->is_truncated || ",
         "bool is_last = !page->is_truncated || page->next_token.len == 0 || ")),
    "disorder-is-believed": (
        "a page whose keys do not ascend is merged", "src/core/page.c",
        ("if (i > 0 && bkt_str_cmp(page->objects[i - 1].key, key) >= 0)", "if (false)")),
    "404-is-believed": (
        "an object is removed without asking whether its bucket exists", WORK,
        ("read->kind == BKT_READ_ABSENT ? BKT_WORK_UNCONFIRMED : BKT_WORK_READ",
         "BKT_WORK_READ")),
    "bucket-asked-too-early": (
        "an answer about the bucket counts for what was read after the question", WORK,
        ("    for (; asked_for > 0; asked_for--)\n",
         "    for (asked_for = engine->work.queues[BKT_WORK_UNCONFIRMED].count; asked_for > 0;\n"
         "         asked_for--)\n")),
    "failed-read-is-absence": (
        "an object that cannot be read is removed", WORK,
        ("        change->op = BKT_CHANGE_FAIL;\n", "        change->op = BKT_CHANGE_DELETE;\n")),
    "failure-forgotten": (
        "an object that could not be read is not tried again", COMMIT,
        ("bool is_worth_trying = change->op", "bool is_worth_trying = false && change->op")),
    "sweep-overtakes-stage": (
        "rows are swept before all absences are staged", ENGINE,
        ("(job->kind == BKT_JOB_SWEEP ? 1 : JOBS_OUT_MAX)", "JOBS_OUT_MAX")),
    "max-deletes-ignored": (
        "a listing removes as many rows as it likes", LISTING,
        ("    sweep->is_limited = !limit->is_percent", "    sweep->is_limited = false && !limit->is_percent")),
    "condition-for-no-row": (
        "\"not modified\" keeps a row that the spec does not want", WORK,
        ("bkt_filter_matches(engine->options.filter, row->key, row->size, NULL) &&", "true &&")),
    "condition-of-another-content": (
        "\"not modified\" keeps a row that was made by other rules", WORK,
        ("!(row->flags & BKT_STATE_FAILED) &&", "true &&")),
    "condition-changes-under-way": (
        "the condition of a read is another when its answer comes", WORK,
        ("    if (item->stage != BKT_WORK_QUEUED)\n        return BKT_OK;", "    if (false)\n        return BKT_OK;")),
    "memory-unlimited": (
        "objects are read however much memory they take", WORK,
        ("    if (others > 0 && (bytes > limit || others > limit - bytes))", "    if (false)")),
    "prefix-ends-early": (
        "the range of a prefix ends before its last key", "src/table/span.c",
        ("    memset(bytes + head.len, 0xff, BKT_KEY_BYTES_MAX);",
         "    memset(bytes + head.len, 'a', BKT_KEY_BYTES_MAX);")),
    "reason-overwritten": (
        "why an object failed lies where the target writes", "src/table/job.c",
        ("    change->reason = kept;", "    change->reason = bkt_str_from(reason);")),
}


def compile_c(source, obj):
    subprocess.run([*CC, *FLAGS, "-c", str(source), "-o", str(obj)], check=True)


def hunt(name, directory, objects, archive):
    """Build the mutant and simulate.  Gives (what found it or None, seconds)."""
    _, path, *edits = MUTANTS[name]
    source = plant(name, path, edits, directory)
    obj = directory / f"{name}.o"
    compile_c(source, obj)
    program = directory / name
    others = [str(o) for p, o in objects.items() if p != path]
    subprocess.run([*CC, *others, str(obj), str(archive), *LIBS, "-o", str(program)], check=True)
    began = time.monotonic()
    try:
        run = subprocess.run([str(program), "--seconds", str(SECONDS), "--quiet"],
                             capture_output=True, text=True, timeout=SECONDS + 30)
    except subprocess.TimeoutExpired:
        return "it does not end", time.monotonic() - began
    seconds = time.monotonic() - began
    if run.returncode == 0:
        return None, seconds
    found = re.search(r"^seed (\d+: .*)$", run.stdout, re.MULTILINE)
    if found:
        return found[1], seconds
    return (run.stderr.strip().splitlines() or ["it crashed"])[0][:100], seconds


def main():
    build, names = chosen(__doc__, MUTANTS)
    archive = build / "src/libbkt_internal.a"
    survivors = []
    with tempfile.TemporaryDirectory(prefix="bkt-mutants-") as name:
        directory = Path(name)
        sources = [*sorted((ROOT / "src/table").glob("*.c")), *sorted((ROOT / "tests/sim").glob("*.c"))]
        objects = {}
        for source in sources:
            path = source.relative_to(ROOT).as_posix()
            objects[path] = directory / (path.replace("/", "_") + ".o")
            compile_c(source, objects[path])
        with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            hunts = {n: pool.submit(hunt, n, directory, objects, archive) for n in names}
            for n in names:
                found, seconds = hunts[n].result()
                if not found:
                    survivors.append(n)
                tell(n, MUTANTS[n][0], found, seconds)
    print(f"{len(names) - len(survivors)} of {len(names)} mistakes caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
