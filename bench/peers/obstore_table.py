"""A script of one's own over obstore: 64 reads at once, sqlite3; ETags are compared.

    obstore_table.py BUCKET DIRECTORY
"""

import asyncio
import os
import sqlite3
import sys

from obstore.store import S3Store

AT_ONCE = 64
BATCH = 1000


async def sync(store, db):
    known = dict(db.execute("SELECT filename, etag FROM objects"))
    listed = {item["path"]: item["e_tag"] async for page in store.list() for item in page}
    changed = [key for key, etag in listed.items() if known.get(key) != etag]
    gate = asyncio.Semaphore(AT_ONCE)

    async def read(key):
        async with gate:
            answer = await store.get_async(key)
            body = await answer.bytes_async()
            return key, bytes(body).decode(errors="replace"), answer.meta["e_tag"]

    for at in range(0, len(changed), BATCH):
        rows = await asyncio.gather(*map(read, changed[at:at + BATCH]))
        db.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", rows)
        db.commit()
    db.executemany("DELETE FROM objects WHERE filename = ?",
                   [(key,) for key in known.keys() - listed.keys()])
    db.commit()


def main(bucket, place):
    store = S3Store(bucket, endpoint=os.environ["AWS_ENDPOINT_URL"], region="us-east-1",
                    virtual_hosted_style_request=False, client_options={"allow_http": True})
    db = sqlite3.connect(f"{place}/table.db")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("CREATE TABLE IF NOT EXISTS objects "
               "(filename TEXT PRIMARY KEY NOT NULL, content TEXT, etag TEXT)")
    asyncio.run(sync(store, db))
    db.close()
    # Its threads sometimes outlive the interpreter, which then ends with SIGABRT.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
