"""DuckDB with httpfs: a table of read_text(), made anew at each run, since it keeps no state.

    duckdb_table.py BUCKET DIRECTORY
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import duckdb_extension_httpfs


def main(bucket, place):
    url = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    extension = next(Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension"))
    db = duckdb.connect(f"{place}/table.duckdb", config={"allow_unsigned_extensions": "true"})
    db.load_extension(str(extension))
    db.execute("SET threads = 16")  # requests at once, of which each has one thread
    db.execute("CREATE OR REPLACE SECRET (TYPE s3, KEY_ID ?, SECRET ?, ENDPOINT ?, "
               "URL_STYLE 'path', USE_SSL false, REGION 'us-east-1')",
               [os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], url.netloc])
    db.execute("CREATE OR REPLACE TABLE objects AS SELECT filename, content "
               f"FROM read_text('s3://{bucket}/**')")


if __name__ == "__main__":
    main(*sys.argv[1:])
