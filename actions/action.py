"""What every action is to those who run it."""

from __future__ import annotations

from typing import Protocol

from schemas.outcomes import Call, Outcome


class Action(Protocol):
    """One way of acting on the world. `name` is the word that definitions use.

    An action that calls nothing outside may say `reaches_out = False`: it needs no slot of ONESTACK_MAX_CALLS.
    """

    @property
    def name(self) -> str: ...

    async def perform(self, call: Call) -> Outcome:
        """Performs the call once. Whatever the outside world does is told by the outcome; nothing is raised for it."""
        ...
