"""The Python package, built as `pip wheel` builds it, and children that use it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PYTHON = Path(__file__).resolve().parent.parent.parent / "python"


def build(directory):
    """Around the library that is built beside BUCKETABLE_PLAIN.  Gives what belongs into sys.path.

    BUCKETABLE_SANITIZE, as in "address", is for a library that is built so, by clang.
    """
    library = Path(os.environ["BUCKETABLE_PLAIN"]).resolve().parent.parent.parent
    # Without the objects that `pip wheel` may have left there, made with other options.
    shutil.copytree(PYTHON, directory / "source/python", ignore=shutil.ignore_patterns("build"))
    shutil.copytree(PYTHON.parent / "include", directory / "source/include")
    compiler = {"CC": "clang"} if os.environ.get("BUCKETABLE_SANITIZE") else {}
    built = subprocess.run(
        [sys.executable, "setup.py", "-q", "build", "--build-lib", directory / "lib"],
        cwd=directory / "source/python", capture_output=True, text=True,
        env={**os.environ, **compiler, "BUCKETABLE_BUILD": str(library)})
    assert built.returncode == 0, built.stderr
    return directory / "lib"


def environment(server):
    return {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key,
            "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": server.url,
            "AWS_EC2_METADATA_DISABLED": "true"}


def child(package_path, server, code, *arguments, variables=(), **how):
    """A Python that runs `code`; `variables` are added to its environment."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
        env={**os.environ, **environment(server), "PYTHONPATH": str(package_path),
             **dict(variables)}, **how)


def ends_well(process, timeout_s=60):
    """What it printed."""
    stdout, stderr = process.communicate(timeout=timeout_s)
    assert process.returncode == 0 and "Traceback" not in stderr, stderr
    return stdout
