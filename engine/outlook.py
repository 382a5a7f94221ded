"""What a run would do from here on, if every action of it went well: for those who decide whether it shall go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from engine.decide import decide
from engine.evolve import fold
from engine.imagine import imagine
from engine.rules import RULES, Rules
from schemas.outcomes import Fired, Succeeded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.state import RunState
    from engine.workflow import Workflow
    from schemas.entries import EntryDict

_MOST: Final = 10_000
"""Steps that are looked ahead; no workflow has so many."""


class Ahead(NamedTuple):
    """An action that would be performed."""

    step: str
    action: str


def outlook(
    workflow: Workflow, state: RunState | None, entries: Sequence[EntryDict], now: datetime, rules: Rules = RULES
) -> list[Ahead]:
    """The actions that would be performed after these entries, in their order.

    `entries` are what the run (`state`; None for a new one) goes on with. Each action is taken to succeed, with an
    answer that is imagined, and each delay to be over at once; so where a branch asks what an action answered, it may
    be the other one that comes.
    """
    found: list[Ahead] = []
    after = fold(state, entries, workflow.body)
    for _ in range(_MOST):
        current = after.current
        if current is None:
            break
        if current["until"] is not None:
            more = decide(workflow, after, Fired(), now, rules)
        else:
            found.append(Ahead(current["step"], current["action"]))
            answer = imagine(current["action"], current["input"], current["step"])
            more = decide(workflow, after, Succeeded(answer), now, rules)
        if not more:
            break
        after = fold(after, more, workflow.body)
    return found
