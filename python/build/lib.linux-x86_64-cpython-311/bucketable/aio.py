"""The same for asyncio: each wait is on a thread of its own, and the loop goes on.

    async for change in bucketable.aio.watch("s3://my-docs", sqs_queue_url=url):
        await keep(change)
        change.ack()
"""

import asyncio

from . import Changes, Rows
from . import read as _read
from . import sync as _sync

_END = object()


class _Walk:
    def __init__(self, kind, source, options):
        self._kind, self._source, self._options = kind, source, options
        self._handle = None

    def __aiter__(self):
        return self

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.aclose()

    async def aclose(self):
        if self._handle is not None:
            await asyncio.to_thread(self._handle.close)

    def _next(self):
        if self._handle is None:
            self._handle = self._kind(self._source, **self._options)
        return next(self._handle, _END)

    async def __anext__(self):
        try:
            found = await asyncio.to_thread(self._next)
        except asyncio.CancelledError:
            if self._handle is not None:
                self._handle.close()  # ends the wait of the thread that is left
            raise
        if found is _END:
            raise StopAsyncIteration
        return found


def rows(source, **options):
    """As bucketable.rows(): an async iterator."""
    return _Walk(Rows, source, options)


def watch(source, **options):
    """As bucketable.watch(): an async iterator."""
    return _Walk(Changes, source, options)


async def read(source, filename, **fields):
    return await asyncio.to_thread(lambda: _read(source, filename, **fields))


async def sync(source, target, **fields):
    return await asyncio.to_thread(lambda: _sync(source, target, **fields))
