"""Where a run stands: all that is needed to go on with it, small enough to travel with every command."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final


@dataclass(slots=True)
class RunState:
    """A run after some of its entries. Treat it as immutable: `evolve` gives a new one.

    `seq` and `position` are those of the next entry and the next step. `steps` holds what each action returned, by step
    id, `size` their bytes as JSON. `current` is the step in progress: `step` (its path), `id`, `action`, `position`,
    `attempt`, `input` as recorded, `cut` (whether that is less than was rendered), and `until`, the time that it waits
    for, or None. `chain` are the workflow ids that led here, this one last. `failed` is the first failure's text;
    `failed_at` the path where a resume would go on: of the step that failed first in this generation, else of the one
    that was cancelled or would have come next. `event` is as recorded; whoever has the original may put it back.
    """

    run: str
    org: str
    subject: str
    generation: int
    seq: int
    position: int
    workflow: dict[str, Any]
    digest: str
    event: dict[str, Any]
    chain: list[str]
    started: str
    steps: dict[str, Any]
    size: int
    failed: str | None
    failed_at: str | None
    status: str
    current: dict[str, Any] | None

    def copy(self) -> RunState:
        """The same state, to be changed field by field; what the fields hold is shared."""
        return RunState(
            self.run,
            self.org,
            self.subject,
            self.generation,
            self.seq,
            self.position,
            self.workflow,
            self.digest,
            self.event,
            self.chain,
            self.started,
            self.steps,
            self.size,
            self.failed,
            self.failed_at,
            self.status,
            self.current,
        )

    @property
    def finished(self) -> bool:
        """Whether the run has come to an end."""
        return self.status not in {"running", "waiting"}


def waits_until(state: RunState) -> datetime | None:
    """The time that the run waits for, in UTC; None where it does not wait."""
    current = state.current
    if current is None or state.status != "waiting":
        return None
    return datetime.fromisoformat(current["until"])


_FIELDS: Final = tuple(field.name for field in fields(RunState))
_LATER: Final[dict[str, Any]] = {"failed_at": None}
"""Fields that states of earlier versions lack."""


def state_to_json(state: RunState) -> dict[str, Any]:
    """The state as a JSON object; it shares what the state holds, so write it out before you change anything."""
    return {name: getattr(state, name) for name in _FIELDS}


def state_from_json(given: dict[str, Any]) -> RunState:
    """The state in a JSON object that `state_to_json` made, also of the version before this one.

    Raises KeyError where it has not all its fields; those that it has besides are left out.
    """
    if "failed_at" not in given:
        given = {**_LATER, **given}
        if (current := given["current"]) is not None:
            given["current"] = {"id": current["step"], "until": None, "cut": False, **current}
    return RunState(*[given[name] for name in _FIELDS])
