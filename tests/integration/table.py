"""Reads the SQLite table as any other program would."""

import sqlite3
from contextlib import closing


def connect(path):
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    return closing(connection)


def rows(path, table="objects"):
    """{filename: content}, both str and bytes as S3 sees them, from a file that is sound."""
    with connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [(b"ok",)]
        found = connection.execute(f'SELECT filename, content FROM "{table}"').fetchall()
    assert all(isinstance(content, bytes) for _, content in found), "a content is NULL"
    return {name.decode(): content for name, content in found}


def query(path, sql):
    with connect(path) as connection:
        return connection.execute(sql).fetchall()
