"""The loops that a workflow can form with those that run, found while somebody writes it.

A search through an organisation of densely linked workflows can take long, so it is bounded, done in a thread, and
remembered: most edits of a text leave a workflow's part in loops as it is.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from engine.cycles import Walked, search
from hub.services.reviewing import RUNNING
from schemas.definitions import parse_definition

if TYPE_CHECKING:
    from engine.workflow import Workflow
    from schemas.definitions import Definition

_MOST_WORK: Final = 50_000
"""Steps of a search: a tenth of a second, where the command line takes a second to find them all."""
_MOST_TOLD: Final = 20
"""Loops of one workflow: nobody reads more of them."""
_REMEMBERED: Final = 4096

Told = list[dict[str, Any]]


class LoopFinder:
    """Finds loops; use one for a process, for it remembers."""

    def __init__(self) -> None:
        self._walks: OrderedDict[str, Walked] = OrderedDict()
        self._told: OrderedDict[tuple[str, int], Told] = OrderedDict()
        self._lock = Lock()

    async def through(self, definition: Definition, others: Sequence[Workflow]) -> Told:
        """The loops that the definition, as if it were enabled, can form with those of `others` that run."""
        mine = Walked(definition)
        essence = mine.essence
        if not essence:
            return []
        running = [one for one in others if one.state in RUNNING and one.id != definition.id]
        key = (essence, hash(tuple(one.digest for one in running)))
        with self._lock:
            known = self._told.get(key)
        if known is not None:
            return known
        return await asyncio.to_thread(self._search, key, mine, running)

    def _search(self, key: tuple[str, int], mine: Walked, running: Sequence[Workflow]) -> Told:
        through = {(mine.definition.org, mine.definition.id)}
        found = search([mine, *map(self._walked, running)], through, _MOST_WORK)
        told = []
        for cycle in found.cycles[:_MOST_TOLD]:
            whole = cycle.as_json()
            links = [
                {"workflow": one.workflow, "name": one.name, "state": one.state, "step": one.step, "causes": one.does,
                 "type": one.causes}
                for one in cycle.links
            ]  # fmt: skip
            told.append({"workflows": whole["workflows"], "words": whole["words"], "links": links})
        with self._lock:
            self._told[key] = told
            if len(self._told) > _REMEMBERED:
                self._told.popitem(last=False)
        return told

    def _walked(self, workflow: Workflow) -> Walked:
        with self._lock:
            known = self._walks.get(workflow.digest)
        if known is None:
            known = Walked(parse_definition(workflow.body))
            with self._lock:
                self._walks[workflow.digest] = known
                if len(self._walks) > _REMEMBERED:
                    self._walks.popitem(last=False)
        return known


FINDER: Final = LoopFinder()
"""This process's."""
