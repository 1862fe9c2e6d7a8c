"""dlt: its filesystem source, incremental by time as its manual shows, merged into DuckDB by name.

    dlt_table.py BUCKET DIRECTORY
"""

import os
import sys

import dlt
from dlt.sources.filesystem import filesystem


@dlt.transformer(primary_key="filename", write_disposition="merge")
def objects(items):
    for item in items:
        yield {"filename": item["file_url"], "content": item.read_bytes().decode(errors="replace")}


def main(bucket, place):
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    key_id, secret, url = (os.environ[name] for name in (
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"))
    files = filesystem(f"s3://{bucket}", file_glob="**", credentials={
        "aws_access_key_id": key_id, "aws_secret_access_key": secret, "endpoint_url": url,
        "region_name": "us-east-1"})
    files.apply_hints(incremental=dlt.sources.incremental("modification_date"))
    pipeline = dlt.pipeline("objects", pipelines_dir=f"{place}/dlt", dataset_name="s3",
                            destination=dlt.destinations.duckdb(f"{place}/table.duckdb"))
    pipeline.run(files | objects())


if __name__ == "__main__":
    main(*sys.argv[1:])
