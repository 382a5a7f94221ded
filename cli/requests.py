"""Requests about runs, as the person at this terminal makes them; what they are is `hub.services.requests`."""

from __future__ import annotations

import getpass
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from cli.publishing import send
from hub.services import requests
from hub.services.requests import PATIENCE, Action, Request
from schemas.messages import By

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.queries import Row
    from runtime.postgres import Connection
    from runtime.settings import Settings

__all__ = ["PATIENCE", "Request", "ask", "by", "person", "request"]


def person() -> str:
    """Who sits at the terminal, as far as the system knows."""
    try:
        return getpass.getuser()[:200]
    except (KeyError, OSError):
        return "somebody at a terminal"


def by(reason: str | None) -> By:
    """Who asks, and why."""
    return By(person=person(), reason=reason)


def request(run: Row, action: Action, reason: str | None, **more: Any) -> Request:
    """A request about a run of the history. Raises Refused where it is too large for a record."""
    return requests.request(run, action, by(reason), **more)


async def ask(settings: Settings, connection: Connection, asked: Sequence[Request], patience: float) -> None:
    """Send them, and fill in what came of each, for so many seconds at most. Raises Failure where Kafka is away."""
    await requests.ask(lambda records: send(settings, records), lambda: nullcontext(connection), asked, patience)
