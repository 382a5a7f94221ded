"""Who listens: each organisation's messages as server-sent events, in a bounded queue for each reader."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from secrets import token_hex
from typing import Any, Final, NamedTuple

import orjson

from hub.problems import Problem

NEWS_SECONDS: Final = 3.0
"""For which what happened is told to a reader who comes then."""
_QUEUED: Final = 64
"""Flushes that a reader may be behind: some seconds at ten a second."""
_REPLAYED: Final = 500
"""Messages that are kept for a reader who comes back."""
_MOST_READERS: Final = 500
"""Of one organisation."""
_MOST_AT_ONCE: Final = 200
"""Messages of one flush: of more a reader is told only that it should ask anew."""
_RETRY_MS: Final = 1_000
_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


class Message(NamedTuple):
    """One event of the stream."""

    event: str
    data: dict[str, Any]


MISSED: Final = Message("missed", {"detail": "Some news could not be told; ask again for what you show."})
SLOW: Final = Message("slow", {"detail": "You read too slowly, and are disconnected; connect again and ask anew."})
PING: Final = Message("ping", {})


def encoded(message: Message, id: str | None = None) -> bytes:
    """The message as it stands in the stream."""
    head = f"event: {message.event}\n" if id is None else f"event: {message.event}\nid: {id}\n"
    return head.encode() + b"data: " + orjson.dumps(message.data, option=_OPTIONS) + b"\n\n"


class Listener:
    """One reader's queue. `next` gives what is to be sent; None says that the stream is over."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED)
        self.closed = False

    def put(self, chunk: bytes) -> None:
        """Queue it. A reader for whom there is no room any more is told so, and gets nothing else."""
        if self.closed:
            return
        # A place is kept for the end of the stream.
        if self._queue.qsize() < _QUEUED - 1:
            self._queue.put_nowait(chunk)
        else:
            self._end(encoded(SLOW))

    def close(self) -> None:
        """End the stream."""
        if not self.closed:
            self._end()

    def _end(self, *last: bytes) -> None:
        self.closed = True
        while not self._queue.empty():
            self._queue.get_nowait()
        for one in (*last, None):
            self._queue.put_nowait(one)

    async def next(self, patience: float) -> bytes | None:
        """What is to be sent; a ping where nothing comes for so many seconds."""
        try:
            async with asyncio.timeout(patience):
                return await self._queue.get()
        except TimeoutError:
            return encoded(PING)


class _Told(NamedTuple):
    """A message that was sent: its number, when (monotonic), as it stands in the stream, and what it is about."""

    number: int
    at: float
    text: bytes
    about: tuple[str, str]


class Channel:
    """One organisation's readers, and the last messages for one who comes back.

    Messages are numbered; the numbers mean something only together with this channel's own mark.
    """

    def __init__(self, org: str) -> None:
        self.org = org
        self.listeners: set[Listener] = set()
        self.left_at = 0.0
        """When the last reader left."""
        self._mark = token_hex(4)
        self._number = 0
        self._recent: deque[_Told] = deque(maxlen=_REPLAYED)

    @contextmanager
    def reader(self, last_id: str | None) -> Iterator[Listener]:
        """A new reader, who is greeted, and told what came after the message with this id.

        Raises Problem 429 where the organisation has too many.
        """
        if len(self.listeners) >= _MOST_READERS:
            raise Problem(429, f"Of one organisation at most {_MOST_READERS} streams can be open.")
        listener = Listener()
        listener.put(self._greeting(last_id))
        self.listeners.add(listener)
        try:
            yield listener
        finally:
            self.listeners.discard(listener)
            self.left_at = asyncio.get_running_loop().time()

    def _greeting(self, last_id: str | None) -> bytes:
        told = self._after(last_id) if last_id else self._news()
        if told is None:
            told = [encoded(MISSED, self._id(self._number))]
        hello = Message("hello", {"org": self.org})
        # An id says that all before it was told.
        greeting = encoded(hello) if told else encoded(hello, self._id(self._number))
        return f"retry: {_RETRY_MS}\n".encode() + greeting + b"".join(told)

    def _news(self) -> list[bytes]:
        """What a newcomer may not have in the page that it fetched a moment ago.

        Of each thing the last news alone: the page may have that already, and what was before would be taken for newer.
        """
        now = time.monotonic()
        latest: dict[tuple[str, str], bytes] = {}
        for told in self._recent:
            if now - told.at < NEWS_SECONDS:
                latest.pop(told.about, None)
                latest[told.about] = told.text
        return list(latest.values())

    def _after(self, last_id: str) -> list[bytes] | None:
        """The messages after this one; None where they are not known."""
        mark, _, number = last_id.partition("-")
        if mark != self._mark or not number.isascii() or not number.isdigit() or len(number) > 18:
            return None
        last = int(number)
        if last > self._number or self._number - last > len(self._recent):
            return None
        return [told.text for told in self._recent if told.number > last]

    def send(self, messages: Sequence[Message]) -> None:
        """Tell all readers."""
        if not messages:
            return
        if len(messages) > _MOST_AT_ONCE:
            messages = [MISSED]
        texts = []
        for one in messages:
            self._number += 1
            text = encoded(one, self._id(self._number))
            about = str(one.data.get("run_id") or one.data.get("id") or self._number)
            self._recent.append(_Told(self._number, time.monotonic(), text, (one.event, about)))
            texts.append(text)
        chunk = b"".join(texts)
        for listener in list(self.listeners):
            listener.put(chunk)

    def close(self) -> None:
        """End all streams."""
        for listener in list(self.listeners):
            listener.close()

    def _id(self, number: int) -> str:
        return f"{self._mark}-{number}"
