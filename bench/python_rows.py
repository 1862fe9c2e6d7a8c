"""Rows a second from Python: all objects of the S3 stub, listed and read, by bucketable and by what
else there is: boto3 on 64 threads, obstore with 64 reads under way.

    pip wheel --no-deps -w dist ./python && pip install dist/*.whl boto3 obstore
    python3 bench/python_rows.py [--keys 5000] [--bytes 1024] [--runs 3]

Each reads the same objects in this one process, in turn; what is not installed is left out.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from fake.stub import Stub  # noqa: E402

AT_A_TIME = 64


def by_bucketable(stub):
    import bucketable
    return sum(len(row.content) for row in bucketable.rows(
        f"s3://{stub.bucket}", endpoint_url=stub.url, region="us-east-1"))


def by_boto3(stub):
    import boto3
    from botocore.config import Config
    client = boto3.client("s3", endpoint_url=stub.url, region_name="us-east-1",
                          config=Config(max_pool_connections=AT_A_TIME))
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=stub.bucket)
    keys = (found["Key"] for page in pages for found in page["Contents"])

    def read(key):
        return len(client.get_object(Bucket=stub.bucket, Key=key)["Body"].read().decode())

    with ThreadPoolExecutor(AT_A_TIME) as threads:
        return sum(threads.map(read, keys))


def by_obstore(stub):
    import obstore
    from obstore.store import S3Store
    store = S3Store(stub.bucket, endpoint=stub.url, region="us-east-1",
                    client_options={"allow_http": True}, virtual_hosted_style_request=False,
                    access_key_id=stub.access_key, secret_access_key=stub.secret_key)

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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=5000)
    parser.add_argument("--bytes", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    readers = {"bucketable": by_bucketable, "boto3": by_boto3, "obstore": by_obstore}
    rates = {}
    with Stub(bucket="bench", keys=options.keys, shape="flat", object_size=options.bytes) as stub:
        os.environ.update(AWS_ACCESS_KEY_ID=stub.access_key, AWS_SECRET_ACCESS_KEY=stub.secret_key,
                          AWS_EC2_METADATA_DISABLED="true")
        for _ in range(options.runs):
            for name, read in list(readers.items()):
                start = time.perf_counter()
                try:
                    total = read(stub)
                except ImportError:
                    del readers[name]
                    continue
                rates.setdefault(name, []).append(options.keys / (time.perf_counter() - start))
                assert total == options.keys * options.bytes, (name, total)
    base = statistics.median(rates["bucketable"])
    for name, values in rates.items():
        rate = statistics.median(values)
        print(f"{name:10} {rate:8.0f} rows/s   {rate / base:5.2f} of bucketable")


if __name__ == "__main__":
    main()
