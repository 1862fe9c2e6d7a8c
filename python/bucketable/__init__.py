"""An S3 bucket as rows: walk them, follow them, keep a table of them.

    for row in bucketable.rows("s3://my-docs/docs/", included_patterns=["**/*.md"]):
        print(row.filename, len(row.content))

Fields are those of docs/configuration.md, by the same names.
"""

import logging
import os
import time

from . import _bkt
from ._errors import (CanceledError, ConfigError, CredentialsError, Error, GuardError, NetworkError,
                      NoRowError, ServerError, TargetError)

__all__ = ["CanceledError", "Change", "Changes", "ConfigError", "CredentialsError", "Error",
           "GuardError", "NetworkError", "NoRowError", "Row", "Rows", "ServerError", "TargetError",
           "read", "rows", "sync", "watch"]
__version__ = _bkt.version
log = logging.getLogger("bucketable")


def _text(name, value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, os.PathLike)):
        return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    raise TypeError(f"{name}: a {type(value).__name__} is no value of a field")


def _fields(source, fields):
    """The pairs that the extension takes; a list's items are told by a "+"."""
    if not isinstance(source, str):
        raise TypeError(f"source: a URL such as \"s3://bucket/prefix\", not {source!r}")
    pairs = [("s3", source)]
    for name, value in fields.items():
        if isinstance(value, (list, tuple)):
            pairs += [("+" + name, _text(name, item)) for item in value]
        elif value is not None:
            pairs.append((name, _text(name, value)))
    return pairs


def _log_trouble(key, message):
    log.warning("%s: %s", key, message) if key is not None else log.warning("%s", message)


class Row:
    """A row: `filename`, `content` (str, or bytes), `columns` (those asked for, by name)."""

    __slots__ = ("filename", "content", "columns", "revision")

    def __init__(self, filename, content, columns, revision=0):
        self.filename = filename
        self.content = content
        self.columns = columns
        self.revision = revision

    def __repr__(self):
        return f"{type(self).__name__}({self.filename!r})"


class Change(Row):
    """A row as it is now, or (`deleted`, content None) that it is gone."""

    __slots__ = ("_changes", "_id")

    @property
    def deleted(self):
        return self.content is None

    def ack(self):
        """It is durable where you keep it: its message may leave the queue."""
        self._changes._handle.ack(self._id)


class _Handle:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __iter__(self):
        return self

    def close(self):
        """At any time and from any thread; a wait in another one ends with CanceledError."""
        self._handle.close()


class Rows(_Handle):
    """All rows, each once: an iterator and a context manager.  One thread at a time."""

    def __init__(self, source, *, in_key_order=False, failed=_log_trouble, **fields):
        self._handle = _bkt.open_rows(_fields(source, fields), in_key_order, failed)
        self._is_over = False

    def __next__(self):
        if self._is_over:
            raise StopIteration
        found = self._handle.next(None)
        if found is None:
            self._is_over = True
            self.close()
            raise StopIteration
        return Row(*found[:4])


class Changes(_Handle):
    """What changes, without end: an iterator and a context manager.

    Iterating hands out a change and, at the end of a group, waits until all of it is acknowledged
    by some thread.  next() tells of that end by None.
    """

    def __init__(self, source, *, skip_first_listing=False, group_max=0, error=_log_trouble,
                 **fields):
        self._handle = _bkt.open_changes(_fields(source, fields), skip_first_listing, group_max,
                                         error)

    def next(self, timeout=None):
        """A change; None when `timeout` seconds have passed, or the group is to be acknowledged."""
        found = self._handle.next(None if timeout is None else max(0, int(timeout * 1000)))
        if not isinstance(found, tuple):
            return None
        change = Change(*found[:4])
        change._changes = self
        change._id = found[4]
        return change

    def __next__(self):
        while True:
            change = self.next()
            if change is not None:
                return change
            time.sleep(0.01)  # another thread is acknowledging


def rows(source, *, in_key_order=False, failed=_log_trouble, **fields):
    """Walk all rows; failed(key, reason) is called for an object that cannot be one."""
    return Rows(source, in_key_order=in_key_order, failed=failed, **fields)


def watch(source, *, skip_first_listing=False, group_max=0, error=_log_trouble, **fields):
    """Follow the bucket: what is there, then what changes.  See Changes."""
    return Changes(source, skip_first_listing=skip_first_listing, group_max=group_max, error=error,
                   **fields)


def read(source, filename, **fields):
    """One row; NoRowError when there is none of that name."""
    return Row(*_bkt.read(_fields(source, fields), filename.encode("utf-8", "surrogateescape"))[:4])


def sync(source, target, **fields):
    """Make the table at `target` ("docs.db", "postgresql://...") equal to the bucket: the counts."""
    return _bkt.sync(_fields(source, {"url": target, **fields}))
