"""A network between a client and a broker that can be cut: nothing comes through, and nobody is told."""

from __future__ import annotations

import asyncio
import contextlib


class Wire:
    """Forwards from a port of its own to another; while it is cut, what is sent is kept from arriving, both ways."""

    def __init__(self) -> None:
        self.port = 0
        self._target = 0
        self._whole = asyncio.Event()
        self._whole.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, target: int, port: int) -> None:
        self.port, self._target = port, target
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """From now on nothing comes through: connections stay open and say nothing, new ones get no answer."""
        self._whole.clear()

    def mend(self) -> None:
        """What was sent meanwhile arrives, as after a route came back."""
        self._whole.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pass_on(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                await self._whole.wait()
                sink.write(data)
                await sink.drain()
        sink.close()
