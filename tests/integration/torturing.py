"""Runs a command again and again, each time with another call that fails; see tests/torture/main.c.

TORTURE_POINTS in the environment is how many calls of each kind fail (3), spread over all that a run
makes; 0: each of the first thousand of our own, and LIBRARY_POINTS of those that libraries make,
which of them TORTURE_SEED says. Of the disk's each fails; with TORTURE_POINTS, every DISK_STEP-th.
"""

import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from program import SANITIZER_EXIT, SANITIZER_WORDS
from servers import die_with_parent

POINTS = int(os.environ.get("TORTURE_POINTS", "3"))
SEED = int(os.environ.get("TORTURE_SEED", "0"))
EACH_MAX = 1000
LIBRARY_POINTS = 100
DISK_STEP = 8 if POINTS else 1
BUILD = Path(os.environ["BUCKETABLE"]).resolve().parent.parent.parent
MEMORY = [("memory", "once"), ("memory", "always"), ("libraries", "once"), ("libraries", "always")]
SYSTEM = [("system", "once"), ("system", "always")]
DISK = [*((kind, "once") for kind in ("read", "write", "full", "sync", "truncate")),
        ("power", "always")]
TIMEOUT_S = int(os.environ.get("TORTURE_TIMEOUT", "30"))
PATIENCE_S = 1.5  # with what fails for good
NEVER = 1 << 40
FAILURES_MAX = 10


@dataclass
class Run:
    status: int
    hits: int
    seen: int
    out: bytes
    err: str
    is_for_good: bool


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def points(kind, seen):
    """Which calls of so many are to fail."""
    count = POINTS or (LIBRARY_POINTS if kind == "libraries" else EACH_MAX)
    step = max(1, seen // count)
    return range((step // 2 + SEED) % step, seen, step)


class Torture:
    """
    `arguments` are the program's. `ready(torture)`, where given, is asked until it says that the
    run may be told to end.
    """

    def __init__(self, program, *arguments, env=None, ready=None):
        self.program = program
        self.arguments = [str(a) for a in arguments]
        self.env = {**program.env, **(env or {}), **({"TORTURE_SPARES_STDOUT": "1"} if ready else {})}
        self.ready = ready
        self.out = program.directory / "torture.out"
        self.err = program.directory / "torture.err"
        self.process = None

    def __enter__(self):
        self.start(self.env)
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, env):
        self.process = subprocess.Popen(
            [BUILD / "tests/torture/torture", self.out, self.err, *self.arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=self.program.directory,
            env=env, preexec_fn=die_with_parent)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=TIMEOUT_S)
        self.process.stdout.close()

    def run(self, kind="none", count=NEVER, mode="once"):
        self.out.unlink(missing_ok=True)
        self.process.stdin.write(f"{kind} {count} {mode}\n")
        self.process.stdin.flush()
        pid = int(self.process.stdout.readline().split()[1])
        timer = threading.Timer(TIMEOUT_S, send, (pid, signal.SIGABRT))
        timer.start()
        if self.ready:
            self.end(pid, mode)
        answer = self.process.stdout.readline().split()
        timer.cancel()
        return Run(*map(int, answer[1:]), self.out.read_bytes(),
                   self.err.read_text(errors="replace"), mode == "always")

    def is_running(self, pid):
        """A child that ended is waited for by its parent at once, or about to be."""
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    def end(self, pid, mode):
        """What fails for good may never be done: then it is told to end all the same."""
        deadline = time.monotonic() + (PATIENCE_S if mode == "always" else 2 * TIMEOUT_S)
        while self.is_running(pid) and not self.ready(self) and time.monotonic() < deadline:
            time.sleep(0.005)
        send(pid, signal.SIGTERM)

    def told(self):
        """What it has written so far."""
        return self.out.read_bytes() if self.out.exists() else b""

    def repeat(self, kind, count, mode):
        """The same with the place of the fault on stderr."""
        self.stop()
        self.start({**self.env, "TORTURE_TELL": "1"})
        run = self.run(kind, count, mode)
        self.stop()
        self.start(self.env)
        return run


# What libraries do with their own memory gone, and nobody but they can mend.
KNOWN = (
    # libcurl 7.88 divides by the number of slots of a table that it had no memory to make.
    re.compile(r"SUMMARY: AddressSanitizer: FPE \(.*/libcurl"),
    # libcrypto 3.0 forgets a name of 22 bytes and what holds it, where libpq connects without memory.
    re.compile(r"in CRYPTO_zalloc(?s:.)*in CRYPTO_strndup(?s:.)*"
               r"SUMMARY: AddressSanitizer: 38 byte\(s\) leaked in 2 allocation\(s\)"),
)


def judge(run, done, may_leave_some):
    """Why a run is no ordinary one, or None. `done` is one without a fault."""
    if any(known.search(run.err) for known in KNOWN):
        return None
    if any(word.decode() in run.err for word in SANITIZER_WORDS):
        return "a sanitizer's finding"
    if run.status not in (done.status, 1, *([3] if may_leave_some else [])):
        return f"exit status {run.status}"
    # `check` tells on stdout what is wrong.
    is_told = run.err.strip() or any(line.startswith(b"WRONG ") for line in run.out.splitlines())
    if run.status == 1 and done.status != 1 and not is_told:
        return "it failed without a word"
    return None


def place(told):
    """Where in our own code the fault was met, of all that a sanitizer tells."""
    ours = [line for line in told.splitlines() if "/src/" in line and "#" in line]
    return "\n".join(["  met in:", *ours[:8], ""])


def torture(tortured, kinds, reset, check, may_leave_some=False):
    """
    Let calls of each kind fail in turn. reset() comes before each run, check(run, done) after it and
    raises AssertionError. Where it `may_leave_some`, single objects may fail: exit status 3. Gives how
    many faults were met.
    """
    met = 0
    failures = []
    for kind, mode in kinds:
        reset()
        done = tortured.run(kind)
        assert done.status in (0, 5), done.err
        seen = done.seen if kind in ("memory", "libraries", "system") else None
        count = 0
        for count in (points(kind, seen) if seen is not None
                      else range(SEED % DISK_STEP, NEVER, DISK_STEP)):
            reset()
            run = tortured.run(kind, count, mode)
            if seen is None and run.hits == 0:
                break
            met += run.hits != 0
            why = judge(run, done, may_leave_some)
            try:
                if not why and run.status < SANITIZER_EXIT:
                    check(run, done)
            except AssertionError as error:
                why = str(error) or repr(error)
            if why:
                reset()
                told = tortured.repeat(kind, count, mode)
                failures.append(f"{kind} {count} {mode}: {why}\n{run.err}{place(told.err)}")
                print(failures[-1], flush=True)
                if len(failures) == FAILURES_MAX:
                    break
    print(f"{met} faults")
    assert not failures, "\n\n".join(failures)
    return met
