"""Where a run stands: all that is needed to go on with it, small enough to travel with every command."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final


@dataclass(slots=True)
class RunState:
    """A run after some of its entries. Treat it as immutable: `evolve` gives a new one.

    `seq` and `position` are those of the next entry and the next step. `cursor` is the path to the step where the run
    stands: an index, and inside branches further names and indices. `steps` holds what each action returned, by step
    id, `size` their bytes as JSON. `current` is the step in progress: `step`, `action`, `position`, `attempt`, `input`.
    `chain` are the workflow ids that led here, this one last. `failed` is the first failure's text.
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
    cursor: list[int | str]
    steps: dict[str, Any]
    size: int
    failed: str | None
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
            self.cursor,
            self.steps,
            self.size,
            self.failed,
            self.status,
            self.current,
        )

    @property
    def finished(self) -> bool:
        """Whether the run has come to an end."""
        return self.status != "running"


_FIELDS: Final = tuple(field.name for field in fields(RunState))


def state_to_json(state: RunState) -> dict[str, Any]:
    """The state as a JSON object; it shares what the state holds, so write it out before you change anything."""
    return {name: getattr(state, name) for name in _FIELDS}


def state_from_json(given: dict[str, Any]) -> RunState:
    """The state in a JSON object that `state_to_json` made. Raises KeyError where it has not all its fields."""
    return RunState(*[given[name] for name in _FIELDS])
