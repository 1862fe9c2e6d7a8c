"""What the S3 stub gives, with wrk as the client: the ceiling of all that is measured over it."""

import re

from fake.stub import Stub
from measure import Figures, cores, need, run

KEYS = 1_000_000
SECONDS = 3


def wrk(client, url, connections):
    cost = run([need("wrk"), "-t1", f"-c{connections}", f"-d{SECONDS}", url], pin=client)
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", cost.stdout).group(1))
    if "Non-2xx" in cost.stdout:
        raise RuntimeError("wrk: answers other than 200")
    return rate


def cpu_s(pid):
    """Of the stub so far; in ticks of 10 ms."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measure(context):
    figures = Figures()
    client, server = cores()
    with Stub(keys=KEYS, shape="hex", command=["taskset", "-c", str(server[0])]) as stub:
        page = stub.request("GET", f"/{stub.bucket}?list-type=2&max-keys=1")[2].decode()
        key = page.split("<Key>")[1].split("<")[0]
        for _ in range(context.runs):
            for name, path, connections, goal in (
                    ("GET 1 KB", f"/{stub.bucket}/{key}", 64, ">= 100000"),
                    ("LIST 1000 keys", f"/{stub.bucket}?list-type=2&encoding-type=url"
                     "&start-after=5", 4, ">= 4000")):
                before, count = cpu_s(stub.pid), stub.stats()
                rate = wrk(client[:1], stub.url + path, connections)
                after = stub.stats()
                done = sum(after[f"{op}_requests"] - count[f"{op}_requests"]
                           for op in ("get", "list"))
                figures.add(f"{name}, wrk", rate, "1/s", goal=goal)
                figures.add(f"{name}, CPU of the stub", (cpu_s(stub.pid) - before) * 1e6 / done,
                            "us")
    return figures, []
