"""What resuming a run, or running it again, would come to, as the person at this terminal asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.requests import by
from hub.services import plans
from hub.services.plans import Plan, Which

if TYPE_CHECKING:
    from runtime.postgres import Connection

__all__ = ["Plan", "Planner", "Which"]


class Planner(plans.Planner):
    """Plans in the name of whoever sits at the terminal."""

    def __init__(self, connection: Connection, which: Which, reason: str | None) -> None:
        super().__init__(connection, which, by(reason), "use --version same")
