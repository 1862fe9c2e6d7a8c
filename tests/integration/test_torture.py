"""
Every command while one allocation, system call or disk access after the other fails: it ends by an
ordinary error, nothing is leaked, the table is as it was or right, and the next run makes it right.
"""

import json
import os
import re

import boto3
import pytest
import table
import told
from bucket import Bucket
from fake.stub import Stub
from program import Program
from queues import Queue
from test_kafka import fold, messages
from test_kafka import topic  # noqa: F401  a fixture
from test_postgres import TABLE
from test_postgres import rows as postgres_rows
from torturing import DISK, MEMORY, SYSTEM, Torture, torture

KINDS = {"memory": MEMORY, "system": SYSTEM, "disk": DISK}
# What `make test` takes of each list; all of it where TORTURE_POINTS is set.
SLICE = {"sync-memory", "sync-disk", "verify --repair-system", "status-memory", "spec-memory",
         "spec-system", "rows by key-memory", "profile-system", "setup-memory", "sqs-memory",
         "sqs-system", "listed-memory", "a log-disk", "changes-system", "postgres-system"}


def each(names, kinds=KINDS):
    """(name, kinds of fault) for every two that are wanted."""
    return pytest.mark.parametrize("name,kinds", [
        pytest.param(name, KINDS[kind], id=f"{name}-{kind}") for name in names for kind in kinds
        if "TORTURE_POINTS" in os.environ or f"{name}-{kind}" in SLICE])


OLD = {"a/1.md": "one", "a/2.md": "two", "b/gone.md": "gone", "c.md": "see", "d.bin": "\x00bytes"}
NEW = {"a/1.md": "one", "a/2.md": "two is new", "c.md": "see", "d.bin": "\x00bytes", "e/new.md": "n"}
FILTERS = ("--exclude", "**/*.bin", "--columns", "etag,size")
URL = "s3://bucket"
LATE = "late.md"


def wanted(objects):
    return {key: body.encode() for key, body in objects.items() if not key.endswith(".bin")}


@pytest.fixture
def server():
    with Stub(etag="md5") as stub:
        # A third of a page at a time: more than one page.
        stub.fault({"list_lie": "short_page"}, op="list")
        yield stub


@pytest.fixture
def tortured(program):
    """tortured(ARGUMENT...) is the program's command, to fail in."""
    running = []

    def start(*arguments, **how):
        running.append(Torture(program, *arguments, **how))
        return running[-1].__enter__()

    yield start
    for one in running:
        one.stop()


def fill(stub, objects):
    for key in {**OLD, **NEW}.keys() - objects.keys():
        stub.delete(key)
    for key, body in objects.items():
        stub.put(key, body)


class Files:
    """What lies at a path, with a database's own files beside it: put back before each run."""

    def __init__(self, path):
        self.path = path
        self.kept = {path: path.read_bytes() for path in self.all_files()}

    def all_files(self):
        return sorted(self.path.parent.glob(self.path.name + "*"))

    def reset(self):
        for path in self.all_files():
            path.unlink()
        for path, content in self.kept.items():
            path.write_bytes(content)

    def rows(self):
        """Of a file that may have no table yet."""
        if not self.path.exists():
            return {}
        with table.connect(self.path) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name='objects'").fetchall():
                return {}
        return table.rows(self.path)


@pytest.fixture
def known(plain_program, server, db):
    """A table of what the bucket was; the bucket has changed since."""
    fill(server, OLD)
    plain_program.sync(URL, db, *FILTERS)
    fill(server, NEW)
    return Files(db)


def is_between(rows, was_full=True):
    """Each row is one that there was or is, and where all were there those that stay are."""
    for key, content in rows.items():
        allowed = {objects[key].encode() for objects in (OLD, NEW) if key in objects}
        assert content in allowed, (key, content)
    for key in wanted(OLD).keys() & wanted(NEW).keys():
        assert not rows or not was_full or key in rows, f"{key} is gone"


def said(out):
    """What is the same in each run: rows in any order, without ages and the like."""
    return sorted(re.sub(rb"[0-9]+", b"0", out).splitlines())


@each(["sync", "verify --repair", "sync into a new table"])
def test_what_writes_the_table(plain_program, known, tortured, name, kinds):
    command = name.removesuffix(" into a new table").split()
    if len(command) < len(name.split()):
        known.kept = {}
    was_full = bool(known.kept)

    def check(run, done):
        rows = known.rows()
        is_between(rows, was_full)
        if run.status == 0:
            assert rows == wanted(NEW), rows
        plain_program("sync", "-q", URL, known.path, *FILTERS)
        assert known.rows() == wanted(NEW)

    torture(tortured(command[0], URL, known.path, *command[1:], *FILTERS), kinds, known.reset, check,
            may_leave_some=True)


class IntoPostgres:
    def __init__(self, request, directory):
        self.server = request.getfixturevalue("postgres")
        self.arguments = (request.getfixturevalue("postgres_target"), *TABLE)

    def rows(self):
        return postgres_rows(self.server)


class IntoKafka:
    def __init__(self, request, directory):
        self.server = request.getfixturevalue("kafka")
        self.topic = request.getfixturevalue("topic")
        self.arguments = (f"kafka://{self.server.brokers}/{self.topic}", "--state",
                          directory / "state")

    def rows(self):
        return fold(messages(self.server, self.topic))


SERVERS = {"postgres": IntoPostgres, "kafka": IntoKafka}


@each(SERVERS, ("memory", "system"))
def test_what_writes_to_a_server(request, plain_program, server, tmp_path, tortured, name, kinds):
    target = SERVERS[name](request, tmp_path)
    command = ("sync", URL, *target.arguments, *FILTERS)

    def reset():
        fill(server, OLD)
        plain_program(*command, "-q")
        fill(server, NEW)

    def check(run, done):
        rows = target.rows()
        is_between(rows)
        if run.status == 0:
            assert rows == wanted(NEW), rows
        plain_program(*command, "-q")
        assert target.rows() == wanted(NEW)

    torture(tortured(*command), kinds, reset, check, may_leave_some=True)


READERS = {
    "ls": ("ls", URL, "--json"),
    "get": ("get", URL, "a/2.md"),
    "plan": ("plan", URL, "DB", "--json", *FILTERS),
    "explain": ("explain", URL, "DB", "a/2.md", *FILTERS),
    "verify": ("verify", URL, "DB", *FILTERS),
    "verify --deep": ("verify", URL, "DB", "--deep", *FILTERS),
    "status": ("status", "DB", "--json"),
    "schema": ("schema",),
    "spec": ("ls", "spec.json"),
    "profile": ("ls", URL, "--profile", "p"),
    "rows": ("rows", URL),
    "rows by key": ("rows-by-key", URL),
}


# That the object could not be asked for is a part of what explain explains.
UNREAD = b"next    a sync that cannot read the object"


def without_object(lines):
    return [line for line in lines if not line.startswith((b"object ", b"next "))]


@each(READERS)
def test_what_only_reads(program, known, tortured, name, kinds):
    """What it says when it says that all went well is what it says without faults."""
    if kinds is DISK and "DB" not in READERS[name]:
        return
    (program.directory / "spec.json").write_text(json.dumps({"source": {
        "bucket_name": "bucket", "prefix": "a/", "included_patterns": ["**/*.md", "x{1,2}?"],
        "columns": ["etag"], "max_file_size": "1MB"}}))
    aws = program.directory / "home/.aws"
    aws.mkdir()
    (aws / "config").write_text("[profile p]\nregion = us-east-1\n"
                                "credential_process = /bin/echo "
                                '\'{"Version":1,"AccessKeyId":"stub","SecretAccessKey":"stub"}\'\n')

    def check(run, done):
        if run.status == done.status:
            here, usual = said(run.out), said(done.out)
            if name == "explain" and any(line.startswith(UNREAD) for line in here):
                here, usual = without_object(here), without_object(usual)
            assert here == usual
        assert known.rows() == wanted(OLD)

    arguments = [known.path if word == "DB" else word for word in READERS[name]]
    torture(tortured(*arguments), kinds, known.reset, check, may_leave_some="rows" in name)


@each(["a log"])
def test_a_log_of_changes(plain_program, server, tmp_path, tortured, name, kinds):
    fill(server, OLD)
    log = tmp_path / "log.jsonl"
    plain_program("sync", "-q", URL, f"jsonl:{log}", *FILTERS)
    fill(server, NEW)
    files = Files(log)

    def fold():
        rows = {}
        for line in log.read_text().splitlines():
            change = json.loads(line)
            if change["op"] == "upsert":
                rows[change["filename"]] = change["content"].encode()
            else:
                rows.pop(change["filename"], None)
        return rows

    def check(run, done):
        if run.status == 0:
            assert fold() == wanted(NEW)
        plain_program("sync", "-q", URL, f"jsonl:{log}", *FILTERS)
        assert fold() == wanted(NEW)

    torture(tortured("sync", URL, f"jsonl:{log}", *FILTERS), kinds, files.reset, check,
            may_leave_some=True)


# What asks a queue and the bucket's configuration


class AtMoto:
    def __init__(self, server):
        self.bucket = Bucket(server)
        self.bucket.put("a.md", "1")
        self.bucket.put("b.md", "2")
        self.sqs = boto3.client(
            "sqs", endpoint_url=server.url, aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key, region_name="us-east-1")
        self.queue_url = self.sqs.create_queue(QueueName=self.bucket.name)["QueueUrl"]

    def sent(self):
        """Each record on the queue, which is empty then."""
        keys = []
        while messages := self.sqs.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                keys += [record["s3"]["object"]["key"]
                         for record in json.loads(message["Body"])["Records"]]
                self.sqs.delete_message(QueueUrl=self.queue_url,
                                        ReceiptHandle=message["ReceiptHandle"])
        return keys


@each(["check DB", "setup", "setup --apply", "enqueue"], ("memory", "system"))
def test_what_asks_a_queue(all_servers, tmp_path, db, name, kinds):
    command = name.split()
    moto = all_servers.get("moto")
    there = AtMoto(moto)
    words = [str(db) if word == "DB" else word for word in command[1:]]
    program = Program(os.environ["BUCKETABLE"], moto, tmp_path)
    if command[0] == "check":
        program("setup", there.bucket.url, "--sqs-queue-url", there.queue_url, "--apply")

    def check(run, done):
        if run.status != done.status:
            return
        if command[0] != "check":
            assert said(run.out) == said(done.out)
        if command[0] == "enqueue":
            assert set(there.sent()) >= {"a.md", "b.md"}

    with Torture(program, command[0], there.bucket.url, *words, "--sqs-queue-url",
                 there.queue_url) as tortured:
        torture(tortured, kinds, Files(db).reset, check)


# What follows events


class Refreshed:
    """No events; the base of the rest. A run is to see one object come."""

    url = URL
    arguments = ("--refresh-interval", "100ms")

    def __init__(self, request, stub):
        self.request = request
        self.stub = stub
        self.is_said = False

    def put(self):
        self.stub.put(LATE, "late")

    def delete(self):
        self.stub.delete(LATE)

    def say(self):
        pass

    def clear(self):
        pass

    def is_kept(self):
        """Whether somebody will hear of it again."""
        return True

    def reset(self):
        self.delete()
        self.clear()
        self.is_said = False

    def is_done(self, tortured):
        """
        Once it is ready, let the object come; then wait until all are rows: what a fault kept from
        being read is read again a little later.
        """
        out = tortured.told()
        if b'"ready"' in out and not self.is_said:
            self.put()
            self.say()
            self.is_said = True
        return all(f'"upsert","filename":"{key}"'.encode() in out for key in [*wanted(NEW), LATE])


class Sqs(Refreshed):
    def __init__(self, request, stub):
        super().__init__(request, stub)
        self.queue = Queue(request.getfixturevalue("elasticmq"), visibility_s=1)
        self.arguments = ("--sqs-queue-url", self.queue.url)

    def say(self):
        self.queue.send(told.native("bucket", LATE))

    def clear(self):
        self.queue.client.purge_queue(QueueUrl=self.queue.url)

    def is_kept(self):
        return self.queue.left() > 0


class Published(Refreshed):
    name = "tortured"

    def __init__(self, request, stub):
        super().__init__(request, stub)
        self.redis = request.getfixturevalue("redis")
        self.arguments = ("--redis-url", f"redis://127.0.0.1:{self.redis.port}",
                          "--redis-channel", self.name)

    def say(self):
        self.redis.cli("publish", self.name, told.native("bucket", LATE))

    def clear(self):
        self.redis.cli("del", self.name, self.name + ":bucketable")


class Listed(Published):
    name = "tortured-list"

    def clear(self):
        super().clear()
        # So that it is known for a list, and one message comes before the other.
        self.redis.cli("rpush", self.name, self.entry("c.md"))

    def entry(self, key):
        return json.dumps([{"Event": json.loads(told.minio("bucket", key))["Records"]}])

    def say(self):
        self.redis.cli("rpush", self.name, self.entry(LATE))

    def is_kept(self):
        return any(LATE in self.redis.cli("lrange", name, "0", "-1")
                   for name in (self.name, self.name + ":bucketable"))


class Hashed(Published):
    name = "tortured-hash"

    def clear(self):
        super().clear()
        self.redis.cli("hset", self.name, "bucket/c.md", told.minio("bucket", "c.md"))

    def say(self):
        self.redis.cli("hset", self.name, "bucket/" + LATE, told.minio("bucket", LATE))


class Listening(Refreshed):
    arguments = ("--minio-listen",)

    def __init__(self, request, stub):
        super().__init__(request, stub)
        self.server = request.getfixturevalue("live")
        self.bucket = Bucket(self.server)
        self.url = self.bucket.url
        self.bucket.put_all(NEW)

    def put(self):
        self.bucket.put(LATE, "late")

    def delete(self):
        self.bucket.delete(LATE)


CHANNELS = {"refreshed": Refreshed, "sqs": Sqs, "published": Published, "listed": Listed,
            "hashed": Hashed, "listening": Listening}


@each(CHANNELS)
def test_watch(request, server, tmp_path, db, name, kinds):
    """An event that is gone from where it waited is in the table."""
    channel = CHANNELS[name](request, server)
    if name != "listening":
        fill(server, NEW)
    there = getattr(channel, "server", server)
    program = Program(os.environ["BUCKETABLE"], there, tmp_path)
    files = Files(db)

    def reset():
        files.reset()
        channel.reset()

    def check(run, done):
        rows = files.rows()
        is_late = rows.pop(LATE, None) is not None
        is_between(rows, was_full=False)
        assert run.status or run.is_for_good or (is_late and rows == wanted(NEW)), rows
        assert is_late or not channel.is_said or channel.is_kept(), "a message is lost"

    with Torture(program, "watch", "--json", channel.url, db, *channel.arguments, *FILTERS,
                 ready=channel.is_done) as tortured:
        torture(tortured, kinds, reset, check)


@each(["changes"])
def test_changes(request, server, program, tmp_path, name, kinds):
    """The library's walk over changes, which acknowledges one at once."""
    channel = Sqs(request, server)
    fill(server, wanted(NEW))
    state = Files(tmp_path / "state")

    def reset():
        state.reset()
        channel.reset()

    def is_done(tortured):
        out = tortured.told()
        if all(f"+ {key}\n".encode() in out for key in wanted(NEW)) and not channel.is_said:
            channel.put()
            channel.say()
            channel.is_said = True
        return f"+ {LATE}\n".encode() in out

    def check(run, done):
        assert run.status or run.is_for_good or f"+ {LATE}\n".encode() in run.out
        assert LATE.encode() in run.out or not channel.is_said or channel.is_kept()

    with Torture(program, "changes", URL, "--state", state.path, *channel.arguments, *FILTERS,
                 ready=is_done) as tortured:
        torture(tortured, kinds, reset, check)
