"""How long the program takes to begin: what people notice who call it from scripts."""

import os
import subprocess
import time

from fake.stub import Stub
from measure import Figures, cores, need, scratch
from tools import Bucketable

KEYS = 10
CALLS = 50


def wall_ms(command, env):
    """Of one call, on average over some.  Not by measure.run(), which looks every 5 ms."""
    begin = time.monotonic()
    for _ in range(CALLS):
        subprocess.run(command, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True)
    return (time.monotonic() - begin) * 1000 / CALLS


def measure(context):
    curl = need("curl")
    _, server = cores()
    figures = Figures()
    with scratch() as place, Stub(bucket="bench", keys=KEYS,
                                  command=["taskset", "-c", str(server[0])]) as stub:
        tool = Bucketable(place, context.build)
        env = tool.environment(stub)
        url = f"{stub.url}/bench?list-type=2&encoding-type=url"
        for _ in range(context.runs):
            figures.add("true", wall_ms(["true"], env), "ms")
            figures.add("curl of a page", wall_ms([curl, "-s", url], env), "ms")
            figures.add("bucketable ls", wall_ms([tool.program, "ls", "s3://bench"], env), "ms",
                        "curl of a page", "<= 1.2")
            figures.add("curl --version", wall_ms([curl, "--version"], env), "ms")
            figures.add("bucketable --version", wall_ms([tool.program, "--version"], env), "ms",
                        goal="<= 5")
    return figures, ["`true` is what measuring costs. Most of a start is the dynamic linker's; libcurl, and the 30 "
                     "libraries behind it, are [loaded when they are needed](internals/decisions/loading.md)."]
