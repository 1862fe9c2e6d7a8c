"""MinIO with every way of its own to tell of changes, and what a test says to it."""

from servers import Minio


class LiveMinio(Minio):
    """
    Sends events to the Redis keys `access` and `namespace`, each in the format of that name, and
    to `docs-events`, the key of the documents.  Its listen call works.
    """

    def __init__(self, directory, binary, redis_port):
        super().__init__(directory, binary)
        self.redis_port = redis_port

    def environment(self):
        found = super().environment()
        for name, key, form in (("access", "access", "access"),
                                ("namespace", "namespace", "namespace"),
                                ("bucketable", "docs-events", "access")):
            prefix = "MINIO_NOTIFY_REDIS_"
            suffix = "_" + name.upper()
            found[f"{prefix}ENABLE{suffix}"] = "on"
            found[f"{prefix}ADDRESS{suffix}"] = f"127.0.0.1:{self.redis_port}"
            found[f"{prefix}KEY{suffix}"] = key
            found[f"{prefix}FORMAT{suffix}"] = form
        return found


def notify(bucket, name):
    """Send the bucket's events to the Redis key `name`."""
    bucket.client.put_bucket_notification_configuration(
        Bucket=bucket.name, NotificationConfiguration={"QueueConfigurations": [
            {"QueueArn": f"arn:minio:sqs::{name.upper()}:redis",
             "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]})
