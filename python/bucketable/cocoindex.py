"""A source for CocoIndex (0.3), with the fields of its own AmazonS3:

    flow_builder.add_source(bucketable.cocoindex.AmazonS3(bucket_name="my-docs"))

An object is read when its ETag is new, and not again: docs/from-cocoindex.md.
"""

from __future__ import annotations

import asyncio
import datetime
import itertools
import logging
import queue
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from cocoindex import op
from cocoindex.sources import RedisNotification

from . import Listing, NoRowError, Reader, Row, TextError

__all__ = ["AmazonS3", "RedisNotification"]
log = logging.getLogger("bucketable.cocoindex")

READS_AT_A_TIME = 32
CHUNK = 500
SECOND_US = 1_000_000
# A time that S3 told is over on its clock, too, when it is so long ago on ours: it refuses requests
# whose clock is off by more than 15 minutes.
SETTLED_S = 20 * 60


class _Key(NamedTuple):
    filename: str


class _Text(NamedTuple):
    content: str


class _Bytes(NamedTuple):
    content: bytes


class BucketableText(op.SourceSpec):
    """What AmazonS3() makes: CocoIndex fixes a source's columns by the class of its spec."""

    bucket_name: str
    fields: dict[str, Any]


class BucketableBytes(op.SourceSpec):
    """The same with content of bytes."""

    bucket_name: str
    fields: dict[str, Any]


def AmazonS3(bucket_name: str, prefix: str | None = None, binary: bool = False,
             included_patterns: list[str] | None = None,
             excluded_patterns: list[str] | None = None, max_file_size: int | None = None,
             sqs_queue_url: str | None = None, redis: RedisNotification | None = None,
             force_path_style: bool = False, redis_url: str | None = None,
             redis_channel: str | None = None, **fields: Any) -> op.SourceSpec:
    """A spec for add_source(); further fields are those of docs/configuration.md."""
    if sqs_queue_url or redis or redis_url:
        log.warning("CocoIndex gives sources from outside no stream of changes, so that %s is not "
                    "followed: set refresh_interval in add_source(), or let CocoIndex's Postgres "
                    "source follow a table that `bucketable watch` keeps (docs/from-cocoindex.md)",
                    "sqs_queue_url" if sqs_queue_url else "Redis")
    given = {
        "prefix": prefix or None, "binary": binary or None, "included_patterns": included_patterns,
        "excluded_patterns": excluded_patterns, "max_file_size": max_file_size,
        "force_path_style": force_path_style or None, **fields}
    kind = BucketableBytes if binary else BucketableText
    return kind(bucket_name=bucket_name,
                fields={name: value for name, value in given.items() if value is not None})


def ordinal(modified_s: int, seen_s: float) -> int:
    """A number that grows with each overwrite of an object, in microseconds.

    S3 tells when an object was written by the second.  What is seen long after that second is as it
    was left: its number is the time.  Within it, and some time after since clocks differ, another
    overwrite may be told by the same time: then the number lies in the second before, and is the
    larger the later it was seen.  So a later look is never skipped as known, and its ETag decides.
    """
    age = (seen_s - modified_s) / SETTLED_S
    if age >= 1:
        return modified_s * SECOND_US
    return (modified_s - 1) * SECOND_US + 1 + int(max(age, 0) * (SECOND_US - 2))


def _seconds(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


class _Executor:
    def __init__(self, spec: BucketableText | BucketableBytes) -> None:
        self._source = f"s3://{spec.bucket_name}"
        self._fields = spec.fields
        self._value = _Bytes if isinstance(spec, BucketableBytes) else _Text
        self._idle: queue.SimpleQueue[Reader] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(READS_AT_A_TIME, "bucketable")

    def provides_ordinal(self) -> bool:
        return True

    async def list(self, options: op.SourceReadOptions) -> AsyncIterator[Any]:
        run = asyncio.get_running_loop().run_in_executor
        seen_s = time.time()  # before the first page is asked for
        with Listing(self._source, **self._fields) as listing:
            while True:
                chunk = await run(self._threads, lambda: list(itertools.islice(listing, CHUNK)))
                if not chunk:
                    return
                for listed in chunk:
                    modified_s = int(listed.last_modified.timestamp()) if listed.last_modified else 0
                    yield op.PartialSourceRow(
                        key=_Key(listed.filename), data=op.PartialSourceRowData(
                            ordinal=ordinal(modified_s, seen_s) if modified_s else op.NO_ORDINAL,
                            content_version_fp=listed.etag.encode() or None))

    async def get_value(self, key: _Key, options: op.SourceReadOptions) -> Any:
        seen_s = time.time()
        row = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._read, key.filename)
        if row is None:
            return op.PartialSourceRowData(value=op.NON_EXISTENCE, ordinal=op.NO_ORDINAL)
        modified = row.columns["last_modified"]
        return op.PartialSourceRowData(
            value=self._value(row.content),
            ordinal=ordinal(_seconds(str(modified)), seen_s) if modified else op.NO_ORDINAL,
            content_version_fp=str(row.columns["etag"] or "").encode() or None)

    def _read(self, filename: str) -> Row | None:
        try:
            reader = self._idle.get_nowait()
        except queue.Empty:
            reader = Reader(self._source, columns=["etag", "last_modified"], **self._fields)
        try:
            return reader.read(filename)
        except TextError:
            raise  # a failure, as any other: what was there stays
        except NoRowError:
            return None
        finally:
            self._idle.put(reader)


class _Connector:
    @staticmethod
    def create(spec: Any) -> _Executor:
        return _Executor(spec)


op.source_connector(spec_cls=BucketableText, key_type=_Key, value_type=_Text)(_Connector)
op.source_connector(spec_cls=BucketableBytes, key_type=_Key, value_type=_Bytes)(_Connector)
