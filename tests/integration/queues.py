"""A queue of ElasticMQ, which the test fills by itself."""

import itertools
import time

import boto3

NUMBERS = itertools.count(1)


def sqs_of(url):
    return boto3.client("sqs", endpoint_url=url, aws_access_key_id="x", aws_secret_access_key="x",
                        region_name="us-east-1")


class Queue:
    """With `receives`, a message that came so often goes to the queue `dead`."""

    def __init__(self, server, visibility_s=2, receives=None):
        self.client = sqs_of(server.url)
        name = f"queue-{next(NUMBERS)}"
        attributes = {"VisibilityTimeout": str(visibility_s)}
        if receives:
            self.dead = self.client.create_queue(QueueName=name + "-dead")["QueueUrl"]
            attributes["RedrivePolicy"] = (
                '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:%s-dead",'
                '"maxReceiveCount":"%d"}' % (name, receives))
        self.url = self.client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def send(self, *bodies):
        for at in range(0, len(bodies), 10):
            self.client.send_message_batch(QueueUrl=self.url, Entries=[
                {"Id": str(n), "MessageBody": body}
                for n, body in enumerate(bodies[at:at + 10])])

    def steal(self):
        """Take what is visible, as another consumer would."""
        return self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10,
                                           VisibilityTimeout=1).get("Messages", [])

    def left(self, url=None):
        """Messages that nobody has acknowledged."""
        found = self.client.get_queue_attributes(QueueUrl=url or self.url,
                                                 AttributeNames=["All"])["Attributes"]
        return (int(found["ApproximateNumberOfMessages"])
                + int(found["ApproximateNumberOfMessagesNotVisible"]))

    def wait_for_left(self, count, url=None, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while self.left(url) != count:
            assert time.monotonic() < deadline, self.left(url)
            time.sleep(0.1)
