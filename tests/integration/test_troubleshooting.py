"""docs/troubleshooting.md: the messages are those of the program, and most are provoked here."""

import re
import sqlite3

import documents
import marks
import pytest

PAGE = documents.ROOT / "docs" / "troubleshooting.md"

# Said by a server or a library, not by a text of ours.
OTHERS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "HTTP 404 NoSuchBucket",
          "HTTP 403 AccessDenied", "Could not resolve host", "Connection refused",
          "QueueDoesNotExist", "unable to open database file"}


def messages():
    """The first cells of the tables that are texts."""
    rows = re.findall(r"^\| `((?:[^`|])+)`", PAGE.read_text(), re.MULTILINE)
    return [row for row in rows if not row.startswith("bucketable ")]


def literals():
    """All string literals of the code, those side by side as one, what differs as `...`."""
    found = []
    for path in sorted((documents.ROOT / "src").rglob("*.c")):
        text = path.read_text()
        text = re.sub(r'"\s*PRIu64\s*"', "%u", text)
        for match in re.finditer(r'(?:"(?:[^"\\\n]|\\.)*"\s*)+', text):
            joined = "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', match[0]))
            found.append(joined.replace('\\"', '"').replace("\\\\", "\\"))
    return found


def pieces(message):
    """What does not differ, in the order in which it stands there."""
    return [piece for piece in re.split(r"\.\.\.", message) if len(piece.strip()) > 2]


def test_each_message_is_in_the_code():
    texts = [re.sub(r"%(?:\.?\*)?[-+0-9]*(?:ll|z)?[a-zA-Z]", "\x00", text) for text in literals()]
    missing = []
    for message in messages():
        wanted = [re.escape(piece.strip()).replace('\\"', '"') for piece in pieces(message)]
        pattern = ".*".join(re.sub(r"\d+", r"(?:\\d+|\\x00)", one) for one in wanted)
        if message not in OTHERS and message not in COMMANDS and not any(re.search(pattern, text, re.DOTALL) for text in texts):
            missing.append(message)
    assert not missing, "\n".join(missing)


def says(message, line):
    return re.search(".*".join(map(re.escape, message.split("..."))), line)


@marks.minio_only
def test_help_is_a_word_too(program):
    assert program("help").stdout == program("--help").stdout
    assert program("help", "sync").stdout == program("sync", "--help").stdout


SPEC = '{"source": {"bucket_name": "my-docs", %s}, "target": {"url": "docs.db"}}'
WITHOUT_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
ARN = "arn:aws:sqs:eu-west-1:123456789012:my-docs"
# message -> exit status, arguments, environment; BUCKET and SPEC stand for the test's own.
COMMANDS = {
    'there is no command "..."; did you mean ...?': (2, ["snyc", "BUCKET", "docs.db"], {}),
    "there is no option --...; did you mean --...?": (2, ["ls", "BUCKET", "--inclde", "x"], {}),
    "-...: did you mean --..., with two dashes?": (2, ["ls", "BUCKET", "-include", "x"], {}),
    "... does not take --...": (2, ["sync", "BUCKET", "docs.db", "--deep"], {}),
    "... needs ... (for example: ...)": (2, ["sync"], {}),
    '--... needs a value: --... ...': (2, ["ls", "BUCKET", "--include"], {}),
    '"..." is one word too many for ...': (2, ["sync", "BUCKET", "docs.db", "a.md"], {}),
    'source "...": write s3://BUCKET/PREFIX, or the path of a spec file (*.json)':
        (2, ["sync", "docs.db", "BUCKET"], {}),
    "no target: name one (docs.db, postgresql://HOST/DATABASE, ...)": (2, ["sync", "BUCKET"], {}),
    "target: no kind of target is called ...": (2, ["sync", "BUCKET", "mysql:docs"], {}),
    'unknown field "..."; is "..." meant?': (2, ["sync", "SPEC"], '"prefx": "docs/"'),
    "... is no field of spec files: give it on the command line, --...":
        (2, ["sync", "SPEC"], '"ca_bundle": "x.pem"'),
    "...: a size is wanted: 10485760, 10MB or 10MiB":
        (2, ["ls", "BUCKET", "--max-file-size", "ten"], {}),
    'a duration needs a unit: a string like "30s"': (2, ["sync", "SPEC"], '"refresh_interval": 30'),
    "redis_url is given without redis_channel: name the channel that the events come on":
        (2, ["watch", "BUCKET", "docs.db", "--redis-url", "redis://127.0.0.1"], {}),
    "sqs_queue_url: \"...\" is the queue's ARN: its URL is wanted":
        (2, ["watch", "BUCKET", "docs.db", "--sqs-queue-url", ARN], {}),
    "a Kafka target needs --state FILE": (2, ["sync", "BUCKET", "kafka://127.0.0.1:1/docs"], {}),
    "enqueue: no queue: name it with --sqs-queue-url URL": (2, ["enqueue", "BUCKET"], {}),
    "no credentials found; set AWS_ACCESS_KEY_ID ...": (1, ["ls", "BUCKET"], WITHOUT_KEYS),
    "profile ... is neither in ... nor in ...": (2, ["ls", "BUCKET", "--profile", "nobody"], {}),
    "InvalidAccessKeyId": (1, ["ls", "BUCKET"], {"AWS_ACCESS_KEY_ID": "NOBODY"}),
    "SignatureDoesNotMatch": (1, ["ls", "BUCKET"], {"AWS_SECRET_ACCESS_KEY": "wr0ng-one"}),
    "no scheme: write ...": (2, ["ls", "BUCKET", "--endpoint-url", "minio.example.net:9000"], {}),
    "Could not resolve host": (1, ["ls", "BUCKET", "--retry-time", "1ms", "--endpoint-url",
                                   "http://nowhere.invalid"], {}),
    "Connection refused": (1, ["ls", "BUCKET", "--retry-time", "1ms", "--endpoint-url",
                                        "http://127.0.0.1:1"], {}),
    "HTTP 404 NoSuchBucket": (1, ["ls", "s3://nobodys-bucket"], {}),
    "HTTP 403 AccessDenied": (1, ["ls", "BUCKET", "--no-sign-request"], {}),
    "directory buckets (S3 Express One Zone) are not supported": (2, ["ls", "s3://docs--use1-az4--x-s3"], {}),
    "... is no row: no included pattern matches it":
        (1, ["get", "BUCKET", "a.md", "--include", "*.txt"], {}),
    "... is no row: the bucket has no such object": (1, ["get", "BUCKET", "b.md"], {}),
    "unable to open database file": (1, ["sync", "BUCKET", "nowhere/docs.db"], {}),
    "it exists and bucketable did not make it": (1, ["sync", "BUCKET", "theirs.db"], {}),
    "... holds s3://...: name another table, or drop this one": (1, ["sync", "BUCKET", "other.db"], {}),
    "... rows are to be removed, more than the ... that max_deletes allows: none was; if that is "
    "right, raise it once": (4, ["sync", "BUCKET", "full.db", "--max-deletes", "0"], {}),
    "its column ... is NOT NULL without a default, so no row can be added":
        (1, ["sync", "BUCKET", "strict.db"], {}),
    "use a newer bucketable": (1, ["sync", "BUCKET", "newer.db"], {}),
    "it has lines and its state is new": (1, ["sync", "BUCKET", "jsonl:lines.jsonl"], {}),
    "connect to PostgreSQL: ...":
        (1, ["sync", "BUCKET", "postgresql://x@127.0.0.1:1/x", "--retry-time", "1ms"], {}),
}


@pytest.fixture
def place(bucket, program):
    """Tables with which a sync finds something wrong."""
    bucket.put("a.md", b"text")
    with sqlite3.connect(program.directory / "theirs.db") as theirs:
        theirs.execute("CREATE TABLE objects (id)")
    for name in ("full", "strict", "newer", "other"):
        program("sync", bucket.url, f"{name}.db")
    for name, sql in (("strict", "ALTER TABLE objects ADD COLUMN mine NOT NULL DEFAULT 1"),
                      ("newer", "UPDATE bucketable_tables SET schema_version = 99"),
                      ("other", "UPDATE bucketable_tables SET source = 's3://another-bucket'")):
        with sqlite3.connect(program.directory / f"{name}.db") as table:
            table.execute(sql)
    with sqlite3.connect(program.directory / "strict.db") as table:
        table.executescript("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = "
                            "replace(sql, ' DEFAULT 1', '') WHERE name = 'objects'")
    (program.directory / "lines.jsonl").write_text('{"op":"delete","filename":"x"}\n')
    return program.directory


@marks.minio_only
def test_messages_that_are_provoked(bucket, program, place):
    wrong = [f"not on the page: {message}" for message in COMMANDS.keys() - set(messages())]
    for message, (status, arguments, how) in COMMANDS.items():
        if message.startswith("... rows"):
            bucket.delete("a.md")
        (place / "spec.json").write_text(SPEC % how if isinstance(how, str) else "{}")
        words = {"BUCKET": bucket.url, "SPEC": "spec.json"}
        line = program(*[words.get(word, word) for word in arguments], exits=(0, 1, 2, 3, 4),
                       env=how if isinstance(how, dict) else {})
        if line.exit_code != status or not says(message, line.stderr) \
                or len(line.stderr.splitlines()) != 1:
            wrong.append(f"{message}\n    exit status {line.exit_code}: {line.stderr}")
        if message.startswith("... rows"):
            bucket.put("a.md", b"text")
    assert not wrong, "\n".join(wrong)
