"""A module API that answers at once and counts: `python -m bench.receiver PORT`. `GET /_count` tells the count.

Scripts are for modules that misbehave: the device's id says how.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import Final, cast

import orjson
import uvloop

_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_KEY: Final = b"idempotency-key:"
_ANSWERS: Final = {
    b"tickets": b'{"id":"T-1","title":"Disk full","status":"New","priority":"P1"}',
    b"notes": b'{"id":"N-1","company_id":"c-1"}',
    b"tags": b'{"tags":["alerted"]}',
}
_FAILS: Final = {b"broken": b"500 Internal Server Error", b"wrong": b"422 Unprocessable Content"}


class Count:
    """How many calls came, and how many of them with an Idempotency-Key that had come before."""

    def __init__(self) -> None:
        self.calls = 0
        self._keys: set[bytes] = set()
        self._tries: Counter[bytes] = Counter()

    def take(self, key: bytes) -> None:
        """Count a call."""
        self.calls += 1
        self._keys.add(key)

    def again(self, key: bytes) -> int:
        """How often a call came that is to fail at first, this time included; such calls are not counted."""
        self._tries[key] += 1
        return self._tries[key]

    def as_json(self) -> bytes:
        """Both numbers."""
        return orjson.dumps({"calls": self.calls, "repeated": self.calls - len(self._keys)})


class Receiver(asyncio.Protocol):
    """One connection: reads requests one after the other, and answers each when its body is there."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole by now."""
        self._buffer += data
        while (end := self._buffer.find(_END)) >= 0:
            head = self._buffer[:end]
            whole = end + len(_END) + int(_header(head, _LENGTH) or 0)
            if len(self._buffer) < whole:
                return
            self._buffer = self._buffer[whole:]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        path, status = head.split(b" ", 2)[1], b"200 OK"
        if path == b"/_count":
            body = self._count.as_json()
        elif path.endswith(b"/scripts"):
            way, body = path.split(b"/")[-2], b"{}"
            if way == b"hang":
                return
            status = _FAILS.get(way, status)
            if way == b"flaky" and self._count.again(_header(head, _KEY)) <= 2:
                status = b"503 Service Unavailable"
        else:
            self._count.take(_header(head, _KEY))
            body = _ANSWERS.get(path.rpartition(b"/")[2], b"{}")
        answer = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
            status,
            len(body),
            body,
        )
        if self._transport is not None:
            self._transport.write(answer)


def _header(head: bytes, name: bytes) -> bytes:
    lowered = head.lower()
    at = lowered.find(b"\r\n" + name)
    if at < 0:
        return b""
    begin = at + 2 + len(name)
    end = head.find(b"\r\n", begin)
    return head[begin : len(head) if end < 0 else end].strip()


async def serve(port: int) -> None:
    """Answer on 127.0.0.1 until the process is told to end."""
    count = Count()
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(count), "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
