"""`sync` makes the table equal to the bucket, and reads only what changed."""

import json

import table
from refuser import Refuser

SUMMARY = {"listed", "matched", "added", "updated", "deleted", "unchanged", "failed", "bytes",
           "list_requests", "get_requests", "retries", "seconds"}


def documents(count):
    return {f"docs/{n:04}.md": f"document {n}\n" * (n % 7 + 1) for n in range(count)}


def test_first_sync_fills_the_table(bucket, program, db):
    bucket.put_all(documents(60))
    bucket.put("other.txt", b"outside of docs/")
    summary = program.sync(bucket.url, db)

    assert table.rows(db) == bucket.contents()
    assert set(summary) == SUMMARY
    counts = {name: summary[name] for name in
              ("listed", "matched", "added", "updated", "deleted", "unchanged", "failed")}
    assert counts == {"listed": 61, "matched": 61, "added": 61, "updated": 0, "deleted": 0,
                      "unchanged": 0, "failed": 0}
    assert summary["bytes"] == sum(map(len, bucket.contents().values()))
    assert summary["get_requests"] == 61
    assert summary["list_requests"] >= 1 and summary["seconds"] >= 0


def test_an_empty_bucket_gives_an_empty_table(bucket, program, db):
    assert program.sync(bucket.url, db)["matched"] == 0
    assert table.rows(db) == {}


def test_the_table_is_as_documented(bucket, program, db):
    bucket.put("a", b"x")
    program("sync", bucket.url, db)
    columns = [(name, kind, not_null, key) for _, name, kind, not_null, _, key in
               table.query(db, "PRAGMA table_info(objects)")]
    assert columns == [(b"filename", b"TEXT", 1, 1), (b"content", b"TEXT", 0, 0)]


def test_second_run_reads_nothing(bucket, program, proxy, db):
    bucket.put_all(documents(40))
    program("sync", bucket.url, db)
    summary = program.sync(bucket.url, db, env=proxy.env())
    assert proxy.object_reads() == []
    assert summary["get_requests"] == 0 and summary["unchanged"] == summary["matched"] == 40
    assert summary["added"] == summary["updated"] == summary["deleted"] == summary["bytes"] == 0


def test_a_mixed_batch_reads_what_changed_and_nothing_else(bucket, program, proxy, db):
    bucket.put_all(documents(60))
    program("sync", bucket.url, db)

    overwritten = [f"docs/{n:04}.md" for n in range(0, 12)]
    deleted = [f"docs/{n:04}.md" for n in range(20, 29)]
    added = [f"docs/new-{n}.md" for n in range(5)]
    bucket.put_all({key: f"changed {key}" for key in overwritten + added})
    bucket.delete_all(deleted)
    summary = program.sync(bucket.url, db, env=proxy.env())

    assert table.rows(db) == bucket.contents()
    assert sorted(proxy.object_reads()) == sorted(
        f"{bucket.name}/{key}" for key in overwritten + added)
    assert (summary["added"], summary["updated"], summary["deleted"], summary["unchanged"]) == (
        5, 12, 9, 60 - 12 - 9)
    assert summary["get_requests"] == 17


def test_overwrites_of_the_same_size_within_one_second(bucket, program, db):
    """Last-Modified has whole seconds on many servers, and cannot tell these apart."""
    for body in (b"aaaa", b"bbbb", b"cccc", b"aaaa"):
        bucket.put("same", body)
        program("sync", bucket.url, db)
        assert table.rows(db) == {"same": body}


def test_deleted_and_put_back(bucket, program, db):
    bucket.put_all({"a": "one", "b": "two"})
    program("sync", bucket.url, db)
    bucket.delete("a")
    program("sync", bucket.url, db)
    assert table.rows(db) == {"b": b"two"}
    bucket.put("a", b"one")
    assert program.sync(bucket.url, db)["added"] == 1
    assert table.rows(db) == {"a": b"one", "b": b"two"}


def test_more_objects_than_one_page_lists(bucket, program, db):
    bucket.put_all({f"{n % 10}/{n:05}": b"" for n in range(1100)})
    assert program.sync(bucket.url, db)["added"] == 1100
    assert sorted(table.rows(db)) == sorted(bucket.keys())
    assert program.sync(bucket.url, db)["unchanged"] == 1100


def test_prefix_and_patterns_choose_the_rows(bucket, program, db):
    keys = ["docs/a.md", "docs/b.txt", "docs/.git/config.md", "docs/sub/c.md", "docs2/d.md", "e.md"]
    bucket.put_all({key: key for key in keys})
    summary = program.sync(f"{bucket.url}/docs/", db, "--include", "**/*.md",
                           "--exclude", "**/.git")
    assert sorted(table.rows(db)) == ["docs/a.md", "docs/sub/c.md"]
    assert summary["matched"] == 2


def test_a_prefix_is_literal(bucket, program, db):
    bucket.put_all({"a%20b/x": "percent", "a b/x": "space", "a%20bc": "longer"})
    program("sync", f"{bucket.url}/a%20b", db)
    assert sorted(table.rows(db)) == ["a%20b/x", "a%20bc"]


def test_max_file_size(bucket, program, db):
    bucket.put_all({"fits": b"x" * 1000, "too-large": b"x" * 1001})
    program("sync", bucket.url, db, "--max-file-size", "1000")
    assert list(table.rows(db)) == ["fits"]
    bucket.put("fits", b"x" * 2000)
    program("sync", bucket.url, db, "--max-file-size", "1000")
    assert table.rows(db) == {}
    program("sync", bucket.url, db, "--max-file-size", "2KB")
    assert sorted(table.rows(db)) == ["fits", "too-large"]


def test_directory_markers_are_no_rows(bucket, program, db):
    bucket.put_all({"docs/": b"", "docs/a": b"x", "docs/deep/er/": b""})
    summary = program.sync(bucket.url, db)
    assert table.rows(db) == {"docs/a": b"x"}
    assert summary["matched"] == 1


def test_a_changed_spec_is_followed_without_reading_again(bucket, program, proxy, db):
    bucket.put_all({"a.md": "a", "b.md": "b", "c.txt": "c"})
    program("sync", bucket.url, db, "--include", "*.md")
    summary = program.sync(bucket.url, db, "--include", "*.txt", "--include", "a*",
                           env=proxy.env())
    assert table.rows(db) == {"a.md": b"a", "c.txt": b"c"}
    assert proxy.object_reads() == [f"{bucket.name}/c.txt"]
    assert (summary["added"], summary["deleted"], summary["unchanged"]) == (1, 1, 1)


def test_a_spec_file_says_the_same_as_options(bucket, program, db, tmp_path):
    bucket.put_all({"docs/a.md": b"\xff\xfea\0", "docs/b.txt": "b", "docs/big.md": "x" * 50})
    options = ["--include", "**/*.md", "--exclude", "**/b*", "--max-file-size", "40",
               "--table", "texts"]
    by_options = tmp_path / "options.db"
    program("sync", f"{bucket.url}/docs/", by_options, *options)

    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({
        "source": {"bucket_name": bucket.name, "prefix": "docs/", "max_file_size": 40,
                   "included_patterns": ["**/*.md"], "excluded_patterns": ["**/b*"]},
        "target": {"url": str(db), "table": "texts"}}))
    program("sync", spec)
    assert table.rows(db, "texts") == table.rows(by_options, "texts") == {"docs/a.md": b"a"}


def test_the_command_line_wins_over_the_spec_file(bucket, program, db, tmp_path):
    bucket.put_all({"a/1": "1", "b/2": "2"})
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"source": {"bucket_name": bucket.name, "prefix": "a/"},
                                "target": {"url": str(tmp_path / "unused.db")}}))
    program("sync", spec, db, "--prefix", "b/")
    assert list(table.rows(db)) == ["b/2"]
    assert not (tmp_path / "unused.db").exists()


def test_metadata_columns(bucket, program, db):
    bucket.put("a.md", b"# title", ContentType="text/markdown", Metadata={"lang": "en"})
    program("sync", bucket.url, db, "--columns", "etag,size,last_modified,content_type,metadata")
    [(etag, size, modified, content_type, metadata)] = table.query(
        db, "SELECT etag, size, last_modified, content_type, metadata FROM objects")
    item = bucket.listing()[0]
    assert etag.decode() == item["ETag"].strip('"')
    assert size == 7
    assert modified.decode().startswith(item["LastModified"].strftime("%Y-%m-%dT%H:%M:%S"))
    assert modified.endswith(b"Z")
    assert content_type == b"text/markdown"
    assert json.loads(metadata) == {"lang": "en"}


def test_a_storage_class_that_changes_alone(bucket, program, db, server):
    """A lifecycle rule moves an object: neither ETag nor Last-Modified tell."""
    bucket.put_all({"a": "one", "b": "two"})

    def move_a(call, headers, body):
        if call == "LIST":
            first, behind = body.split(b"STANDARD", 1)
            body = first + b"GLACIER_IR" + behind
        elif call == "GET" and body == b"one":
            headers = [*headers, ("x-amz-storage-class", "GLACIER_IR")]
        return headers, body

    def classes():
        return table.query(db, "SELECT filename, storage_class FROM objects ORDER BY 1")

    with Refuser(server.port) as between:
        way = {"AWS_ENDPOINT_URL": between.url}
        sync = [bucket.url, db, "--columns", "storage_class"]
        program.sync(*sync, env=way)
        assert classes() == [(b"a", b"STANDARD"), (b"b", b"STANDARD")]
        between.change = move_a
        done = program.sync(*sync, env=way)
        assert (done["updated"], done["unchanged"], done["get_requests"]) == (1, 1, 1)
        assert classes() == [(b"a", b"GLACIER_IR"), (b"b", b"STANDARD")]
        assert program.sync(*sync, env=way)["get_requests"] == 0
        between.change = None
        assert program.sync(*sync, env=way)["updated"] == 1
        assert classes() == [(b"a", b"STANDARD"), (b"b", b"STANDARD")]
        assert program.sync(bucket.url, db, env=way)["unchanged"] == 2
        between.change = move_a
        assert program.sync(bucket.url, db, env=way)["unchanged"] == 2, "no column shows it"


def test_adding_a_column_to_a_filled_table(bucket, program, db):
    bucket.put_all({"a": "one", "b": "three"})
    program("sync", bucket.url, db)
    program("sync", bucket.url, db, "--columns", "size")
    assert table.query(db, "SELECT filename, size FROM objects ORDER BY 1") == [
        (b"a", 3), (b"b", 5)]


def test_target_forms(bucket, program, tmp_path):
    """A bare path and sqlite:PATH are the same file."""
    bucket.put("a", b"1")
    program("sync", bucket.url, tmp_path / "docs.db")
    assert program.sync(bucket.url, f"sqlite:{tmp_path}/docs.db")["unchanged"] == 1


def test_people_may_index_and_trigger(bucket, program, db):
    bucket.put_all({"a": "one", "b": "two"})
    program("sync", bucket.url, db)
    with table.connect(db) as connection:
        connection.executescript("""
            CREATE INDEX by_length ON objects (length(content));
            CREATE TABLE log (what TEXT, filename TEXT);
            CREATE TRIGGER updated AFTER UPDATE ON objects BEGIN
                INSERT INTO log VALUES ('update', new.filename); END;
            CREATE TRIGGER deleted AFTER DELETE ON objects BEGIN
                INSERT INTO log VALUES ('delete', old.filename); END;""")
    bucket.put("a", b"uno")
    bucket.delete("b")
    program("sync", bucket.url, db, "--max-deletes", "100%")
    assert sorted(table.query(db, "SELECT * FROM log")) == [(b"delete", b"b"), (b"update", b"a")]
