"""A changed spec is followed, and no more is read than it calls for."""

import json

import pytest
import table


def documents(bucket):
    bodies = {
        "docs/a.md": b"a", "docs/b.txt": b"bb", "docs/deep/c.md": b"ccc",
        "docs/.git/config": b"d", "other/e.md": b"eeeee", "docs/bad.md": b"\xff!",
    }
    bucket.put_all(bodies)
    return bodies


def keys(db):
    return sorted(table.rows(db))


def test_patterns_pick_the_rows(bucket, program, db):
    documents(bucket)
    summary = program.sync(bucket.url, db, "--include", "**/*.md", "--exclude", "**/deep")
    assert keys(db) == ["docs/a.md", "docs/bad.md", "other/e.md"]
    assert summary["matched"] == summary["get_requests"] == 3


def test_rows_go_and_come_with_the_spec_and_nothing_else_is_read(bucket, program, proxy, db):
    documents(bucket)
    program("sync", bucket.url, db, "--include", "docs/**", "--exclude", "**/.git")
    assert keys(db) == ["docs/a.md", "docs/b.txt", "docs/bad.md", "docs/deep/c.md"]

    proxy.forget()
    program("sync", bucket.url, db, "--include", "**/*.md", env=proxy.env())
    assert keys(db) == ["docs/a.md", "docs/bad.md", "docs/deep/c.md", "other/e.md"]
    assert proxy.object_reads() == [f"{bucket.name}/other/e.md"]

    proxy.forget()
    program("sync", bucket.url + "/docs/", db, env=proxy.env())
    assert keys(db) == ["docs/.git/config", "docs/a.md", "docs/b.txt", "docs/bad.md",
                        "docs/deep/c.md"]
    assert sorted(proxy.object_reads()) == [f"{bucket.name}/docs/.git/config",
                                            f"{bucket.name}/docs/b.txt"]


def test_a_spec_that_would_remove_too_much_removes_nothing(bucket, program, db):
    bucket.put_all({f"k{n:02}": "x" for n in range(30)})
    program("sync", bucket.url, db)
    before = table.rows(db)
    result = program("sync", bucket.url + "/none-of-them", db, exits=4)
    assert "30" in result.stderr
    assert table.rows(db) == before
    summary = program.sync(bucket.url + "/none-of-them", db, "--max-deletes", "30")
    assert summary["deleted"] == 30 and table.rows(db) == {}


def test_a_size_limit_follows_the_object(bucket, program, db):
    bucket.put_all({"small": "x" * 10, "large": "x" * 11})
    program("sync", bucket.url, db, "--max-file-size", "10")
    assert keys(db) == ["small"]
    bucket.put("small", "x" * 12)
    summary = program.sync(bucket.url, db, "--max-file-size", "10")
    assert keys(db) == [] and summary["deleted"] == 1
    program("sync", bucket.url, db, "--max-file-size", "1kB")
    assert keys(db) == ["large", "small"]


def test_binary_and_back_reads_what_it_must(bucket, program, db):
    bodies = documents(bucket)
    program("sync", bucket.url, db)
    assert program.sync(bucket.url, db, "--binary")["get_requests"] == len(bodies)
    assert table.rows(db) == bodies
    kinds = table.query(db, "SELECT DISTINCT typeof(content) FROM objects")
    assert kinds == [(b"blob",)]
    assert program.sync(bucket.url, db, "--binary")["get_requests"] == 0


def test_other_text_errors_read_what_could_not_be_decoded_alone(bucket, program, proxy, db):
    documents(bucket)
    program("sync", bucket.url, db)
    proxy.forget()
    program("sync", bucket.url, db, "--text-errors", "bytes", env=proxy.env())
    assert proxy.object_reads() == [f"{bucket.name}/docs/bad.md"]
    assert table.rows(db)["docs/bad.md"] == b"\xff!"


def test_columns_come_with_values_and_go(bucket, program, db):
    bucket.put("a", "12345", ContentType="text/x-note", Metadata={"author": "Zoë".encode().hex()})
    program("sync", bucket.url, db)
    program("sync", bucket.url, db, "--columns", "size,etag,last_modified,content_type,metadata")
    row = table.query(db, "SELECT size, etag, last_modified, content_type, metadata FROM objects")
    size, etag, modified, content_type, metadata = row[0]
    assert size == 5 and b'"' not in etag and modified.endswith(b"Z")
    assert content_type == b"text/x-note"
    assert json.loads(metadata) == {"author": "Zoë".encode().hex()}
    assert program.sync(bucket.url, db, "--columns", "size")["deleted"] == 0
    names = [name for _, name, *_ in table.query(db, "PRAGMA table_info(objects)")]
    assert names == [b"filename", b"content", b"size"]


def test_with_columns_a_rewrite_of_the_same_content_updates_them(bucket, program, db):
    import time
    bucket.put("a", "same")
    program("sync", bucket.url, db, "--columns", "last_modified")
    before = table.query(db, "SELECT last_modified FROM objects")
    time.sleep(1.1)  # Last-Modified has whole seconds
    bucket.put("a", "same")
    summary = program.sync(bucket.url, db, "--columns", "last_modified")
    assert summary["updated"] == 1
    assert table.query(db, "SELECT last_modified FROM objects") > before


@pytest.mark.parametrize("pattern", ["elsewhere/**", "../*"])
def test_a_pattern_that_can_match_nothing_is_named(bucket, program, db, pattern):
    result = program("sync", bucket.url + "/docs/", db, "--include", pattern)
    assert "warning" in result.stderr and pattern in result.stderr
