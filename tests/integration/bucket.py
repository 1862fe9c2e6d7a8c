"""A bucket of the test's own, changed and read through boto3."""

import itertools
import os
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

NUMBERS = itertools.count(1)


def client_of(server):
    """boto3 with nothing of this machine's AWS settings."""
    return boto3.session.Session(
        aws_access_key_id=server.access_key, aws_secret_access_key=server.secret_key,
        region_name="us-east-1").client(
            "s3", endpoint_url=server.url,
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=16,
                          retries={"max_attempts": 5}))


class Bucket:
    def __init__(self, server):
        self.client = client_of(server)
        self.name = f"bucket-{os.getpid()}-{next(NUMBERS)}"
        self.url = f"s3://{self.name}"
        self.client.create_bucket(Bucket=self.name)

    def put(self, key, body=b"", **arguments):
        body = body.encode() if isinstance(body, str) else body
        self.client.put_object(Bucket=self.name, Key=key, Body=body, **arguments)

    def put_all(self, bodies):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda item: self.put(*item), bodies.items()))

    def delete(self, key):
        self.client.delete_object(Bucket=self.name, Key=key)

    def delete_all(self, keys):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self.delete, keys))

    def listing(self):
        """Every object as the server lists it, in the server's order."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [item for page in pages for item in page.get("Contents", [])]

    def keys(self):
        return [item["Key"] for item in self.listing()]

    def read(self, key):
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def contents(self):
        """{key: bytes} of what should be rows: every object but directory markers."""
        keys = [key for key in self.keys() if not key.endswith("/")]
        with ThreadPoolExecutor(8) as pool:
            return dict(zip(keys, pool.map(self.read, keys)))

    def remove(self):
        self.delete_all(self.keys())
        self.client.delete_bucket(Bucket=self.name)
