"""Templates that were rendered although a path of theirs leads nowhere: they render as nothing, and nobody is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine.paths import Scope
from engine.simulation.outline import outline

if TYPE_CHECKING:
    from engine.state import RunState
    from engine.templates import Template
    from engine.workflow import Workflow
    from schemas.entries import EntryDict

_BEGINS: Final = frozenset({"run.started", "run.skipped", "run.suppressed"})


class Missing(NamedTuple):
    """A path that leads nowhere. `field` is the template's place in the definition, `step` the step's path.

    `rendered` is what the template came to all the same; None where it was left out, or was no parameter.
    """

    field: str
    path: str
    step: str | None
    rendered: Any


class MissingPaths:
    """What was missing in one run, each place told once. Fields of conditions are left to the trace, which tells."""

    def __init__(self, workflow: Workflow) -> None:
        self._reference = workflow.reference
        self._found: dict[tuple[str, str], Missing] = {}
        self._templates: dict[str | None, list[tuple[str, str | None, Template]]] = {None: []}
        places = {part.field: part for part in outline(workflow.body)}
        for field, template in workflow.templates:
            matched = _PLACE.match(field)
            if matched is None:
                if field.startswith("conditions") and not field.endswith(".field"):
                    self._templates[None].append((field, None, template))
                continue
            part, name = places.get(matched["step"]), matched["name"]
            # A default that leads nowhere is left out as it is meant to be: no mistake of the definition.
            if part is None or (name not in part.given if name else field.endswith(".field")):
                continue
            self._templates.setdefault(part.path, []).append((field, name, template))

    @property
    def found(self) -> tuple[Missing, ...]:
        """In the order in which they were rendered."""
        return tuple(self._found.values())

    def note(self, state: RunState, entry: EntryDict) -> None:
        """See to the templates of what this entry tells; `state` is the state after it."""
        kind, data = entry["type"], entry["data"]
        if kind in _BEGINS:
            path = None
        elif kind in {"step.condition", "step.started", "step.skipped"}:
            path = data["step"]
        else:
            return
        templates = self._templates.get(path)
        if not templates:
            return
        scope = Scope(state.event, self._reference, {"id": state.run, "started": state.started}, state.steps)
        for field, name, template in templates:
            for missing in template.missing(scope):
                rendered = (data.get("input") or {}).get(name) if name else None
                self._found.setdefault((field, missing), Missing(field, missing, path, rendered))


_PLACE: Final = re.compile(
    r"(?P<step>steps\[\d+\](?:\.(?:then|else)\[\d+\])*)\.(?:condition|if|with\.(?P<name>[^.\[]+))(?=[.\[]|$)"
)
