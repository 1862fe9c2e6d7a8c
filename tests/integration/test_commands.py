"""`ls`, `get` and the options that all commands have."""

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


@minio_only
def test_a_table_name_needs_no_luck(bucket, program, db):
    bucket.put("a", b"1")
    program("sync", bucket.url, db, "--table", 'odd "name"; --')
    assert table.query(db, 'SELECT content FROM "odd ""name""; --"') == [(b"1",)]
