"""What one child process costs, and how figures are kept and compared."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from servers import die_with_parent  # noqa: E402

POLL_S = 0.005
CHILD_TIMEOUT_S = 600


class Missing(Exception):
    """Something that a measurement needs is not there; the message says what."""


@dataclass
class Cost:
    wall_s: float
    cpu_s: float  # user and system, of the process and its children
    rss_mb: float  # peak
    stdout: str


@dataclass
class Figure:
    name: str
    unit: str
    values: list
    base: str = ""  # the figure that it is compared with
    goal: str = ""

    @property
    def median(self):
        return statistics.median(self.values)


@dataclass
class Figures:
    """The figures of one measurement, by name, in the order they came."""

    all: dict = field(default_factory=dict)
    summary: str = ""  # a table in Markdown, that stands before them

    def add(self, name, value, unit, base="", goal=""):
        figure = self.all.setdefault(name, Figure(name, unit, [], base, goal))
        figure.values.append(value)

    def ratio(self, name):
        figure = self.all[name]
        base = self.all.get(figure.base)
        return figure.median / base.median if base and base.median else None


def need(program):
    found = shutil.which(program)
    if not found:
        raise Missing(f"{program} is not installed")
    return found


def cores():
    """(the client's, the server's): apart, where there are two."""
    usable = sorted(os.sched_getaffinity(0))
    return (usable[:-1], usable[-1:]) if len(usable) > 1 else (usable, usable)


def peak_rss_mb(pid):
    # Not ru_maxrss: that of a child begins with what its parent, this Python, had at the fork.
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def run(command, env=None, pin=None, check=True, timeout_s=CHILD_TIMEOUT_S):
    """Run to the end.  `pin` is a set of cores; `env` is added to a clean environment."""
    def prepare():
        die_with_parent()
        if pin:
            os.sched_setaffinity(0, pin)

    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.monotonic()
        child = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=err, env={**clean, **(env or {})},
                                 preexec_fn=prepare)
        rss_mb = 0.0
        pid = 0
        while pid == 0:
            rss_mb = max(rss_mb, peak_rss_mb(child.pid))
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid == 0 and time.monotonic() - begin > timeout_s:
                child.kill()
            if pid == 0:
                time.sleep(POLL_S)
        wall_s = time.monotonic() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if check and child.returncode != 0:
            tail = err.read().decode(errors="replace").strip().splitlines()[-2:]
            raise RuntimeError(f"{command[0]}: exit status {child.returncode}: {' / '.join(tail)}")
        return Cost(wall_s, usage.ru_utime + usage.ru_stime, rss_mb,
                    out.read().decode(errors="replace"))


def scratch():
    """A temporary directory in memory, so that disks do not add noise."""
    shm = Path("/dev/shm")
    return tempfile.TemporaryDirectory(prefix="bucketable-bench-",
                                       dir=shm if os.access(shm, os.W_OK) else None)
