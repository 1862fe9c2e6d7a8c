"""What one would write in an afternoon: boto3 follows a queue of S3 events, ten at a time.

    boto3_queue.py QUEUE_URL DATABASE COUNT

Ends when COUNT messages are in the table.
"""

import json
import sqlite3
import sys
from urllib.parse import unquote_plus, urlsplit

import boto3
from botocore.config import Config


def main(queue_url, path, count):
    parts = urlsplit(queue_url)
    sqs = boto3.client("sqs", endpoint_url=f"{parts.scheme}://{parts.netloc}")
    s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE IF NOT EXISTS objects "
               "(filename TEXT PRIMARY KEY NOT NULL, content TEXT, etag TEXT)")
    while count > 0:
        messages = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10,
                                       WaitTimeSeconds=20).get("Messages", [])
        for message in messages:
            for record in json.loads(message["Body"])["Records"]:
                key = unquote_plus(record["s3"]["object"]["key"])
                try:
                    answer = s3.get_object(Bucket=record["s3"]["bucket"]["name"], Key=key)
                except s3.exceptions.NoSuchKey:
                    db.execute("DELETE FROM objects WHERE filename = ?", (key,))
                else:
                    db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)",
                               (key, answer["Body"].read().decode(errors="replace"),
                                answer["ETag"]))
        db.commit()
        if messages:
            sqs.delete_message_batch(QueueUrl=queue_url, Entries=[
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                for n, message in enumerate(messages)])
        count -= len(messages)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
