"""`ls`, `get` and the options that all commands have."""

import json
import re

import pytest
import table
from marks import minio_only


@pytest.fixture
def filled(bucket):
    bucket.put_all({"docs/a.md": "alpha", "docs/b.txt": "beta!", "docs/sub/": "",
                    "docs/sub/c.md": "gamma", "other": "x" * 2000})
    return bucket


def test_ls_shows_size_time_key(filled, program):
    lines = program("ls", filled.url).stdout.decode().splitlines()
    items = {item["Key"]: item for item in filled.listing()}
    assert [line.split()[-1] for line in lines] == [
        "docs/a.md", "docs/b.txt", "docs/sub/c.md", "other"]
    for line in lines:
        size, time = line.split()[0], " ".join(line.split()[1:-1])
        item = items[line.split()[-1]]
        assert int(size) == item["Size"]
        assert item["LastModified"].strftime("%Y-%m-%d") in time
        assert item["LastModified"].strftime("%H:%M:%S") in time


def test_ls_lists_the_objects_that_are_rows(filled, program):
    out = program("ls", "-0", f"{filled.url}/docs/", "--include", "**/*.md").stdout
    assert out == b"docs/a.md\0docs/sub/c.md\0"
    assert program("ls", f"{filled.url}/absent/").stdout == b""


def test_ls_json(filled, program):
    objects = program("ls", "--json", filled.url).json_lines()
    items = {item["Key"]: item for item in filled.listing()}
    assert [found["filename"] for found in objects] == [
        "docs/a.md", "docs/b.txt", "docs/sub/c.md", "other"]
    for found in objects:
        item = items[found["filename"]]
        assert set(found) == {"filename", "size", "last_modified", "etag"}
        assert found["size"] == item["Size"]
        assert found["etag"] == item["ETag"].strip('"')
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", found["last_modified"])
        assert found["last_modified"].startswith(
            item["LastModified"].strftime("%Y-%m-%dT%H:%M:%S"))


def test_ls_reads_no_object(filled, program, proxy):
    program("ls", filled.url, env=proxy.env())
    assert proxy.object_reads() == []


def test_get_prints_one_row_and_nothing_else(filled, program):
    result = program("get", filled.url, "docs/a.md")
    assert (result.stdout, result.stderr) == (b"alpha", "")


@pytest.mark.parametrize("key, options, rule", [
    ("docs/none.md", (), "none"),
    ("docs/sub/", (), "directory"),
    ("other", ("--prefix", "docs/"), "prefix"),
    ("docs/b.txt", ("--include", "**/*.md"), "includ"),
    ("docs/a.md", ("--exclude", "docs"), "exclud"),
    ("other", ("--max-file-size", "100"), "size"),
])
def test_get_says_which_rule_makes_a_key_no_row(filled, program, key, options, rule):
    line = program("get", filled.url, key, *options, exits=1).error()
    assert rule in line


def test_quiet_says_nothing(filled, program, db):
    result = program("sync", "-q", filled.url, db)
    assert (result.stdout, result.stderr) == (b"", "")


def test_messages_go_to_stderr_and_data_to_stdout(filled, program, db):
    assert program("sync", filled.url, db).stdout == b""
    assert b"\r" not in program("sync", filled.url, db).stderr.encode(), "a bar without a terminal"


@pytest.mark.parametrize("server", ["moto"], indirect=True)
class TestWithoutABucket:
    def test_version(self, program):
        assert re.fullmatch(r"bucketable \d+\.\d+\.\d+.*\n", program("--version").stdout.decode())

    def test_help(self, program):
        text = program("--help").stdout.decode()
        for command in ("sync", "ls", "get"):
            assert re.search(rf"^\s+{command}\b", text, re.MULTILINE)

    @pytest.mark.parametrize("command", ["sync", "ls", "get"])
    def test_help_of_a_command(self, program, command):
        result = program(command, "--help")
        assert command in result.stdout.decode() and result.stderr == ""

    @pytest.mark.parametrize("command", ["sync", "watch", "verify", "setup"])
    def test_help_is_wrapped_and_aligned(self, program, command):
        lines = program(command, "--help").stdout.decode().splitlines()
        options = lines[lines.index("Options of all commands:"):]
        assert max(map(len, options)) <= 80
        for line in options:
            if line.startswith("   "):
                assert re.match(r" {33}\S", line), line
            elif len(line) > 33:
                assert re.match(r"  -.{29} \S", line) or not line.startswith(" "), line

    def test_what_is_asked_for_and_cannot_be_printed_is_an_error(self, program):
        for words in (["--version"], ["sync", "--help"], ["schema"]):
            with open("/dev/full", "w") as full:
                result = program(*words, exits=1, stdout=full)
            assert "write to stdout" in result.error(), words

    @pytest.mark.parametrize("words, line", [
        (["ls", "--json=yes"], "--json takes no value"),
        (["ls", "--deep=yes"], "--deep takes no value"),
        (["ls", "--progress", "often"], '--progress: "often" is none of auto, always, never'),
        (["ls", "--log-format=xml"], '--log-format: "xml" is none of text, json'),
        (["ls", "--log-format=js"], '--log-format: "js" is none of text, json'),
        (["ls", "-x"], "there is no option -x"),
        (["ls", "-q0x"], "there is no option -x"),
        (["ls", "-include", "*.md"], "-include: did you mean --include, with two dashes?"),
        (["ls", "--region"], "--region needs a value: --region REGION"),
        (["watch", "--listen"], "--listen needs a value: --listen ADDR:PORT"),
        (["ls", "s3://b", "--apply"], "ls does not take --apply"),
        (["ls", "s3://b", "--no-sign-request=maybe"], "no_sign_request"),
        (["get", "s3://b", "key", "more"], '"more" is one word too many for get'),
        (["--", "--ls"], 'there is no command "--ls"'),
    ])
    def test_a_wrong_command_line(self, program, words, line):
        assert line in program(*words, exits=2).error()

    def test_errors_are_json_where_that_is_asked_for_before(self, program):
        result = program("--log-format", "json", "ls", "--apply", "s3://b", exits=2)
        assert "ls does not take --apply" in json.loads(result.stderr)["message"]

    def test_an_option_without_a_meaning_for_the_command_is_warned_of(self, program):
        """It may have been meant for `watch`, or to change what this command prints."""
        result = program("schema", "--refresh-interval", "30s", "--refresh-interval=40s",
                         "--include", "*.md")
        assert result.json()["title"] and result.stderr == (
            "bucketable: warning: schema makes no use of --refresh-interval, --include; "
            "bucketable schema --help lists what it takes\n")

    def test_which_is_nothing_beside_an_error(self, program):
        line = program("sync", "s3://b", "docs.db", "--redis-url", "redis://127.0.0.1", exits=2).error()
        assert "redis_channel" in line


@minio_only
def test_a_spec_file_does_for_all_commands(bucket, program):
    (program.directory / "spec.json").write_text(json.dumps({
        "source": {"bucket_name": bucket.name, "refresh_interval": "30s", "columns": ["etag"]},
        "target": {"url": "docs.db"}}))
    bucket.put("a", b"1")
    result = program("ls", "spec.json")
    assert result.stdout.endswith(b" a\n") and result.stderr == ""
    result = program("ls", "spec.json", "--columns", "size")
    assert "ls makes no use of --columns" in result.stderr


@minio_only
def test_a_table_name_needs_no_luck(bucket, program, db):
    bucket.put("a", b"1")
    program("sync", bucket.url, db, "--table", 'odd "name"; --')
    assert table.query(db, 'SELECT content FROM "odd ""name""; --"') == [(b"1",)]
