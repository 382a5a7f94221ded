"""The Hub as a process: it listens, says where, and on SIGTERM finishes what is in flight."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from hub.app import create_app
from hub.errors import NotConfigured
from hub.parts import Parts, Prepare
from runtime import tracing
from runtime.logging import configure, logger
from runtime.metrics import tell_build
from runtime.settings import Settings

log = logger("hub")

_GRACE: Final = 6
"""Seconds for requests in flight after SIGTERM; with the parts' own end it stays under 10."""
_KEEP_ALIVE: Final = 75
_BACKLOG: Final = 2048


class Server(uvicorn.Server):
    """Tells the parts at once that the process ends: streams end themselves, where others are waited for.

    uvicorn's own way is to end the process by the signal that it got, once all is over; ours is to return.
    """

    def __init__(self, config: uvicorn.Config, parts: Parts) -> None:
        super().__init__(config)
        self._parts = parts

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Called by uvicorn around all that it does."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop)
        yield

    def _told_to_stop(self) -> None:
        self._parts.stopping.set()
        # The second time: without waiting for anyone.
        self.force_exit = self.should_exit
        self.should_exit = True


def run(settings: Settings, prepare: Prepare | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code. `prepare` makes topics and tables that are missing, patiently."""
    import uvloop  # noqa: PLC0415 - whoever only needs the application need not load it

    configure(settings, "hub")
    tracing.configure(settings, "hub")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    uvloop.install()
    tell_build("hub")
    parts = Parts(settings, prepare)
    app = create_app(parts)
    listening = listen(settings.hub_host, settings.hub_port)
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
    )
    host = settings.hub_host
    port = listening.getsockname()[1]
    log.info("the hub answers", address=f"http://{f'[{host}]' if ':' in host else host}:{port}")
    if settings.jwks is None and settings.development_sign_in is None:
        log.warning("nobody can sign in: set ONESTACK_JWKS. API keys work ('onestack keys create')")
    gc.collect()
    gc.freeze()
    try:
        asyncio.run(Server(config, parts).serve(sockets=[listening]))
    finally:
        tracing.stop()
    log.info("the hub has stopped")
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises NotConfigured where the address is not to be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(_BACKLOG)
    except OSError as error:
        message = f"The Hub can't listen on {host}:{port} (ONESTACK_HUB_HOST, ONESTACK_HUB_PORT): {error.strerror}."
        raise NotConfigured(message) from None
    found.setblocking(False)
    return found
