"""The same for asyncio: each wait is on a thread of its own, and the loop goes on.

    async for change in bucketable.aio.watch("s3://my-docs", sqs_queue_url=url):
        await keep(change)
        change.ack()
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any, Generic, TypeVar, Union

from . import Change, Changes, Field, Listed, Listing, Row, Rows
from . import read as _read
from . import sync as _sync

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")
_MORE_MAX = 255


def _start(call: Callable[[], _Answer]) -> Future[_Answer]:
    """Not on one of the loop's own few threads, which waits without end would use up."""
    future: Future[_Answer] = Future()
    future.set_running_or_notify_cancel()  # who gives up waiting does not undo it

    def run() -> None:
        try:
            answer = call()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(answer)

    Thread(target=run, daemon=True).start()
    return future


async def _on_thread(call: Callable[[], _Answer]) -> _Answer:
    return await asyncio.wrap_future(_start(call))


class AsyncWalk(Generic[_Item]):
    """An async iterator and context manager over rows, changes or a listing.

    A wait that is canceled, as by asyncio.wait_for(), loses nothing: the next one has its item.
    """

    def __init__(self, make: Callable[[], Any], more: Callable[[Any], list[_Item]]) -> None:
        self._make = make
        self._more = more
        self._walk: Any = None
        self._pending: Future[list[_Item]] | None = None
        self._items: list[_Item] = []  # the next one last
        self._is_closed = False

    def __aiter__(self) -> AsyncIterator[_Item]:
        return self

    async def __aenter__(self) -> AsyncWalk[_Item]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        self._is_closed = True
        if self._walk is not None:
            await _on_thread(self._walk.close)

    def __del__(self) -> None:
        if self._walk is not None:
            self._walk.close()  # ends the wait of a thread that is left

    async def __anext__(self) -> _Item:
        if self._is_closed:
            raise RuntimeError("this walk is closed")
        if self._walk is None:
            self._walk = await _on_thread(self._make)
        if not self._items:
            if self._pending is None:
                walk, more = self._walk, self._more
                self._pending = _start(lambda: more(walk))
            try:
                found = await asyncio.wrap_future(self._pending)
            except asyncio.CancelledError:
                raise
            except BaseException:
                self._pending = None
                raise
            self._pending = None
            self._items = found[::-1]
        if not self._items:
            raise StopAsyncIteration
        return self._items.pop()


def _more_rows(walk: Rows) -> list[Row]:
    found = [row for row in [next(walk, None)] if row is not None]
    while found and len(found) <= _MORE_MAX:
        row = walk._at_hand()
        if row is None:
            break
        found.append(row)
    return found


def _more_listed(walk: Listing) -> list[Listed]:
    return list(itertools.islice(walk, _MORE_MAX))


def rows(source: str, **options: Any) -> AsyncWalk[Row]:
    """As bucketable.rows(): an async iterator."""
    return AsyncWalk(lambda: Rows(source, **options), _more_rows)


def watch(source: str, **options: Any) -> AsyncWalk[Change]:
    """As bucketable.watch(): an async iterator."""
    return AsyncWalk(lambda: Changes(source, **options), lambda walk: [next(walk)])


def ls(source: str, **fields: Field) -> AsyncWalk[Listed]:
    """As bucketable.ls(): an async iterator."""
    return AsyncWalk(lambda: Listing(source, **fields), _more_listed)


async def read(source: str, filename: str, **fields: Field) -> Row:
    return await _on_thread(lambda: _read(source, filename, **fields))


async def sync(source: str, target: Union[str, os.PathLike[str]],
               **options: Any) -> dict[str, Union[int, float]]:
    return await _on_thread(lambda: _sync(source, target, **options))
