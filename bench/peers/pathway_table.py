"""Pathway: an S3 source with persistence, into files of changes; one run, "static".

    pathway_table.py BUCKET DIRECTORY
"""

import os
import sys
from pathlib import Path

import pathway as pw


def main(bucket, place):
    table = pw.io.s3.read(
        "", format="plaintext_by_object", mode="static", with_metadata=True, name="objects",
        downloader_threads_count=64,
        aws_s3_settings=pw.io.s3.AwsS3Settings(
            bucket_name=bucket, access_key=os.environ["AWS_ACCESS_KEY_ID"],
            secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"], region="us-east-1",
            endpoint=os.environ["AWS_ENDPOINT_URL"], with_path_style=True))
    rows = table.select(filename=pw.this._metadata["path"].as_str(), content=pw.this.data)
    # Each run writes its own changes alone.
    runs = sum(1 for _ in Path(place).glob("changes-*.jsonl"))
    pw.io.jsonlines.write(rows, f"{place}/changes-{runs:03d}.jsonl")
    backend = pw.persistence.Backend.filesystem(f"{place}/state")
    pw.run(monitoring_level=pw.MonitoringLevel.NONE,
           persistence_config=pw.persistence.Config(backend))


if __name__ == "__main__":
    main(*sys.argv[1:])
