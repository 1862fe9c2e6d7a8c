"""What one would write in an afternoon: boto3, 32 threads, sqlite3; ETags are compared.

    boto3_table.py BUCKET DATABASE
"""

import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

THREADS = 32
BATCH = 1000


def main(bucket, path):
    client = boto3.client("s3", config=Config(max_pool_connections=THREADS,
                                              s3={"addressing_style": "path"}))
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("CREATE TABLE IF NOT EXISTS objects "
               "(filename TEXT PRIMARY KEY NOT NULL, content TEXT, etag TEXT)")
    known = dict(db.execute("SELECT filename, etag FROM objects"))
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    listed = {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}
    changed = [key for key, etag in listed.items() if known.get(key) != etag]

    def read(key):
        answer = client.get_object(Bucket=bucket, Key=key)
        return key, answer["Body"].read().decode(errors="replace"), answer["ETag"]

    with ThreadPoolExecutor(THREADS) as pool:
        for at in range(0, len(changed), BATCH):
            rows = list(pool.map(read, changed[at:at + BATCH]))
            db.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", rows)
            db.commit()
    db.executemany("DELETE FROM objects WHERE filename = ?",
                   [(key,) for key in known.keys() - listed.keys()])
    db.commit()


if __name__ == "__main__":
    main(*sys.argv[1:])
