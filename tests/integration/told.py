"""Notifications as each sender writes them, made by the test itself."""

import json
from urllib.parse import quote_plus


def native(bucket_name, *keys, name="ObjectCreated:Put", **item):
    """What AWS S3 sends to a queue: a record for each key."""
    return json.dumps({"Records": [
        {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": name,
         "s3": {"bucket": {"name": bucket_name},
                "object": {"key": quote_plus(key, safe="/"), **item}}} for key in keys]})


def sns(message):
    return json.dumps({"Type": "Notification", "MessageId": "1", "Message": message,
                       "TopicArn": "arn:aws:sns:us-east-1:123456789012:topic"})


def eventbridge(bucket_name, key, kind="Object Created", **detail):
    return json.dumps({
        "version": "0", "id": "1", "detail-type": kind, "source": "aws.s3",
        "detail": {"version": "0", "bucket": {"name": bucket_name}, "object": {"key": key},
                   **detail}})


def minio(bucket_name, key, name="s3:ObjectCreated:Put"):
    """As its webhook has it."""
    return json.dumps({"EventName": name, "Key": f"{bucket_name}/{key}", "Records": [
        {"eventVersion": "2.0", "eventSource": "minio:s3", "eventName": name,
         "s3": {"bucket": {"name": bucket_name},
                "object": {"key": quote_plus(key), "sequencer": "17DA2CF36B4A1F3B"}}}]})


def ceph(bucket_name, key, name="ObjectCreated:Put"):
    return json.dumps({"Records": [
        {"eventVersion": "2.2", "eventSource": "ceph:s3", "awsRegion": "default",
         "eventName": name, "s3": {"bucket": {"name": bucket_name, "id": "x.1"},
                                   "object": {"key": key, "size": "5", "versionId": "",
                                              "sequencer": "F7E6D75DC742D108"}}}]})
