"""The run log's entries: CloudEvents with the id `{run id}:{seq}` (DESIGN.md §7).

The engine makes them as plain dictionaries, for they are made and folded on the hot path; the models here say what
they hold, for the exported schemas, for readers and for tests.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypedDict

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.names import ENTRY_SOURCE


class EntryDict(TypedDict):
    """An entry as it stands in a record of the run log."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    orgid: str
    time: str
    data: dict[str, Any]


class EntryData(BaseModel):
    """What every entry's data has: the generation, which a resume or a restart raises."""

    model_config = ConfigDict(extra="allow")
    generation: int = Field(0, ge=0)


class WorkflowRef(BaseModel):
    """Which version of which workflow a run is pinned to."""

    id: str
    name: str
    version: int


class RunBegun(EntryData):
    """How a run began: the event whole, and each condition with the wanted and the actual value."""

    workflow: WorkflowRef
    event: dict[str, Any]
    conditions: dict[str, Any] | None
    causation_chain: list[str]


class RunSuppressed(RunBegun):
    """A guard kept the run from starting."""

    reason: str


class StepData(EntryData):
    """Which step: its path, its number in the order of beginning, its action."""

    step: str
    position: int = Field(ge=0)
    action: str


class StepStarted(StepData):
    """A command was issued; `input` is as rendered."""

    command: str
    attempt: int = Field(ge=1)
    input: dict[str, Any]


class StepSucceeded(StepData):
    """The action was performed; `output` is what `steps.<id>` is from here on."""

    attempt: int = Field(ge=1)
    output: Any


class StepFailed(StepData):
    """An attempt failed; without `next_try` it was the last."""

    attempt: int = Field(ge=1)
    error: dict[str, Any]
    next_try: AwareDatetime | None = None


class StepCondition(StepData):
    """A gate or branch was decided."""

    result: bool
    conditions: dict[str, Any]


class RunFailed(EntryData):
    """The run ended, and an action of it failed for good."""

    error: str


DATA: Final[dict[str, type[EntryData]]] = {
    "run.started": RunBegun,
    "run.skipped": RunBegun,
    "run.suppressed": RunSuppressed,
    "step.started": StepStarted,
    "step.succeeded": StepSucceeded,
    "step.failed": StepFailed,
    "step.condition": StepCondition,
    "run.completed": EntryData,
    "run.failed": RunFailed,
}
"""The model of `data` by entry type: all that this version writes."""


class Entry(BaseModel):
    """One entry of the run log."""

    specversion: Literal["1.0"]
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+:\d+$")]
    source: Literal["/workflow-engine"]
    type: str
    subject: str
    orgid: str
    time: AwareDatetime
    data: dict[str, Any]


def split_id(entry_id: str) -> tuple[str, int]:
    """`{run id}:{seq}` in its parts. Raises ValueError where it is not of that form."""
    run, colon, seq = entry_id.rpartition(":")
    if not colon or not run or not seq.isdecimal():
        message = f"{entry_id[:80]!r} is not the id of a run-log entry"
        raise ValueError(message)
    return run, int(seq)


def entry(run: str, seq: int, kind: str, at: str, org: str, subject: str, data: dict[str, Any]) -> EntryDict:
    """A new entry; `at` is RFC 3339 in UTC."""
    return {
        "specversion": "1.0",
        "id": f"{run}:{seq}",
        "source": ENTRY_SOURCE,
        "type": kind,
        "subject": subject,
        "orgid": org,
        "time": at,
        "data": data,
    }
