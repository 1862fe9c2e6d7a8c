"""Patterns, against the crate whose dialect they are in, where there is cargo to build it."""

import os
import shutil
import subprocess

from measure import Figures, Missing, cores, run
from programs import parse
from tools import PEERS

CRATE_TIMEOUT_S = 600
OF_THE_CRATE = "<= 0.20"


def build_crate(build):
    """The peer's program: bench/peers/globset, built below the build folder."""
    if not shutil.which("cargo"):
        raise Missing("cargo is not installed, so the crate was not measured")
    target = build / "peer-globset"
    done = subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=PEERS / "globset",
                          env={**os.environ, "CARGO_TARGET_DIR": str(target)},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=CRATE_TIMEOUT_S, check=False)
    if done.returncode:
        raise Missing(f"the crate cannot be built: {done.stderr.strip().splitlines()[-1]}")
    return target / "release" / "peer-globset"


def measure(context):
    ours = context.build / "bench" / "bench_glob"
    if not ours.exists():
        raise Missing("the build has no bench_glob")
    crate, notes = None, []
    try:
        crate = build_crate(context.build)
    except Missing as reason:
        notes.append(f"missing: {reason}")
    figures = Figures()
    client, _ = cores()
    for _ in range(context.runs):
        for name, value, unit in parse(run([ours], pin=client[:1]).stdout):
            figures.add(name, value, unit, f"{name}, crate", OF_THE_CRATE if name == "set" else "")
        for name, value, unit in parse(run([crate], pin=client[:1]).stdout) if crate else ():
            figures.add(f"{name}, crate", value, unit)
    return figures, notes
