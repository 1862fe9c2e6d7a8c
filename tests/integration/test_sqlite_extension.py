"""The extension for SQLite in its real hosts: what it answers, and what it asks the bucket for."""

import random
import signal
import time

import pytest
from marks import minio_only
from faulty import stub  # noqa: F401  a fixture
from sqlite_shell import PLAIN, Shell, python

DECLARE = "CREATE VIRTUAL TABLE docs USING bucketable('s3://bucket'); "
MARCH = "docs/2024/03/"


@pytest.fixture
def shell(stub, tmp_path):  # noqa: F811
    return Shell(stub.environment(), tmp_path)


@pytest.fixture
def filled(stub):  # noqa: F811
    """Three months of three sizes, and what lies around them."""
    for month in ("02", "03", "04"):
        for day in range(1, 11):
            stub.put(f"docs/2024/{month}/{day:02}.md", "x" * (day * 100))
    for key in ("a.md", "docs/2023/old.md", "docs/readme.md", "zoo.md"):
        stub.put(key, key)
    stub.reset_stats()
    return stub


def asked(server):
    """What was asked: how many pages, which objects."""
    requests = server.requests()
    return ([request["query"] for request in requests if request["op"] == "list"],
            [request["key"] for request in requests if request["op"] == "get"])


def test_columns(filled, shell):
    rows = shell.rows(DECLARE + "SELECT * FROM docs WHERE filename BETWEEN 'docs/2024/03/01' "
                                "AND 'docs/2024/03/02.md' ORDER BY filename")
    assert [row[:3] for row in rows] == [(MARCH + "01.md", "x" * 100, 100),
                                         (MARCH + "02.md", "x" * 200, 200)]
    assert all(row[3].endswith("Z") and len(row[4]) == 32 and row[5] == "STANDARD" for row in rows)


# Where, pages asked for, and words of the first one's query.
NARROW = [
    ("filename = 'docs/readme.md'", 1, "prefix=docs%2Freadme.md"),
    ("filename = 'docs/none.md'", 1, "prefix=docs%2Fnone.md"),
    ("filename IN ('a.md', 'zoo.md', 'none')", 3, "prefix="),
    ("filename = 'a.md' OR filename = 'zoo.md'", 2, "prefix="),
    ("filename BETWEEN 'docs/2024/03/' AND 'docs/2024/03/~'", 1, "prefix=docs%2F2024%2F03%2F"),
    ("filename > 'docs/2024/03/05.md' AND filename < 'docs/2024/04'", 1, "prefix=docs%2F2024%2F0"),
    ("filename >= 'docs/r'", 1, "start-after=docs%2Fq"),
    ("filename GLOB 'docs/2024/03/*'", 1, "prefix=docs%2F2024%2F03%2F"),
    ("filename GLOB 'docs/2024/0[34]/*1.md'", 1, "prefix=docs%2F2024%2F0"),
    ("filename LIKE '2024/%'", 1, "prefix=2024%2F"),
    ("filename = NULL", 0, ""),
    ("filename < ''", 0, ""),
    ("filename > NULL", 0, ""),
    ("size > NULL", 0, ""),
]


@pytest.mark.parametrize("where, pages, words", NARROW)
def test_a_condition_narrows_the_listing(filled, shell, where, pages, words):
    """One page of it would hold the whole bucket: so it is the query that tells."""
    shell.run(DECLARE + f"SELECT filename, size FROM docs WHERE {where}")
    lists, gets = asked(filled)
    assert len(lists) == pages and not gets
    assert not lists or words in lists[0]


def test_letters_of_like_that_the_table_knows_are_exact(filled, shell):
    declare = DECLARE.replace("s3://bucket", "s3://bucket/docs/")
    found = shell.run(declare + "SELECT count(*) FROM docs WHERE filename LIKE 'docs/2024/03/%'")
    assert found == "10\n"
    lists, _ = asked(filled)
    assert len(lists) == 1 and "prefix=docs%2F2024%2F03%2F" in lists[0]


def test_like_jumps_over_what_lies_between_its_cases(stub, shell):  # noqa: F811
    """Between DOCS/ and docs/ lie thousands of keys that no case of docs/ is."""
    for i in range(2200):
        stub.put(f"Data/{i:05}", "x")
    wanted = [*(f"DOCS/{i}" for i in range(9)), "DoCs/2", "docs/3", "docs/9"]
    for key in (*wanted, "docs0"):
        stub.put(key, "x")
    stub.reset_stats()
    found = shell.run(DECLARE + "SELECT filename FROM docs WHERE filename LIKE 'docs/%' "
                                "ORDER BY filename")
    assert found.split() == wanted
    assert len(asked(stub)[0]) <= 4
    shell.run(DECLARE + "SELECT sum(length(content)) FROM docs WHERE filename LIKE 'docs/%'")
    assert sorted(asked(stub)[1]) == wanted


def test_contents_are_read_of_rows_that_are_looked_at(filled, shell):
    for select, reads in [("count(*) FROM docs", 0),
                          ("count(*) FROM docs WHERE size > 500", 0),
                          ("sum(size), max(etag) FROM docs", 0),
                          ("sum(length(content)) FROM docs WHERE size > 900", 3),
                          ("sum(length(content)) FROM docs WHERE size BETWEEN 300 AND 399.5", 3),
                          ("count(content) FROM docs WHERE filename GLOB 'docs/2024/03/*'", 10),
                          ("count(content) FROM docs WHERE storage_class = 'GLACIER'", 0),
                          ("count(content) FROM docs WHERE last_modified < '2000'", 0)]:
        filled.reset_stats()
        shell.run(DECLARE + "SELECT " + select)
        assert filled.stats()["get_requests"] == reads, select


def test_one_content_is_one_request(filled, shell):
    assert shell.run(DECLARE + "SELECT length(content) FROM docs "
                               f"WHERE filename = '{MARCH}07.md'") == "700\n"
    assert asked(filled) == ([], [MARCH + "07.md"])
    filled.reset_stats()
    assert shell.run(DECLARE + "SELECT content FROM docs WHERE filename = 'none'") == ""
    assert asked(filled) == ([], ["none"])
    filled.reset_stats()
    rows = shell.run(
        DECLARE + "CREATE TABLE t(k); INSERT INTO t VALUES ('a.md'), ('none'), ('zoo.md');"
                  "SELECT k, content FROM t JOIN docs ON filename = k")
    assert rows.split() == ["a.md|a.md", "zoo.md|zoo.md"]
    assert asked(filled) == ([], ["a.md", "none", "zoo.md"])


def test_limit_stops_early(tmp_path):
    from faulty import start_stub
    with start_stub(keys=20_000, shape="flat", etag="cheap") as big:
        shell = Shell(big.environment(), tmp_path)
        for order in ("", "ORDER BY filename "):
            big.reset_stats()
            found = shell.run(DECLARE + f"SELECT filename FROM docs {order}LIMIT 3 OFFSET 2")
            assert found.split() == [f"object-{i:09}.txt" for i in (2, 3, 4)]
            lists, _ = asked(big)
            assert len(lists) == 1 and "max-keys=5" in lists[0]
        big.reset_stats()
        shell.run(DECLARE + "SELECT length(content) FROM docs LIMIT 10")
        lists, gets = asked(big)
        assert len(lists) == 1 and len(gets) == 10
        # All pages, in any order and several at a time: few more than there are.
        big.reset_stats()
        assert shell.run(DECLARE + "SELECT count(*) FROM docs") == "20000\n"
        assert len(asked(big)[0]) <= 40


def test_order_by_is_the_order_of_the_listing(filled, shell):
    def plan(order):
        return shell.run(DECLARE + f"EXPLAIN QUERY PLAN SELECT filename FROM docs ORDER BY {order}")
    for order in ("filename", "filename ASC, size DESC", "filename COLLATE BINARY"):
        assert "TEMP B-TREE" not in plan(order) and "in key order" in plan(order)
    for order in ("filename DESC", "filename COLLATE NOCASE", "size"):
        assert "TEMP B-TREE" in plan(order)
    keys = shell.run(DECLARE + "SELECT filename FROM docs ORDER BY filename").split()
    assert keys == sorted(keys) and len(keys) == 34


def test_the_plan_is_shown_in_words(filled, shell):
    said = shell.run(DECLARE + "EXPLAIN QUERY PLAN SELECT content FROM docs WHERE filename "
                               ">= 'docs/' AND size < 10 ORDER BY filename")
    assert "list filename>=? AND size<?, in key order, reading content" in said
    said = shell.run(DECLARE + "EXPLAIN QUERY PLAN SELECT content FROM docs WHERE filename = 'a'")
    assert "get filename=?" in said


ODD_KEYS = ["Docs/A.md", "DOCS/a.MD", "docs/a.md", "docs/b%c", "docs/b_c", "docs/é", "docs/É",
            "docs/ß", "docs/K", "docs/k", "docs/\u212a", "docs/[x]", "docs/*", "d", "D", "e", "docs",
            "docs0", "docs.", "docs//x", "docs/2024", "docs/2024/", "Docs/2024/1", "docs/2024/1",
            "docs/\U0001f600", "docs/\ufffd", "docs/'q'", "doc", "DOC", "dOCS/1", "docs/a/b/c", "~"]
LITERALS = ["docs/", "DOCS/", "Docs/a", "docs/2024/", "d", "D", "e", "", "docs/é", "docs/\u212a",
            "docs/K", "docs/[x]", "docs/a.md", "docs/b%", "docs/b_c", "~", "docs/\ufffd", "docs0"]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def condition(rng):
    literal = rng.choice(LITERALS)
    kind = rng.randrange(7)
    if kind == 0:
        return f"filename LIKE {quoted(literal + rng.choice(['%', '%a%', '_%', '']))}"
    if kind == 1:
        return f"filename GLOB {quoted(literal + rng.choice(['*', '*[a-c]*', '?', '']))}"
    if kind == 2:
        return f"size {rng.choice(['<', '<=', '>', '>=', '='])} {rng.choice([0, 3, 5.5, -1, 9, 'NULL'])}"
    if kind == 3:
        return f"filename {rng.choice(['=', '<>', 'IS'])} {quoted(literal)}"
    if kind == 4:
        return f"filename BETWEEN {quoted(literal)} AND {quoted(rng.choice(LITERALS))}"
    if kind == 5:
        return rng.choice(["filename > 5", "filename < x'ff'", "filename LIKE 5", "size = '3'",
                           "size > '2'", "etag > 'a'", "etag = ''", "last_modified > '2001-01'",
                           "storage_class = 'STANDARD'", "filename IN ('d', 'docs/K', 'none')",
                           "filename COLLATE NOCASE = 'docs/a.md'", "size BETWEEN 1 AND 1e1",
                           "filename COLLATE NOCASE > 'docs'", "filename NOT LIKE 'docs/%'"])
    return f"filename {rng.choice(['<', '<=', '>', '>='])} {quoted(literal)}"


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le"])
def test_answers_are_those_of_an_ordinary_table(stub, shell, encoding):  # noqa: F811
    """Random conditions, against a copy that SQLite looks through by itself."""
    for i, key in enumerate(ODD_KEYS):
        stub.put(key, "x" * (i % 11))
    rng = random.Random(7)
    script = f"PRAGMA encoding = '{encoding}'; {DECLARE}"
    script += ("CREATE TABLE copy AS SELECT filename, size, last_modified, etag, storage_class, "
               "content FROM docs;")
    queries = []
    for _ in range(150):
        where = rng.choice([" AND ", " AND ", " OR "]).join(
            condition(rng) for _ in range(rng.randrange(1, 4)))
        columns = rng.choice(["filename", "filename, size", "filename, content"])
        tail = rng.choice(["", " ORDER BY filename", " ORDER BY filename DESC LIMIT 4",
                           " ORDER BY filename LIMIT 5 OFFSET 1"])
        queries.append(f"SELECT {columns} FROM @ WHERE {where}{tail}")
    for query in queries:
        for table in ("docs", "copy"):
            inner = query.replace("@", table)
            if "ORDER BY" not in inner:
                inner += " ORDER BY filename, size" if rng.random() < 0.5 else " ORDER BY +filename"
            script += f"SELECT quote(group_concat(hex(filename))) FROM ({inner});"
    lines = shell.run(script).splitlines()
    assert len(lines) == 2 * len(queries)
    answers = 0
    for i, query in enumerate(queries):
        assert lines[2 * i] == lines[2 * i + 1], query
        answers += lines[2 * i] != "NULL"
    assert answers > 60


@pytest.mark.parametrize("pattern", [
    "'docs/' || char(65534)", "'docs/' || char(65535)",  # read as U+FFFD
    "CAST(x'646f63732feda080' AS TEXT)",  # a surrogate: that, too
    "CAST(x'646f63732fc3a980' AS TEXT)",  # a byte too many makes another character of it
])
def test_characters_that_sqlite_reads_as_others_narrow_nothing(stub, shell, pattern):  # noqa: F811
    for key in ["docs/\ufffd1", "docs/\u3a401", "docs/é1"]:
        stub.put(key, "x")
    found = shell.run(DECLARE + "CREATE TABLE copy AS SELECT filename FROM docs;" + "".join(
        f"SELECT group_concat(filename) FROM {table} WHERE filename {how};"
        for how in (f"LIKE {pattern} || '%'", f"GLOB {pattern} || '*'")
        for table in ("docs", "copy"))).splitlines()
    assert found[0] == found[1] != "" and found[2] == found[3] != ""


def test_an_object_that_cannot_be_read(filled, shell):
    filled.fault({"status": 403, "code": "AccessDenied"}, op="get", key_prefix="docs/readme")
    select = "SELECT filename, length(content), error FROM docs WHERE filename GLOB 'docs/[2r]*e*.md'"
    said = shell.fails(DECLARE + select)
    assert "docs/readme.md" in said and "AccessDenied" in said
    declare = DECLARE.replace("')", "', on_error='null')")
    rows = shell.rows(declare + select)
    assert len(rows) == 1 and rows[0][1] is None and "AccessDenied" in rows[0][2]
    # The reason can be asked for without failing.
    rows = shell.rows(DECLARE + "SELECT filename FROM docs WHERE error IS NOT NULL")
    assert rows == [("docs/readme.md",)]
    assert "AccessDenied" in shell.fails(
        DECLARE + "SELECT content FROM docs WHERE filename = 'docs/readme.md'")


def test_an_object_that_has_gone_since_it_was_listed(filled, shell):
    filled.fault({"mutate": "delete"}, op="get", key_prefix=MARCH + "05")
    rows = shell.rows(DECLARE + "SELECT filename, length(content), error FROM docs "
                                f"WHERE filename GLOB '{MARCH}0[456]*'")
    assert [row[1] for row in rows] == [400, None, 600]
    assert "no such object" in rows[1][2]


def test_text_and_bytes(stub, shell):  # noqa: F811
    stub.put("bad", b"a\xffb")
    stub.put("nul", b"a\0b")
    stub.put("utf16", "\ufeffgrün".encode("utf-16-le"))

    def hexes(*arguments):
        declare = DECLARE.replace("')", "', " + ", ".join(arguments) + ")") if arguments else DECLARE
        return shell.run(declare + "SELECT typeof(content), hex(content) FROM docs "
                                   "ORDER BY filename").split()
    assert hexes() == ["text|61EFBFBD62", "text|610062", "text|" + "grün".encode().hex().upper()]
    assert hexes("text_errors=bytes")[0] == "blob|61FF62"
    assert hexes("binary=true")[1] == "blob|610062"
    strict = DECLARE.replace("')", "', text_errors='strict')")
    assert "bad is no row: not valid UTF-8" in shell.fails(
        strict + "SELECT content FROM docs WHERE filename = 'bad'")


@minio_only
def test_against_minio(bucket, server, tmp_path):
    bodies = {key: f"body of {key}" for key in
              ["a b+c.md", "docs/ü.md", "docs/x/1.md", "docs/x/2.txt", "x&y<z>'\"", "dir/"]}
    bucket.put_all(bodies)
    bucket.put("meta.md", "m", ContentType="text/markdown", Metadata={"lang": "de"})
    environment = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_REGION": "us-east-1",
                   "AWS_SECRET_ACCESS_KEY": server.secret_key, "AWS_ENDPOINT_URL": server.url,
                   "AWS_EC2_METADATA_DISABLED": "true"}
    shell = Shell(environment, tmp_path, database=tmp_path / "my.db")
    shell.run(f"CREATE VIRTUAL TABLE docs USING bucketable(bucket_name='{bucket.name}', "
              "columns='content_type,metadata')")
    listed = {item["Key"]: item for item in bucket.listing() if not item["Key"].endswith("/")}
    rows = shell.rows("SELECT filename, CAST(content AS TEXT), size, etag FROM docs ORDER BY filename")
    assert [row[0] for row in rows] == sorted(listed)
    for key, content, size, etag in rows:
        assert content == bodies.get(key, "m")
        assert (size, etag) == (listed[key]["Size"], listed[key]["ETag"].strip('"'))
    assert shell.rows("SELECT content_type, metadata FROM docs WHERE filename = 'meta.md'") == [
        ("text/markdown", '{"lang":"de"}')]
    assert shell.run("SELECT count(*) FROM docs WHERE filename LIKE 'docs/%'") == "3\n"
    assert shell.run(f"SELECT count(*) FROM bucketable('{bucket.url}/docs/', "
                     "'{\"included_patterns\": [\"**/*.md\"]}')") == "2\n"


REFUSED = [
    ("'s3://bucket', included_paterns='*'", "is included_patterns meant?"),
    ("'s3://bucket', secret_access_key='hush-hush'", "the database file would keep it"),
    ("'s3://bucket', aws_session_token='hush-hush'", "profile='NAME'"),
    ("'s3://bucket', redis_url='redis://:hush-hush@h'", "the database file would keep it"),
    ("'s3://bucket', endpoint_url='http://me:hush-hush@h'", "must not hold a user or password"),
    ("'s3://bucket', sqs_queue_url='https://q'", "sync"),
    ("'s3://bucket', table='x'", "sync"),
    ("'s3://bucket', max_file_size='ten'", "max_file_size"),
    ("'s3://bucket', included_patterns='['", "included_patterns"),
    ("'s3://bucket', on_error='maybe'", "fail or null"),
    ("'s3://bucket', binary='true", "binary"),
    ("'s3://bucket', 'x'", "without a name"),
    ("prefix='x/'", "no bucket"),
    ("", "no bucket"),
]


@pytest.mark.parametrize("arguments, says", REFUSED)
def test_arguments_that_are_refused(shell, arguments, says):
    # A quote that is not closed ends no statement: the shell says so itself.
    said = shell.fails(f"CREATE VIRTUAL TABLE docs USING bucketable({arguments});\n"
                       "SELECT 'x' FROM sqlite_schema;")
    assert says in said or "incomplete" in said or "unrecognized" in said
    assert "hush-hush" not in said


def test_it_is_read_only(filled, shell):
    for statement in ("DELETE FROM docs", "INSERT INTO docs(filename) VALUES ('x')",
                      "UPDATE docs SET content = ''"):
        assert "table docs may not be modified" in shell.fails(DECLARE + statement)


def test_a_database_opens_without_the_bucket(filled, tmp_path):
    shell = Shell(filled.environment(), tmp_path, database=tmp_path / "my.db")
    shell.run(DECLARE + "CREATE VIEW big AS SELECT filename FROM docs WHERE size > 900")
    assert shell.run("SELECT count(*) FROM big") == "3\n"
    shell.env["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    assert shell.run("SELECT count(*) FROM sqlite_schema") == "2\n"
    assert "127.0.0.1 port 9" in shell.fails("SELECT count(*) FROM docs")
    shell.run("DROP TABLE docs")


def test_a_bucket_that_is_not_there(filled, shell):
    declare = DECLARE.replace("s3://bucket", "s3://other")
    assert "NoSuchBucket" in shell.fails(declare + "SELECT count(*) FROM docs")
    assert "NoSuchBucket" in shell.fails(declare + "SELECT content FROM docs WHERE filename = 'x'")


def test_the_function(filled, shell):
    assert shell.run("SELECT count(*), max(source) FROM bucketable('s3://bucket/docs/2024/03')") \
        == "10|s3://bucket/docs/2024/03\n"
    found = shell.run(
        "CREATE TABLE b(url); INSERT INTO b VALUES ('s3://bucket/docs/2024/02/'), "
        "('s3://bucket/docs/2024/03/'); SELECT url, count(*), sum(length(content)) FROM b "
        "JOIN bucketable(url) GROUP BY url ORDER BY url")
    assert found.split() == [f"s3://bucket/docs/2024/0{i}/|10|5500" for i in (2, 3)]
    assert shell.run("SELECT filename FROM bucketable('s3://bucket', '{\"max_file_size\": 6, "
                     "\"excluded_patterns\": [\"zoo*\"]}')") == "a.md\n"
    assert 'is "prefix" meant' in shell.fails("SELECT * FROM bucketable('s3://bucket', "
                                            "'{\"prefixx\": \"a\"}')")
    assert "s3://bucket/prefix" in shell.fails("SELECT * FROM bucketable")
    assert "wanted" in shell.fails("SELECT * FROM bucketable(NULL)")


def test_two_walks_of_one_table_at_once(filled, shell):
    found = shell.run(DECLARE + "SELECT count(*), sum(length(a.content) = length(b.content)) FROM "
                                f"docs a JOIN docs b WHERE a.filename GLOB '{MARCH}*' "
                                f"AND b.filename GLOB '{MARCH}*'")
    assert found == "100|10\n"


def test_a_value_that_sqlite_cannot_hold(filled, shell):
    said = shell.fails(DECLARE + "\n.limit length 500\nSELECT length(content) FROM docs "
                       f"WHERE filename GLOB '{MARCH}0[56]*' ORDER BY filename;")
    assert f"{MARCH}06.md: 600 bytes are more than SQLite takes" in said
    assert filled.stats()["get_requests"] <= 2


def test_memory_that_runs_out(filled, shell):
    """Under a limit that gets lower and lower: an error that says so, and no other harm."""
    script = DECLARE + "".join(
        f"PRAGMA hard_heap_limit = {limit};\n"
        "SELECT count(content) FROM docs WHERE filename LIKE 'docs/2024/03/%' AND size > 1;\n"
        "SELECT content FROM docs WHERE filename = 'a.md';\n"
        for limit in range(60_000, 30_000, -100))
    said = shell.run(script, exits=1).splitlines()
    assert sum("Runtime" in line for line in said) > 10
    assert all("out of memory" in line for line in said)


def test_an_interrupt_ends_the_wait(filled, tmp_path):
    filled.fault({"delay_ms": 600_000}, op="list")
    shell = Shell(filled.environment(), tmp_path, extension=PLAIN)
    process = shell.start()
    process.stdin.write(DECLARE + "SELECT count(*) FROM docs;\n")
    process.stdin.flush()
    until = time.monotonic() + 30
    while not filled.requests() and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert "interrupted" in said


def test_python_interrupts_and_goes_on(filled):
    """The same connection goes on after it was interrupted."""
    filled.fault({"delay_ms": 600_000}, op="get", count=1, key_prefix=MARCH)
    assert python(filled.environment(), """
import sqlite3, sys, threading, time
db = sqlite3.connect(":memory:", check_same_thread=False)
db.enable_load_extension(True)
db.load_extension(sys.argv[1])
db.execute("CREATE VIRTUAL TABLE docs USING bucketable('s3://bucket')")
ended = threading.Event()
def interrupt():
    while not ended.wait(0.1):
        db.interrupt()
thread = threading.Thread(target=interrupt)
thread.start()
try:
    db.execute("SELECT content FROM docs WHERE filename GLOB 'docs/2024/03/*'").fetchall()
except sqlite3.OperationalError as error:
    print(error)
ended.set()
thread.join()
print(len(db.execute("SELECT content FROM docs WHERE filename GLOB 'docs/2024/03/*'").fetchall()))
""") == "interrupted\n10\n"


def test_connections_and_threads(filled):
    assert python(filled.environment(), """
import sqlite3, sys, threading
counts = []
def work(number):
    db = sqlite3.connect(":memory:")
    db.enable_load_extension(True)
    db.load_extension(sys.argv[1])
    db.execute("CREATE VIRTUAL TABLE docs USING bucketable('s3://bucket')")
    for _ in range(5):
        counts.append(db.execute("SELECT sum(length(content)) FROM docs WHERE size >= 100").fetchone()[0])
    # Left open, with rows still to come.
    cursor = db.execute("SELECT content FROM docs")
    cursor.fetchone()
    db.close()
threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(counts), set(counts))
""") == "30 {16500}\n"
