"""`watch`: how long after a change its row is there, and what a long queue of changes costs."""

import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from fake.stub import Stub
from measure import ROOT, Figures, Missing, cores, need, run, scratch
from servers import ElasticMq, ElasticMqJars, ListeningMinioBinary, Redis, die_with_parent

sys.path.insert(0, str(ROOT / "tests" / "integration"))

from live import LiveMinio  # noqa: E402

BUCKET = "bench"
CHANGES = 200
INSTALL_TIMEOUT_S = 1200
ADDS_MS = "<= 5"
PEER = Path(__file__).resolve().parent / "peers" / "boto3_queue.py"
BACKLOG = int(os.environ.get("BACKLOG", "100000"))
HELD_BACK = 10  # what the poll under way was given while we stood still comes much later
PEER_SHARE = 20  # the peer is given fewer, to stay within minutes
LESS_CPU = "<= 0.1"


def boto3_client(service, url, server):
    try:
        import boto3
        from botocore.config import Config
    except ImportError as reason:
        raise Missing("boto3 is not installed for this Python") from reason
    return boto3.client(service, endpoint_url=url, region_name="us-east-1",
                        aws_access_key_id=server.access_key,
                        aws_secret_access_key=server.secret_key,
                        config=Config(s3={"addressing_style": "path"}))


def event(key):
    return json.dumps({"Records": [
        {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
         "s3": {"bucket": {"name": BUCKET}, "object": {"key": key}}}]})


class Sqs:
    """ElasticMQ, told by us right after the put: no S3 here sends to it."""

    name = "SQS"

    def __init__(self, servers):
        server = servers["elasticmq"]
        self.sqs = boto3_client("sqs", server.url, server)
        self.url = self.sqs.create_queue(QueueName="latency")["QueueUrl"]
        self.arguments = ["--sqs-queue-url", self.url]
        self.port = server.port

    def open(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def tell(self, key):
        self.sqs.send_message(QueueUrl=self.url, MessageBody=event(key))

    def call(self, action, **body):
        self.connection.request(
            "POST", "/", json.dumps({"QueueUrl": self.url, **body}),
            {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{action}"})
        return json.loads(self.connection.getresponse().read() or b"{}")

    def wait(self):
        messages = []
        while not messages:
            messages = self.call("ReceiveMessage", WaitTimeSeconds=20,
                                 MaxNumberOfMessages=10).get("Messages", [])
        return lambda: self.call("DeleteMessage", ReceiptHandle=messages[0]["ReceiptHandle"])


class RedisWay:
    def __init__(self, servers):
        self.redis = servers["redis"]
        self.port = self.redis.port
        self.arguments = ["--redis-url", f"redis://127.0.0.1:{self.port}",
                          "--redis-channel", self.key]

    def open(self):
        self.lines = socket.create_connection(("127.0.0.1", self.port)).makefile("rwb", 0)

    def send(self, *words):
        self.lines.write(b" ".join(word.encode() for word in words) + b"\r\n")

    def read(self):
        """One answer of arrays, numbers and strings, as a flat list."""
        head = self.lines.readline()
        if head[:1] == b"*":
            return [word for _ in range(int(head[1:])) for word in self.read()]
        if head[:1] == b"$":
            return [self.lines.read(int(head[1:]) + 2)]
        return [head]


class RedisList(RedisWay):
    """MinIO fills the list by itself."""

    name = "Redis list"
    key = "access"

    def __init__(self, servers):
        super().__init__(servers)
        servers["s3"].put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [
                {"QueueArn": "arn:minio:sqs::ACCESS:redis", "Events": ["s3:ObjectCreated:*"]}]})

    def tell(self, key):
        pass

    def wait(self):
        self.send("BLPOP", self.key, "0")
        self.read()


class RedisPublished(RedisWay):
    """Told by us right after the put: MinIO does not publish."""

    name = "Redis pub/sub"
    key = "published"

    def open(self):
        super().open()
        self.teller = self.lines
        super().open()
        self.send("SUBSCRIBE", self.key)
        self.read()

    def tell(self, key):
        body = event(key).encode()
        self.teller.write(b"*3\r\n$7\r\nPUBLISH\r\n$9\r\npublished\r\n$%d\r\n%s\r\n"
                          % (len(body), body))
        self.teller.readline()

    def wait(self):
        self.read()


class Listen:
    name = "listen"
    arguments = ["--minio-listen"]

    def __init__(self, servers):
        self.server = servers["minio"]

    def open(self):
        from botocore.auth import S3SigV4QueryAuth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        request = AWSRequest("GET", f"{self.server.url}/{BUCKET}?events=s3:ObjectCreated:*&ping=1")
        S3SigV4QueryAuth(Credentials(self.server.access_key, self.server.secret_key), "s3",
                         "us-east-1").add_auth(request)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        connection.request("GET", request.url.split(str(self.server.port), 1)[1])
        self.answer = connection.getresponse()
        self.connection = connection

    def tell(self, key):
        pass

    def wait(self):
        while b"eventName" not in self.answer.readline():
            pass


def bare(way, put):
    """Milliseconds from the put's end until a loop that does nothing else has the message."""
    way.open()
    took = []
    for n in range(CHANGES):
        arrived = []
        begun = threading.Event()

        def receive():
            begun.set()
            arrived.append(way.wait())
            arrived.append(time.monotonic())

        thread = threading.Thread(target=receive)
        thread.start()
        begun.wait()
        put(f"{way.name}/bare/{n}")
        end = time.monotonic()
        way.tell(f"{way.name}/bare/{n}")
        thread.join()
        took.append((arrived[1] - end) * 1000)
        if arrived[0]:
            arrived[0]()
    return took


@contextmanager
def watching(context, server, place, arguments, pin=None, target=None):
    """The program's `watch --json`, ready; gives (process, function that gives the next event)."""
    def prepare():
        die_with_parent()
        if pin:
            os.sched_setaffinity(0, pin)

    environment = {"PATH": os.environ["PATH"], "HOME": str(place),
                   "AWS_ACCESS_KEY_ID": server.access_key, "AWS_REGION": "us-east-1",
                   "AWS_SECRET_ACCESS_KEY": server.secret_key, "AWS_ENDPOINT_URL": server.url}
    with (Path(place) / "watch.log").open("wb") as log:
        process = subprocess.Popen(
            [context.build / "src/cli/bucketable", "watch", f"s3://{BUCKET}",
             target or Path(place) / "table.db", "--json", *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=log, env=environment, preexec_fn=prepare)

    def next_event(kind):
        for line in process.stdout:
            found = json.loads(line)
            if found["event"] == kind:
                return found
        raise RuntimeError(f"watch ended: {(Path(place) / 'watch.log').read_text()[-500:]}")

    try:
        next_event("ready")
        yield process, next_event
    finally:
        process.terminate()
        process.wait()


def ours(way, put, context, server, place):
    took = []
    with watching(context, server, place, way.arguments) as (_, next_event):
        for n in range(CHANGES):
            put(f"{way.name}/ours/{n}")
            end = time.monotonic()
            way.tell(f"{way.name}/ours/{n}")
            next_event("upsert")
            took.append((time.monotonic() - end) * 1000)
    return took


def p95(values):
    return statistics.quantiles(values, n=20)[-1]


def latency(context):
    figures = Figures()
    need("redis-server")
    jars = ElasticMqJars().wait(INSTALL_TIMEOUT_S)
    binary = ListeningMinioBinary().wait(INSTALL_TIMEOUT_S)
    running = []
    with scratch() as place:
        place = Path(place)
        try:
            running.append(Redis(place / "redis").start())
            running.append(ElasticMq(place / "elasticmq", jars).start())
            running.append(LiveMinio(place / "minio", binary, running[0].port).start())
            minio = running[2]
            s3 = boto3_client("s3", minio.url, minio)
            s3.create_bucket(Bucket=BUCKET)
            servers = {"redis": running[0], "elasticmq": running[1], "minio": minio, "s3": s3}

            def put(key):
                s3.put_object(Bucket=BUCKET, Key=key, Body=b"x" * 1024)

            for make in (Sqs, RedisPublished, Listen, RedisList):
                way = make(servers)
                alone = bare(way, put)
                whole = ours(way, put, context, minio, place)
                for name, values in (("the message alone", alone), ("the row", whole)):
                    for value in values:
                        figures.add(f"{way.name}: {name}, median", value, "ms")
                    figures.add(f"{way.name}: {name}, 95%", p95(values), "ms")
                figures.add(f"{way.name}: ours adds, median",
                            statistics.median(whole) - statistics.median(alone), "ms", "", ADDS_MS)
        finally:
            for server in reversed(running):
                server.stop()
    return figures, []


def fill(sqs, url, count):
    """An event for each of the first `count` objects."""
    for at in range(0, count, 10):
        sqs.send_message_batch(QueueUrl=url, Entries=[
            {"Id": str(n), "MessageBody": event(f"object-{n:09}.txt")}
            for n in range(at, min(at + 10, count))])


def new_queue(sqs, name):
    return sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "600"})["QueueUrl"]


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drain(context, stub, sqs, place, pin):
    """It stands still while all objects change and the queue fills.  Gives (seconds, CPU seconds)."""
    url = new_queue(sqs, "ours")
    with watching(context, stub, place, ["--sqs-queue-url", url], pin) as (process, next_event):
        process.send_signal(signal.SIGSTOP)
        stub.touch_fraction(100)
        fill(sqs, url, BACKLOG)
        used, begin = cpu_s(process.pid), time.monotonic()
        process.send_signal(signal.SIGCONT)
        for _ in range(BACKLOG - HELD_BACK):
            next_event("upsert")
        return time.monotonic() - begin, cpu_s(process.pid) - used


def drain_with_boto3(stub, sqs, place, pin):
    count = BACKLOG // PEER_SHARE
    url = new_queue(sqs, "boto3")
    fill(sqs, url, count)
    cost = run([sys.executable, PEER, url, place / "peer.db", count],
               env={**stub.environment(), "AWS_DEFAULT_REGION": "us-east-1"}, pin=pin)
    return cost.wall_s, cost.cpu_s


def backlog(context):
    figures = Figures()
    jars = ElasticMqJars().wait(INSTALL_TIMEOUT_S)
    client, server_cores = cores()
    pinned = ["taskset", "-c", str(server_cores[0])]
    with scratch() as place, Stub(bucket=BUCKET, keys=BACKLOG, shape="flat", object_size=1024,
                                  etag="md5", command=pinned) as stub:
        place = Path(place)
        server = ElasticMq(place / "elasticmq", jars).start()
        try:
            sqs = boto3_client("sqs", server.url, server)
            for name, count, (wall_s, used_s) in (
                    ("boto3", BACKLOG // PEER_SHARE, drain_with_boto3(stub, sqs, place, client)),
                    ("bucketable", BACKLOG - HELD_BACK, drain(context, stub, sqs, place, client))):
                is_ours = name == "bucketable"
                figures.add(f"{name}, changes", count / wall_s, "1/s", "boto3, changes")
                figures.add(f"{name}, CPU", used_s * 1e6 / count, "us/change", "boto3, CPU",
                            LESS_CPU if is_ours else "")
        finally:
            server.stop()
    return figures, [f"{BACKLOG:,} events wait (BACKLOG in the environment); boto3 gets a "
                     f"{PEER_SHARE}th of them."]
