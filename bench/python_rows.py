"""Rows a second from Python: all objects of the S3 stub, listed and read, by bucketable and by what
else there is: boto3 on 64 threads, obstore with 64 reads under way.

Each runs in a Python of its own, the one that runs this; what it has not installed is left out, so
for all of it:  python3 -m venv V && V/bin/pip install boto3 obstore pyarrow setuptools
                V/bin/python bench/run.py --only python_rows
"""

import asyncio
import importlib.metadata
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

KEYS = 10_000
OBJECT_BYTES = 1024
AT_A_TIME = 64
MISSING = 9  # the exit status that says so
SETUPTOOLS_MIN = 77  # as python/pyproject.toml says


def by_bucketable(bucket, url):
    import bucketable
    return sum(len(row.content) for row in bucketable.rows(
        f"s3://{bucket}", endpoint_url=url, region="us-east-1"))


def by_arrow(bucket, url):
    import bucketable
    import pyarrow
    import pyarrow.compute
    # pyarrow.table() would import pandas, too, where it is installed.
    table = pyarrow.RecordBatchReader.from_stream(bucketable.rows(
        f"s3://{bucket}", endpoint_url=url, region="us-east-1")).read_all()
    return pyarrow.compute.sum(pyarrow.compute.binary_length(table["content"])).as_py()


def by_boto3(bucket, url):
    import boto3
    from botocore.config import Config
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1",
                          config=Config(max_pool_connections=AT_A_TIME))
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = (found["Key"] for page in pages for found in page["Contents"])

    def read(key):
        return len(client.get_object(Bucket=bucket, Key=key)["Body"].read().decode())

    with ThreadPoolExecutor(AT_A_TIME) as threads:
        return sum(threads.map(read, keys))


def by_obstore(bucket, url):
    import obstore
    from obstore.store import S3Store
    store = S3Store(bucket, endpoint=url, region="us-east-1",
                    client_options={"allow_http": True}, virtual_hosted_style_request=False,
                    access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
                    secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"])

    async def all_of_it():
        slots = asyncio.Semaphore(AT_A_TIME)

        async def read(key):
            async with slots:
                answer = await obstore.get_async(store, key)
                return len(bytes(await answer.bytes_async()).decode())

        reads = [asyncio.create_task(read(found["path"]))
                 async for page in obstore.list(store) for found in page]
        return sum(await asyncio.gather(*reads))

    return asyncio.run(all_of_it())


READERS = {"boto3": by_boto3, "obstore": by_obstore, "bucketable": by_bucketable, "arrow": by_arrow}


def read_all(name, bucket, url):
    """In a child: how many seconds it takes, and of all its threads' CPU, imports aside."""
    try:
        for module in {"arrow": ["bucketable", "pyarrow.compute"]}.get(name, [name]):
            __import__(module)
    except ImportError:
        sys.exit(MISSING)
    start, used = time.perf_counter(), time.process_time()
    total = READERS[name](bucket, url)
    print(total, time.perf_counter() - start, time.process_time() - used)


def need_setuptools():
    from measure import Missing
    try:
        version = importlib.metadata.version("setuptools")
    except importlib.metadata.PackageNotFoundError:
        version = "none"
    if version == "none" or int(version.split(".")[0]) < SETUPTOOLS_MIN:
        raise Missing(f"the package wants setuptools {SETUPTOOLS_MIN} or newer, {sys.executable} "
                      f"has {version}: the head of bench/python_rows.py makes a Python for this")


def build_package(context, place):
    from measure import ROOT, Missing
    need_setuptools()
    shutil.copytree(ROOT / "python", place / "python", ignore=shutil.ignore_patterns("build"))
    shutil.copytree(ROOT / "include", place / "include")
    built = subprocess.run(
        [sys.executable, "setup.py", "-q", "build", "--build-lib", place / "lib"],
        cwd=place / "python", capture_output=True, text=True,
        env={**os.environ, "BUCKETABLE_BUILD": str(context.build)})
    if built.returncode != 0:
        raise Missing(f"the package was not built: {built.stderr.strip().splitlines()[-1]}")
    return place / "lib"


def rate(name, stub, path, pin):
    """Rows a second, and CPU of a row in microseconds; or None: not installed."""
    from measure import run
    cost = run([sys.executable, __file__, name, stub.bucket, stub.url], pin=pin, check=False, env={
        "PYTHONPATH": str(path), "AWS_ACCESS_KEY_ID": stub.access_key,
        "AWS_SECRET_ACCESS_KEY": stub.secret_key, "AWS_EC2_METADATA_DISABLED": "true"})
    if not cost.stdout:
        return None
    total, wall_s, cpu_s = cost.stdout.split()
    assert int(total) == KEYS * OBJECT_BYTES, (name, total)
    return KEYS / float(wall_s), float(cpu_s) * 1e6 / KEYS


def measure(context):
    from fake.stub import Stub
    from measure import Figures, cores, scratch
    client, server = cores()
    figures = Figures()
    missing = set()
    with scratch() as place, Stub(bucket="bench", keys=KEYS, shape="flat",
                                  object_size=OBJECT_BYTES,
                                  command=["taskset", "-c", str(server[0])]) as stub:
        path = build_package(context, Path(place))
        for _ in range(context.runs):
            for name in READERS:
                found = rate(name, stub, path, client)
                if found is None:
                    missing.add(name)
                    continue
                shown = {"bucketable": "rows()", "arrow": "rows() as an Arrow table"}.get(name)
                if not shown:
                    figures.add(name, found[0], "rows/s")
                    figures.add(f"{name}, CPU", found[1], "us/row")
                    continue
                for peer, times in (("boto3", 10), ("obstore", 2)):
                    figures.add(f"{shown}, by {peer}", found[0], "rows/s", peer, f">= {times}")
                    figures.add(f"{shown}, CPU, by {peer}", found[1], "us/row", f"{peer}, CPU",
                                f"<= {1 / times:.2g}")
    return figures, [f"not installed for {sys.executable}: {name}" for name in sorted(missing)]


if __name__ == "__main__":
    read_all(*sys.argv[1:])
