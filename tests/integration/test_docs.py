"""What README.md, CONTRIBUTING.md and docs/ tell to type works; documents.py says how they are read.

The commands of a document in WORLDS are run, in order, by one shell, against real servers.  Those of
other documents are looked at: a command line of the program must be one that it accepts, a target of
make and a file of the project must be there.  A command of any other kind fails the test, until its
document is in WORLDS, its program in ELSEWHERE, or the block says why it is not run.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import aws_cli
import boto3
import documents
import pytest
import servers
import yaml

BUCKET, QUEUE, REGION = "my-docs", "my-docs", "eu-west-1"
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/123456789012/{QUEUE}"
OBJECTS = {f"docs/{name}": f"# {name}\n" for name in
           ("a.md", "intro.md", "new.md", "readme.md", "drafts/plan.md", ".git/config.md")}
SESSION_TIMEOUT_S, START_TIMEOUT_S = 120, 60
PARSED_WITH_AN_ENDPOINT = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "x",
                           "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": REGION}

# document -> what its commands need: an S3 server first; `bucket` and `queue` are made beforehand.
WORLDS = {
    "README.md": ("moto", "bucket", "queue"),
    "docs/aws-from-nothing.md": ("moto",),
    "docs/commands.md": ("moto", "bucket", "queue", "kafka"),
    "docs/from-cocoindex.md": ("moto", "bucket", "queue"),
    "docs/jsonl.md": ("moto", "bucket"),
    "docs/kafka.md": ("moto", "bucket", "kafka"),
    "docs/many-workers.md": ("moto", "bucket", "queue", "postgres"),
    "docs/minio-from-nothing.md": ("live",),
    "docs/monitoring.md": ("moto", "bucket", "queue"),
    "docs/operating.md": ("moto", "bucket"),
    "docs/postgresql.md": ("moto", "bucket", "postgres"),
    "docs/quick-start.md": ("live",),
    "docs/search.md": ("moto", "postgres"),
    "docs/watching.md": ("moto", "bucket", "queue"),
}

# program -> why its commands are not run here.
ELSEWHERE = {
    "make": "the whole project is built or tested: its target is looked up",
    "meson": "a build of the project",
    "tests/run": "the tests that this is one of: the files it names are looked up",
    "bench/run.py": "minutes of measuring",
    "tools/check-model": "a test of its own (model)",
    "tools/fuzz": "minutes of fuzzing",
    "tools/fuzz-keep": "minutes of fuzzing",
    "valgrind": "minutes, and it need not be installed",
    "tools/test-python": "tests, some of which need CocoIndex and others",
    "tests/sim/mutants.py": "minutes of simulation",
    "pip": "the package is built and tested by test_python.py",
    "cc": "the examples are compiled and run by test_library.py",
    "pkg-config": "the library need not be installed for the tests",
    "mc": "MinIO's client is not among the programs of the tests",
    "apt": "installs software as root",
    "apt-get": "installs software as root",
    "sudo": "needs root",
    "systemd-sysusers": "no systemd here",
    "journalctl": "no systemd here",
    "ninja": "a build of the project",
    "tools/install-deps": "installs software as root",
    "git": "the project is at hand",
    "docker": "no containers here",
    "systemctl": "no systemd here",
}

SHIM = """#!/bin/bash
# `watch` goes on in the background, and is there when it is ready.
end_watch() {
    [ -s "$WORK/pid" ] || return 0
    kill -TERM "$(cat "$WORK/pid")"
    tail --pid="$(cat "$WORK/pid")" -s 0.02 -f /dev/null
    rm "$WORK/pid"
}
[ "$1" = end-watch ] && { end_watch; exit; }
[ "$1" = watch ] || exec "$BUCKETABLE" "$@"
end_watch
: > "$WORK/events" # what the last one told is no word of this one
"$BUCKETABLE" "$@" --json > "$WORK/events" 2> "$WORK/messages" < /dev/null &
echo $! > "$WORK/pid"
until grep -q '"event":"ready"' "$WORK/events"; do
    kill -0 $! 2> /dev/null || { cat "$WORK/messages" >&2; rm "$WORK/pid"; exit 1; }
    sleep 0.02
done
"""

AWS = """#!/bin/bash
# The AWS CLI; where a watch is running, what was changed is in the table afterwards.
heard() { grep -cE '"event":"(upsert|delete)"' "$WORK/events"; }
before=0
[ -s "$WORK/pid" ] && before=$(heard)
python3 -IS "$AWS_CLI" "$AWS_CLI_SOCKET" --endpoint-url "$AWS_ENDPOINT_URL" "$@" || exit
[ -s "$WORK/pid" ] && case "$1 $2" in "s3 cp" | "s3 rm" | "s3 mv" | "s3 sync")
    until [ "$(heard)" -gt "$before" ]; do kill -0 "$(cat "$WORK/pid")" || exit 1; sleep 0.02; done ;;
esac
exit 0
"""


def simple_commands(text):
    """The words of each command in a line of shell, those of $(...) first."""
    found, words = [], []
    while match := re.search(r"\$\(([^()]*)\)", text):
        found += simple_commands(match[1])
        text = text[:match.start()] + "VALUE" + text[match.end():]
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars="|&;()<>")
    lexer.whitespace_split = True
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;()"):
            if words:
                found.append(words)
            words = []
        else:
            words.append(word)
    return found


def without_redirection(words):
    at = next((n for n, word in enumerate(words) if set(word) <= set("<>&")), len(words))
    return words[:at]


def program_of(words):
    """The program of a simple command, and its arguments; None for mere assignments."""
    while words and re.match(r"\w+=", words[0]):
        words = words[1:]
    return (words[0] if words else None), without_redirection(words[1:])


def name_of(path):
    return str(path.relative_to(documents.ROOT))


HELPS = {}


def help_of(command):
    if command not in HELPS:
        done = subprocess.run([os.environ["BUCKETABLE_PLAIN"], command, "--help"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        HELPS[command] = done.stdout if done.returncode == 0 else None
    return HELPS[command]


def trouble_with_arguments(arguments):
    """Why the program would refuse a command line, or None."""
    done = subprocess.run([os.environ["BUCKETABLE_PLAIN"], *arguments, "--help"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr.strip()
    if not arguments or arguments[0].startswith("-"):
        return None
    for word in arguments[1:]:
        if re.match(r"--\w", word):
            option = word.partition("=")[0]
            if not re.search(re.escape(option) + r"\b(?!-)", help_of(arguments[0])):
                return f"{arguments[0]} does not take {option}"
    return None


def trouble_elsewhere(program, arguments):
    """What a command of the project names has to be there."""
    if program == "make":
        targets = [word for word in arguments if re.fullmatch(r"[a-z-]+", word)]
        makefile = (documents.ROOT / "Makefile").read_text()
        for target in targets:
            if not re.search(rf"^{target}:", makefile, re.MULTILINE):
                return f"the Makefile has no {target}"
    if "/" in program and not program.startswith(("/", "$", "~")):
        if not (documents.ROOT / program).exists():
            return f"there is no {program}"
    for file in re.findall(r"\btest_\w+\.py", " ".join(arguments)):
        if not (documents.ROOT / "tests/integration" / file).exists():
            return f"there is no {file}"
    return None


def is_program(word):
    return word in ("aws", "export", "psql") or shutil.which(word) is not None or "$" in word


def trouble_with(command, notes, is_run):
    for words in simple_commands(command.text):
        program, arguments = program_of(words)
        if program == "bucketable":
            found = trouble_with_arguments(arguments)
        elif program in ELSEWHERE:
            found = trouble_elsewhere(program, arguments)
        elif program is None or "not run" in notes or is_run and is_program(program):
            found = None
        else:
            found = (f"what {program} does is not tested: fence it as ```text if it is no command, say "
                     "<!-- not run: WHY --> above it, or add the document to WORLDS in test_docs.py")
        if found:
            return found
    return None


def is_elsewhere(command):
    programs = [program_of(words)[0] for words in simple_commands(command.text)]
    return any(program in ELSEWHERE for program in programs)


@pytest.mark.parametrize("path", documents.documents(), ids=name_of)
def test_each_command_is_one(path, tmp_path):
    found = []
    for block in documents.blocks(path):
        is_run = name_of(path) in WORLDS
        if block.language not in documents.LANGUAGES:
            found.append(f"{path.name}:{block.line}: ```{block.language}: name the language: sh, "
                         "console, text, ...")
        for command in block.commands():
            if what := trouble_with(command, block.notes, is_run):
                found.append(f"{path.name}:{command.line}: {command.text}: {what}")
        if what := trouble_with_document(block, tmp_path):
            found.append(f"{path.name}:{block.line}: {what}")
    prose = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    for text in re.findall(r"`bucketable ([a-z][^`]*)`", prose):
        if what := trouble_with_arguments(shlex.split(text)):
            found.append(f"{path.name}: `bucketable {text}`: {what}")
    assert not found, "\n".join(found)


def trouble_with_document(block, directory):
    """A spec file is one that the program takes; Python and YAML can be parsed."""
    try:
        if block.language == "python":
            compile(block.text, "python", "exec")
        elif block.language == "yaml":
            yaml.safe_load(block.text)
        elif block.language == "json" and '"source"' in block.text:
            json.loads(block.text)
            spec = directory / "spec.json"
            spec.write_text(block.text)
            done = subprocess.run(
                [os.environ["BUCKETABLE_PLAIN"], "get", spec, "k", "--retry-time", "1ms"],
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                env={**os.environ, **PARSED_WITH_AN_ENDPOINT})
            if done.returncode == 2:
                return done.stderr.strip()
        elif block.language == "json":
            json.loads(block.text)
    except (SyntaxError, ValueError, yaml.YAMLError) as reason:
        return f"{block.language}: {reason}"
    return None


def test_the_man_page_names_what_the_environment_says():
    page = Path(os.environ["BUCKETABLE_PLAIN"]).with_name("bucketable.1").read_text()
    section = re.sub(r"\\f.", "", page.partition(".SH ENVIRONMENT\n")[2].partition(".SH ")[0])
    variables = set(re.findall(r"\b[A-Z][A-Z0-9_]{7,}\b", section))
    assert {"AWS_PROFILE", "AWS_ENDPOINT_URL", "REDISCLI_AUTH", "PGPASSWORD"} <= variables
    documents_text = "".join(path.read_text() for path in documents.documents())
    assert [name for name in sorted(variables) if name not in documents_text] == []
    if shutil.which("man"):
        shown = subprocess.run(["man", "--warnings", "-l", "-"], input=page, text=True,
                               capture_output=True, env={**os.environ, "MANWIDTH": "80"})
        assert shown.returncode == 0 and shown.stderr == ""


class World:
    """The servers of one document, a home directory, and what stands in the document for them."""

    def __init__(self, all_servers, needs, directory, aws):
        self.all_servers, self.needs = all_servers, needs
        self.server = all_servers.get(needs[0])
        self.directory = directory
        work, home, programs = (directory / name for name in ("work", "home", "programs"))
        for made in (work, home, programs):
            made.mkdir()
        for name, text in (("bucketable", SHIM), ("aws", AWS)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.env = {
            "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8",
            "WORK": str(work), "BUCKETABLE": os.environ["BUCKETABLE"],
            "AWS_CLI": str(Path(aws_cli.__file__)), "AWS_CLI_SOCKET": str(aws),
            "AWS_ENDPOINT_URL": self.server.url, "AWS_ACCESS_KEY_ID": self.server.access_key,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_key, "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true",
            "REPOSITORY": str(documents.ROOT),
            "ASAN_OPTIONS": "exitcode=99:detect_leaks=1",
            "UBSAN_OPTIONS": "exitcode=99:print_stacktrace=1:halt_on_error=1",
        }
        # What is longer comes first: it may have the shorter in it.
        self.instead = {
            "http://127.0.0.1:9000": self.server.url, "https://minio.example.net:9000": self.server.url,
            "AWS_ACCESS_KEY_ID=admin": f"AWS_ACCESS_KEY_ID={self.server.access_key}",
            "AWS_SECRET_ACCESS_KEY=a-long-password":
                f"AWS_SECRET_ACCESS_KEY={self.server.secret_key}",
            "--sqs-queue-url URL": f"--sqs-queue-url {QUEUE_URL}", "--listen :9100":
                f"--listen :{servers.free_port()}",
        }
        if needs[0] == "live":
            self.instead["127.0.0.1:6379"] = f"127.0.0.1:{all_servers.get('redis').port}"

    def prepare(self):
        for need in self.needs[1:]:
            getattr(self, need)()

    def client(self, service):
        region = "us-east-1" if service == "s3" and self.server.name != "moto" else REGION
        return boto3.client(service, endpoint_url=self.server.url, region_name=region,
                            aws_access_key_id=self.server.access_key,
                            aws_secret_access_key=self.server.secret_key)

    def bucket(self):
        self.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        for key, body in OBJECTS.items():
            self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body.encode())

    def queue(self):
        arn = f"arn:aws:sqs:{REGION}:123456789012:{QUEUE}"
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
             "Action": "sqs:SendMessage", "Resource": arn}]}
        self.client("sqs").create_queue(QueueName=QUEUE, Attributes={"Policy": json.dumps(policy)})
        self.client("s3").put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [
                {"Id": "all", "QueueArn": arn,
                 "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]})

    def postgres(self):
        found = self.all_servers.get("postgres")
        if not found.sql("SELECT 1 FROM pg_roles WHERE rolname = 'app'"):
            found.sql("CREATE ROLE app LOGIN PASSWORD 'pa55word-of-app'")
        for name in ("app", "docs"):
            found.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            found.sql(f"CREATE DATABASE {name} OWNER app")
        # libpq asks no name server for the host of a URL when it is told the address.
        self.env.update(PGHOSTADDR="127.0.0.1", PGPORT=str(found.port), PGPASSWORD="pa55word-of-app")

    def kafka(self):
        brokers = self.all_servers.get("kafka").brokers
        self.instead.update({"broker1:9092,broker2:9092": brokers, "broker1:9092": brokers,
                             "broker:9092": brokers})

    def words(self, text):
        for theirs, ours in self.instead.items():
            text = text.replace(theirs, ours)
        return text

    def close(self):
        for service, listing, key, delete in (
                ("sqs", "list_queues", "QueueUrls", lambda c, url: c.delete_queue(QueueUrl=url)),
                ("s3", "list_buckets", "Buckets", self.remove_bucket)):
            if service == "sqs" and self.server.name != "moto":
                continue
            client = self.client(service)
            for one in getattr(client, listing)().get(key, []):
                delete(client, one)

    @staticmethod
    def remove_bucket(client, one):
        if one["Name"] != BUCKET:
            return
        for found in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            client.delete_object(Bucket=BUCKET, Key=found["Key"])
        client.delete_bucket(Bucket=BUCKET)


def script_of(path, world):
    """All that is run of a document as one script, and what each line must print."""
    parts, expected = ["set -o pipefail", "trap 'bucketable end-watch' EXIT"], {}
    for block in documents.blocks(path):
        if "file" in block.notes:
            parts.append(f"cat > {block.notes['file']} <<'END OF FILE'\n{world.words(block.text)}"
                         "END OF FILE")
        if "not run" in block.notes:
            continue
        if "before" in block.notes:
            parts.append(f"{world.words(block.notes['before'])} || exit")
        commands = [one for one in block.commands() if not is_elsewhere(one)]
        for command in commands:
            status = int(block.notes.get("exits", 0)) if command is commands[-1] else 0
            text = world.words(command.text)
            if command.output is not None:
                expected[command.line] = "\n".join(command.output)
                text = f"{{ {text}\n}} > \"$WORK/out.{command.line}\" 2>&1"
            parts.append(f"echo '== line {command.line}'\n{text}\nstatus=$?\n"
                         f"[ $status = {status} ] || {{ cat \"$WORK/out.{command.line}\" "
                         f"2> /dev/null; echo \"line {command.line}: exit status $status instead of "
                         f"{status}\"; exit 1; }}")
    return "\n".join(parts) + "\n", expected


def differs(expected, printed):
    """`...` stands for anything."""
    pattern = ".*?".join(map(re.escape, expected.split("...")))
    return not re.fullmatch(pattern, printed.rstrip("\n"), re.DOTALL)


def run(script, world):
    place = world.directory / "place"
    place.mkdir()
    process = subprocess.Popen(["bash", "-c", script], cwd=place, env=world.env,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        printed, _ = process.communicate(timeout=SESSION_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        printed = f"still running after {SESSION_TIMEOUT_S} s\n{process.communicate()[0]}"
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    assert process.returncode == 0, printed
    return printed


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """The socket of the AWS CLI."""
    path = tmp_path_factory.mktemp("aws") / "socket"
    with subprocess.Popen([sys.executable, aws_cli.__file__, path], stdin=subprocess.PIPE,
                          preexec_fn=servers.die_with_parent) as process:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not path.exists():
            assert process.poll() is None and time.monotonic() < deadline, "no AWS CLI"
            time.sleep(0.02)
        yield path
        process.stdin.close()


@pytest.mark.parametrize("name", WORLDS)
def test_the_commands_of(name, all_servers, aws, tmp_path):
    path = documents.ROOT / name
    for program in ("jq", "sqlite3", "kcat"):
        if re.search(rf"\b{program}\b", path.read_text()) and not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    world = World(all_servers, WORLDS[name], tmp_path, aws)
    try:
        world.prepare()
        script, expected = script_of(path, world)
        run(script, world)
        for line, text in expected.items():
            printed = (tmp_path / "work" / f"out.{line}").read_text()
            assert not differs(text, printed), f"{name}:{line}:\n{text}\nprinted:\n{printed}"
    finally:
        world.close()
