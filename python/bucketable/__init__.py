"""An S3 bucket as rows: walk them, follow them, keep a table of them.

    for row in bucketable.rows("s3://my-docs/docs/", included_patterns=["**/*.md"]):
        print(row.filename, len(row.content))

Fields are those of docs/configuration.md, by the same names.
"""

from __future__ import annotations

import datetime
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Optional, TypeVar, Union

from . import _bkt
from ._errors import (CanceledError, ConfigError, CredentialsError, Error, GuardError, NetworkError,
                      NoRowError, ServerError, TargetError, TextError)

__all__ = ["CanceledError", "Change", "Changes", "ConfigError", "CredentialsError", "Error",
           "Field", "GuardError", "Listed", "Listing", "NetworkError", "NoRowError", "Reader", "Row",
           "Rows", "ServerError", "TargetError", "TextError", "ls", "read", "rows", "sync", "watch"]
__version__: str = _bkt.version
log = logging.getLogger("bucketable")

Value = Union[bool, int, str, "os.PathLike[str]"]
Field = Union[None, Value, Sequence[Union[int, str]]]
Told = Callable[[Optional[str], str], Any]
_Pairs = list[tuple[str, bytes]]
_Self = TypeVar("_Self", bound="_Handle")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def _text(name: str, value: object) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return str(value).encode()
    if isinstance(value, (str, os.PathLike)):
        return os.fsencode(value) if not isinstance(value, str) else _key(value)
    raise TypeError(f"{name}: a {type(value).__name__} is no value of a field")


def _key(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _fields(source: str, fields: Mapping[str, Field]) -> _Pairs:
    """The pairs that the extension takes; a list's items are told by a "+"."""
    if not isinstance(source, str):
        raise TypeError(f"source: a URL such as \"s3://bucket/prefix\", not {source!r}")
    pairs = [("s3", _key(source))]
    for name, value in fields.items():
        if isinstance(value, (list, tuple)):
            pairs += [("+" + name, _text(name, item)) for item in value]
        elif value is not None:
            pairs.append((name, _text(name, value)))
    return pairs


def _callable(name: str, told: Told) -> Told:
    if not callable(told):
        raise TypeError(f"{name}: a function of (key, reason), not {told!r}")
    return told


def _log_trouble(key: str | None, message: str) -> None:
    log.warning("%s: %s", key, message) if key is not None else log.warning("%s", message)


class Row:
    """A row: `filename`, `content` (str, or bytes), `columns` (those asked for, by name)."""

    __slots__ = ("filename", "content", "columns", "revision")

    def __init__(self, filename: str, content: Any, columns: Mapping[str, Union[None, str, int]],
                 revision: int = 0) -> None:
        self.filename = filename
        self.content = content
        self.columns = columns
        self.revision = revision

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.filename!r})"


class Change(Row):
    """A row as it is now, or (`deleted`, content None) that it is gone."""

    __slots__ = ("_changes", "_id")

    _changes: Changes
    _id: int

    @property
    def deleted(self) -> bool:
        return self.content is None

    def ack(self) -> None:
        """It is durable where you keep it: its message may leave the queue."""
        self._changes._handle.ack(self._id)


class Listed(NamedTuple):
    """An object that is a row, as the listing shows it."""

    filename: str
    size: int
    last_modified: Optional[datetime.datetime]
    etag: str


class _Handle:
    _handle: Any

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """At any time and from any thread; a wait in another one ends with CanceledError."""
        self._handle.close()


class Rows(_Handle):
    """All rows, each once: an iterator and a context manager.  One thread at a time.

    Arrow's readers (pyarrow.table, polars.DataFrame, duckdb, pandas) take it as it is.
    """

    def __init__(self, source: str, *, in_key_order: bool = False, failed: Told = _log_trouble,
                 **fields: Field) -> None:
        self._told = _callable("failed", failed)
        self._pairs = pairs = _fields(source, fields)
        self._in_key_order = in_key_order
        self._handle = self._open()
        self._is_over = False
        self._is_streamed = False
        self._shape = (
            [name for key, value in pairs if key in ("columns", "+columns")
             for name in value.decode().replace(" ", "").split(",") if name],
            ("binary", b"true") in pairs or ("text_errors", b"bytes") in pairs)

    def _open(self) -> _bkt.Handle:
        return _bkt.open_rows(self._pairs, self._in_key_order)

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        if self._is_over:
            raise StopIteration
        found = self._handle.next(None, self._told)
        if found is None:
            self._is_over = True
            self.close()
            raise StopIteration
        return Row(*found[:4])

    def _at_hand(self) -> Row | None:
        """The next one, if there is no wait for it."""
        found = self._handle.next(0, self._told)
        return None if found is None else Row(*found[:4])

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """What is left of them.  Asked again, it reads the bucket again, from the beginning."""
        handle: _bkt.Handle = self._open() if self._is_streamed else self._handle
        stream = handle.stream(*self._shape, self._told)
        self._is_streamed = True
        return stream

    def __arrow_c_schema__(self) -> object:
        return _bkt.arrow_schema(*self._shape)


class Changes(_Handle):
    """What changes, without end: an iterator and a context manager.

    Iterating hands out a change and, at the end of a group, waits until all of it is acknowledged
    by some thread.  next() tells of that end by None.
    """

    def __init__(self, source: str, *, skip_first_listing: bool = False, group_max: int = 0,
                 error: Told = _log_trouble, **fields: Field) -> None:
        self._told = _callable("error", error)
        self._handle = _bkt.open_changes(_fields(source, fields), skip_first_listing, group_max)

    def next(self, timeout: float | None = None) -> Change | None:
        """A change; None when `timeout` seconds have passed, or the group is to be acknowledged."""
        wait_ms = None if timeout is None else max(0, min(int(timeout * 1000), 2**31 - 1))
        found = self._handle.next(wait_ms, self._told)
        if not isinstance(found, tuple):
            return None
        change = Change(*found[:4])
        change._changes = self
        change._id = found[4]
        return change

    def __iter__(self) -> Iterator[Change]:
        return self

    def __next__(self) -> Change:
        while True:
            change = self.next()
            if change is not None:
                return change
            time.sleep(0.01)  # another thread is acknowledging


class Listing(_Handle):
    """The objects that are rows, in the order of their keys' bytes, without their contents."""

    def __init__(self, source: str, **fields: Field) -> None:
        self._handle = _bkt.open_source(_fields(source, fields))
        self._rest: Iterator[tuple[str, int, int | None, str]] = iter(())
        self._is_over = False

    def close(self) -> None:
        super().close()
        self._rest = iter(())  # what came with the last item is not handed out either

    def __iter__(self) -> Iterator[Listed]:
        return self

    def __next__(self) -> Listed:
        while True:
            for key, size, modified_ms, etag in self._rest:
                modified = None if modified_ms is None else (
                    _EPOCH + datetime.timedelta(milliseconds=modified_ms))
                return Listed(key, size, modified, etag)
            if not self._is_over:
                chunk = self._handle.objects()
                self._rest = iter(chunk)
                self._is_over = not chunk
            if self._is_over:
                self.close()
                raise StopIteration


class Reader(_Handle):
    """Reads rows one after the other over one connection.  One thread at a time."""

    def __init__(self, source: str, **fields: Field) -> None:
        self._handle = _bkt.open_source(_fields(source, fields))

    def read(self, filename: str) -> Row:
        """The row of that name; NoRowError when there is none."""
        if not isinstance(filename, str):
            raise TypeError(f"filename: a str, not {filename!r}")
        return Row(*self._handle.read(_key(filename))[:4])


def rows(source: str, *, in_key_order: bool = False, failed: Told = _log_trouble,
         **fields: Field) -> Rows:
    """Walk all rows; failed(key, reason) is called for an object that cannot be one."""
    return Rows(source, in_key_order=in_key_order, failed=failed, **fields)


def watch(source: str, *, skip_first_listing: bool = False, group_max: int = 0,
          error: Told = _log_trouble, **fields: Field) -> Changes:
    """Follow the bucket: what is there, then what changes.  See Changes."""
    return Changes(source, skip_first_listing=skip_first_listing, group_max=group_max, error=error,
                   **fields)


def ls(source: str, **fields: Field) -> Listing:
    """List the objects that are rows.  See Listing."""
    return Listing(source, **fields)


def read(source: str, filename: str, **fields: Field) -> Row:
    """One row; NoRowError when there is none of that name."""
    with Reader(source, **fields) as reader:
        return reader.read(filename)


def sync(source: str, target: Union[str, os.PathLike[str]], *, failed: Told = _log_trouble,
         **fields: Field) -> dict[str, Union[int, float]]:
    """Make the table at `target` ("docs.db", "postgresql://...") equal to the bucket.

    Gives the counts that `sync --json` does.
    """
    counts: dict[str, Union[int, float]] = _bkt.sync(_fields(source, {"url": target, **fields}),
                                                     _callable("failed", failed))
    return counts
