"""The sqlite3 shell, and a Python with SQLite's extensions, with ours loaded."""

import json
import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
SANITIZED = Path(os.environ["BUCKETABLE"]).resolve().parents[1] / "sqlite/bucketable.so"
PLAIN = Path(os.environ["BUCKETABLE_PLAIN"]).resolve().parents[1] / "sqlite/bucketable.so"
TIMEOUT_S = 60


def missing(what):
    (pytest.fail if IN_CI else pytest.skip)(what)


@lru_cache
def sanitizer_runtime():
    """What a host that is not sanitized must be begun with, to load what is; None: nothing."""
    symbols = subprocess.run(["nm", "-D", "--undefined-only", SANITIZED], check=True,
                             capture_output=True, text=True).stdout
    if "__asan_init" not in symbols:
        return None
    for compiler, name in (("clang", "libclang_rt.asan-x86_64.so"), ("gcc", "libasan.so")):
        if not shutil.which(compiler):
            continue
        path = subprocess.run([compiler, f"-print-file-name={name}"], check=True,
                              capture_output=True, text=True).stdout.strip()
        if os.path.isabs(path):
            return path
    return "missing"


class Shell:
    """shell.run(SQL) is what it prints, shell.rows(SQL) the rows of one statement."""

    def __init__(self, environment, directory, extension=SANITIZED, database=":memory:"):
        if not shutil.which("sqlite3"):
            missing("no sqlite3 shell")
        if not extension.exists():
            missing("the SQLite extension was not built")
        self.extension = extension
        self.database = database
        self.directory = directory
        self.env = {"PATH": os.environ["PATH"], "HOME": str(directory), "LC_ALL": "C.UTF-8",
                    **environment}
        runtime = sanitizer_runtime() if extension == SANITIZED else None
        if runtime == "missing":
            self.extension = PLAIN
        elif runtime:
            self.env["LD_PRELOAD"] = runtime
            self.env["ASAN_OPTIONS"] = "exitcode=99"

    def command(self, mode):
        return ["sqlite3", "-batch", "-cmd", f".load {self.extension.with_suffix('')}", "-cmd",
                f".mode {mode}", str(self.database)]

    def start(self, **how):
        return subprocess.Popen(self.command("list"), stdin=subprocess.PIPE, env=self.env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                cwd=self.directory, **how)

    def run(self, sql, mode="list", exits=0):
        ran = subprocess.run(self.command(mode), input=sql, env=self.env, text=True,
                             capture_output=True, timeout=TIMEOUT_S, cwd=self.directory)
        assert "Sanitizer" not in ran.stderr and "runtime error:" not in ran.stderr, ran.stderr
        assert ran.returncode == exits, ran.stdout + ran.stderr
        return ran.stdout if exits == 0 else ran.stderr

    def rows(self, sql):
        return [tuple(row.values()) for row in json.loads(self.run(sql, "json") or "[]")]

    def fails(self, sql):
        return self.run(sql, exits=1)


@lru_cache
def python_with_extensions():
    """Many builds of Python leave them out; Debian's has them."""
    probe = "import sqlite3; sqlite3.connect(':memory:').enable_load_extension(True)"
    for python in ("/usr/bin/python3", "python3"):
        path = shutil.which(python)
        if path and subprocess.run([path, "-c", probe], capture_output=True).returncode == 0:
            return path
    return None


def python(environment, script, *arguments):
    """What a script prints; it finds the extension's path in argv[1]."""
    path = python_with_extensions()
    if not path:
        missing("no Python whose sqlite3 loads extensions")
    ran = subprocess.run([path, "-c", script, str(PLAIN), *map(str, arguments)], text=True,
                         env={"PATH": os.environ["PATH"], **environment}, capture_output=True,
                         timeout=TIMEOUT_S)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
