"""CocoIndex over a bucket: our source, its own beside it, and its Postgres source on our table.

Each flow runs in a child, against a database of its own; the proxy counts what it reads.
"""

import signal
import subprocess
import time
from pathlib import Path

import pytest
from marks import minio_only
from package import child

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "docs" / "examples"
WAIT_S = 60

pytest.importorskip("cocoindex", reason="cocoindex is not installed: tools/test-python has it")

# What runs a flow of one source, step by step: "update" is answered by its counts.
DRIVER = """
import sys, cocoindex, bucketable.cocoindex
bucket, options = sys.argv[1], eval(sys.argv[2])
kind = {"ours": bucketable.cocoindex.AmazonS3, "theirs": cocoindex.sources.AmazonS3}[sys.argv[3]]

@cocoindex.op.function()
def text(content: %s) -> str:
    return content if isinstance(content, str) else content.hex()

@cocoindex.flow_def(name="Copy")
def copy(builder, scope):
    scope["documents"] = builder.add_source(kind(bucket_name=bucket, **options))
    found = scope.add_collector()
    with scope["documents"].row() as document:
        found.collect(filename=document["filename"], line=document["content"].transform(text))
    found.export("copies", cocoindex.targets.Postgres(table_name="copies"),
                 primary_key_fields=["filename"])

cocoindex.init()
copy.setup()
print("ready", flush=True)
for line in sys.stdin:
    print(str(copy.update()).replace(chr(10), " "), flush=True)
"""


class Database:
    def __init__(self, postgres, name):
        self.postgres = postgres
        postgres.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        postgres.sql(f"CREATE DATABASE {name} OWNER tester")
        self.url = postgres.url.rpartition("/")[0] + "/" + name
        self.name = name

    def environment(self):
        return {"COCOINDEX_DATABASE_URL": self.url, "COCOINDEX_DISABLE_USAGE_TRACKING": "1"}

    def rows(self, query):
        done = subprocess.run(["psql", "-qAtX", "-d", self.url, "-c", query], text=True,
                              capture_output=True)
        return dict(line.split("|", 1) for line in done.stdout.splitlines())


class Flow:
    """A child that runs DRIVER."""

    def __init__(self, how, bucket, kind="ours", **options):
        content = "bytes" if options.get("binary") else "str"
        package_path, server, variables = how
        self.process = child(package_path, server, DRIVER % content, bucket.name, repr(options),
                             kind, stdin=subprocess.PIPE, variables=variables)
        self.expect("ready")

    def expect(self, text):
        for line in self.process.stdout:
            if text in line:
                return line
        raise AssertionError(self.process.stderr.read())

    def update(self):
        self.process.stdin.write("update\n")
        self.process.stdin.flush()
        return self.expect("documents")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def database(postgres, bucket):
    return Database(postgres, bucket.name.replace("-", "_"))


@pytest.fixture
def how(package_path, server, database, proxy):
    return package_path, server, {**database.environment(), **proxy.env()}


def copies(database):
    return database.rows("SELECT filename, line FROM copies")


@minio_only
def test_nothing_is_read_twice(bucket, how, database, proxy):
    bucket.put_all({f"{i}.md": f"{i}" for i in range(50)} | {"x.log": "no"})
    options = {"included_patterns": ["*.md"], "excluded_patterns": ["7*"], "max_file_size": 100}
    wanted = {f"{i}.md": f"{i}" for i in range(50) if i != 7}
    with Flow(how, bucket, **options) as flow:
        assert "49 added" in flow.update()
        assert len(proxy.object_reads()) == 49 and copies(database) == wanted
        proxy.forget()
        assert "49 no change" in flow.update()
        bucket.put("3.md", "new")
        bucket.delete("4.md")
        bucket.put("5.md", "x" * 101)
        flow.update()
        assert proxy.object_reads() == [f"{bucket.name}/3.md"]
        wanted["3.md"] = "new"
        del wanted["4.md"], wanted["5.md"]
        assert copies(database) == wanted
    proxy.forget()
    with Flow(how, bucket, **options) as flow:
        assert "no change" in flow.update()
    assert proxy.object_reads() == [], "another process reads nothing either"


def put_within_one_second(bucket, between):
    """Two contents under one key, with the same time; `between` is called between them."""
    for attempt in range(20):
        time.sleep(1 - time.time() % 1)  # at the beginning of a second
        bucket.put("a", f"old {attempt}")
        between()
        bucket.put("a", f"new {attempt}")
        shown = bucket.listing()[0]["LastModified"]
        if time.time() < int(shown.timestamp()) + 1:
            return f"new {attempt}"
    raise AssertionError("an update takes longer than a second")


@minio_only
def test_an_overwrite_within_the_same_second_is_seen(bucket, how, database, proxy):
    bucket.put("a", "first")
    with Flow(how, bucket) as flow:
        flow.update()
        for _ in range(2):
            newest = put_within_one_second(bucket, flow.update)
            flow.update()
            assert copies(database) == {"a": newest}
            proxy.forget()
            flow.update()
            assert proxy.object_reads() == []


@minio_only
def test_bytes(bucket, how, database):
    bucket.put("a", b"\x00\xff")
    with Flow(how, bucket, binary=True) as flow:
        flow.update()
        assert copies(database) == {"a": "00ff"}


@minio_only
def test_what_cannot_be_read_keeps_its_row(bucket, how, database, proxy):
    bucket.put_all({"a": "1", "b": "2"})
    with Flow(how, bucket, text_errors="strict", retry_time="1s") as flow:
        flow.update()
        bucket.put_all({"a": b"\x80", "b": "3"})
        proxy.fail_reads_of = "/b"
        flow.update()
        assert copies(database) == {"a": "1", "b": "2"}
        proxy.fail_reads_of = None
        flow.update()
        assert copies(database) == {"a": "1", "b": "3"}


@minio_only
def test_a_listing_that_fails_removes_nothing(bucket, how, database, proxy):
    bucket.put_all({"a": "1", "b": "2"})
    with Flow(how, bucket, retry_time="1s") as flow:
        flow.update()
        proxy.refuse = True
        flow.process.stdin.write("update\n")
        flow.process.stdin.flush()
        _, stderr = flow.process.communicate(timeout=WAIT_S)
        assert "list s3://" in stderr
        assert copies(database) == {"a": "1", "b": "2"}


@minio_only
def test_an_unfollowed_queue_is_told(bucketable, caplog):
    import bucketable.cocoindex
    bucketable.cocoindex.AmazonS3(bucket_name="b", sqs_queue_url="http://x/y")
    assert "sqs_queue_url is not followed" in caplog.text
    caplog.clear()
    bucketable.cocoindex.AmazonS3(bucket_name="b", prefix="docs/")
    assert caplog.text == ""


@minio_only
def test_ordinals_grow_with_each_look_and_each_second(bucketable):
    from bucketable.cocoindex import SETTLED_S, ordinal
    seen = [ordinal(1000, 1000 + age) for age in (-5, 0, 0.01, 1, SETTLED_S - 1, SETTLED_S)]
    assert seen == sorted(seen) and len(set(seen)) == 5
    assert ordinal(1000, 1000 + SETTLED_S) == 1000_000_000 == ordinal(1000, 10**9)
    assert ordinal(1000, 10**9) < ordinal(1001, 1001)


@minio_only
def test_the_example_of_the_source(bucket, how, database):
    bucket.put_all({"a.md": "one\ntwo", "b.txt": "no"})
    package_path, server, variables = how
    code = (EXAMPLES / "cocoindex_source.py").read_text()
    for _ in range(2):
        process = child(package_path, server, code, bucket.name, variables=variables)
        stdout, stderr = process.communicate(timeout=WAIT_S)
        # Not its exit status: CocoIndex's engine now and then crashes while Python ends, whatever
        # the source.
        assert "source rows" in stdout and "Traceback" not in stderr, stderr
        assert database.rows("SELECT filename, line FROM first_lines") == {"a.md": "one"}


@minio_only
def test_the_example_of_the_table_is_live(bucket, how, database, watch):
    bucket.put("a", "1\nx")
    package_path, server, variables = how
    watching = watch(bucket.url, database.url, "--table", "documents", "--refresh-interval", "1s")
    watching.wait_for("ready")
    code = (EXAMPLES / "cocoindex_table.py").read_text()
    process = child(package_path, server, code, "documents", variables=variables)
    try:
        wait_for_lines(database, {"a": "1"}, process)
        bucket.put("b", "2")
        wait_for_lines(database, {"a": "1", "b": "2"}, process)
        bucket.put("a", "3")
        wait_for_lines(database, {"a": "3", "b": "2"}, process)
        bucket.delete("b")
        wait_for_lines(database, {"a": "3"}, process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=WAIT_S)
    finally:
        process.kill()
        process.communicate()


def wait_for_lines(database, wanted, process):
    deadline = time.monotonic() + WAIT_S
    while (found := database.rows("SELECT filename, line FROM first_lines")) != wanted:
        assert process.poll() is None and time.monotonic() < deadline, found
        time.sleep(0.1)
