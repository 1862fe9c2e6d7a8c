"""Storms on every channel: random changes, lost and doubled events, kills; the table ends equal.

STORMS in the environment is how many seeds each channel gets (2), FIRST_STORM the first of them.
"""

import os
import random
import signal
import time

import pytest
import table
import told
from live import notify
from proxy import Pipe
from queues import Queue

FIRST = int(os.environ.get("FIRST_STORM", "0"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("STORMS", "2")))
STEPS = 60
END_TIMEOUT_S = 60


@pytest.fixture
def server(live):
    return live


class Channel:
    """
    How changes are told: by the server itself, unless say() does it.  The program reaches whoever
    tells through `pipe`, which breaks now and then.
    """

    arguments = ()
    env = None

    def say(self, key, is_delete):
        pass

    def has_more(self):
        return False


class Late(Channel):
    """The test tells: twice at times, in an order of its own, late."""

    def __init__(self, chance, bucket):
        self.chance = chance
        self.bucket = bucket
        self.waiting = []

    def say(self, key, is_delete):
        name = "ObjectRemoved:Delete" if is_delete else "ObjectCreated:Put"
        self.waiting += [told.native(self.bucket.name, key, name=name)] * self.chance.choice(
            (1, 1, 2))
        self.chance.shuffle(self.waiting)
        self.flush(self.chance.randrange(len(self.waiting) + 1))

    def flush(self, count):
        now, self.waiting = self.waiting[:count], self.waiting[count:]
        if now:
            self.send(now)

    def has_more(self):
        self.flush(len(self.waiting))
        return self.left() > 0

    def left(self):
        return 0


class Sqs(Late):
    def __init__(self, chance, bucket, request):
        super().__init__(chance, bucket)
        server = request.getfixturevalue("elasticmq")
        self.queue = Queue(server)
        self.pipe = Pipe(server.port)
        self.arguments = ("--sqs-queue-url", self.queue.url.replace(server.url, self.pipe.url))

    def send(self, bodies):
        self.queue.send(*bodies)

    def left(self):
        return self.queue.left()


class Published(Late):
    """Nobody keeps it: while the program is away it is lost, and so it is when a connection breaks."""

    def __init__(self, chance, bucket, request):
        super().__init__(chance, bucket)
        self.redis = request.getfixturevalue("redis")
        self.pipe = Pipe(self.redis.port)
        self.arguments = ("--redis-url", f"redis://127.0.0.1:{self.pipe.port}",
                          "--redis-channel", f"storm-{bucket.name}")

    def send(self, bodies):
        for body in bodies:
            self.redis.cli("publish", self.arguments[-1], body)


class Key(Channel):
    """MinIO fills a key of Redis."""

    def __init__(self, chance, bucket, request):
        self.redis = request.getfixturevalue("redis")
        self.redis.cli("del", self.name, self.name + ":bucketable")
        notify(bucket, self.name)
        self.pipe = Pipe(self.redis.port)
        self.arguments = ("--redis-url", f"redis://127.0.0.1:{self.pipe.port}",
                          "--redis-channel", self.name)


class List(Key):
    name = "access"

    def has_more(self):
        return any(self.redis.cli("llen", key) != "0"
                   for key in (self.name, self.name + ":bucketable"))


class Hash(Key):
    name = "namespace"


class Listen(Channel):
    arguments = ("--minio-listen",)

    def __init__(self, chance, bucket, request):
        self.pipe = Pipe(request.getfixturevalue("server").port)
        self.env = {"AWS_ENDPOINT_URL": self.pipe.url}


class Refresh(Listen):
    arguments = ("--refresh-interval", "200ms")


def wait_until_equal(channel, bucket, db):
    """A channel that acknowledges has nothing left; of the others nobody knows when all is told."""
    deadline = time.monotonic() + END_TIMEOUT_S
    expected = bucket.contents()
    while channel.has_more() or table.rows(db) != expected:
        assert time.monotonic() < deadline, (channel.has_more(), table.rows(db), expected)
        time.sleep(0.1)
    return expected


def disturb(chance, channel, running, start):
    """Gives what is running afterwards.  Before it is ready it has no handlers for signals."""
    what = chance.random()
    if what < 0.05:
        running.kill()
        return start()
    if what < 0.08 and running.events("ready"):
        running.end()
        return start()
    if what < 0.12 and running.events("ready"):
        channel.pipe.cut()  # before that, a connection that is lost ends it, and says so
    elif what < 0.15 and running.events("ready"):
        running.process.send_signal(signal.SIGHUP)
    elif what < 0.3:
        time.sleep(chance.random() * 0.2)
    return running


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", [Sqs, Published, List, Hash, Listen, Refresh],
                         ids=lambda kind: kind.__name__.lower())
def test_a_storm_ends_equal(bucket, watch, db, kind, seed, request):
    """Puts, many in the same second and of the same content as before, deletes, kills."""
    chance = random.Random(f"{kind.__name__} {seed}")
    channel = kind(chance, bucket, request)
    keys = [f"k{n}/ü+ %41{n}" for n in range(15)]

    def start():
        return watch(bucket.url, db, *channel.arguments, env=channel.env)

    with channel.pipe:
        running = start()
        for _ in range(STEPS):
            key = chance.choice(keys)
            is_delete = chance.random() < 0.3
            if is_delete:
                bucket.delete(key)
            else:
                bucket.put(key, f"{chance.randrange(4)}")
            channel.say(key, is_delete)
            running = disturb(chance, channel, running, start)
        running.wait_for("ready", timeout_s=END_TIMEOUT_S)
        expected = wait_until_equal(channel, bucket, db)
        running.end()
    assert table.rows(db) == expected
