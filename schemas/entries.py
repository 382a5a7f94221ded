"""The run log's entries: CloudEvents with the id `{run id}:{seq}` (DESIGN.md §7).

The engine makes them as plain dictionaries, for they are made and folded on the hot path; the models here say what
they hold, for the exported schemas, for readers and for tests.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NotRequired, TypedDict

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
    formatversion: NotRequired[int]


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
    digest: str = Field("", description="SHA-256 of the definition that the run is pinned to.")
    event: dict[str, Any] = Field(description="The CloudEvent, with its sensitive fields redacted.")
    conditions: dict[str, Any] | None
    causation_chain: list[str]
    shadow: bool = Field(False, description="True where no action is performed.")
    rerun_of: str | None = Field(None, description="The run that this one repeats.")
    by: dict[str, Any] | None = Field(None, description="Who had it repeat that run, and why.")


class RunSuppressed(RunBegun):
    """A guard kept the run from starting."""

    guard: Literal["loop", "throttle", "storm"]
    reason: str
    summary: dict[str, Any] | None = Field(None, description="What a storm came to, in the one entry that ends it.")


class StepPlace(EntryData):
    """Which step: its path, its id, its number in the order of beginning."""

    step: str
    id: str | None = Field(None, description="The last part of the path. Logs of early versions lack it.")
    position: int = Field(ge=0)


class StepData(StepPlace):
    """Which step, and its action."""

    action: str


class StepStarted(StepData):
    """A command was issued, or a delay began; `input` is as rendered. The same position again is the next attempt."""

    command: str
    attempt: int = Field(ge=1)
    input: dict[str, Any]
    cut: bool = Field(False, description="True where the recorded input is redacted or cut, and so not what is sent.")


class StepSucceeded(StepData):
    """The action was performed; `output` is what `steps.<id>` is from here on."""

    attempt: int = Field(ge=1)
    output: Any


class StepFailed(StepData):
    """An attempt failed; without `next_try` it was the last."""

    attempt: int = Field(ge=1)
    error: dict[str, Any]
    next_try: AwareDatetime | None = None


class StepSkipped(StepData):
    """An action was not performed: what it would have been asked, and what it might have answered."""

    reason: Literal["shadow"]
    input: dict[str, Any]
    output: Any


class StepCondition(StepData):
    """A gate or branch was decided."""

    result: bool
    conditions: dict[str, Any]


class RunWaiting(StepPlace):
    """The run waits in this step, for a delay or before the next attempt."""

    until: AwareDatetime
    reason: Literal["delay", "retry"]


class RunFailed(EntryData):
    """The run ended, and an action of it failed for good."""

    error: str


class RunCancelled(EntryData):
    """The run was ended by an event of `cancel_on`, or by a person."""

    by: dict[str, Any] = Field(description="`event` with id, source, type, time, subject; or `person` and `reason`.")
    step: str | None = Field(description="The path of the step in progress; null between two steps.")
    next: str | None = Field(None, description="Between two steps: the path of the one that would have come next.")


class RunRestarted(EntryData):
    """An event of `restart_on` began the run again from its first step, with the event's data."""

    by: dict[str, Any]
    event: dict[str, Any]


class RunResumed(EntryData):
    """A person had a failed or cancelled run go on; `by.replay` names the replay that this was a part of."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)
    by: dict[str, Any]
    from_: str | None = Field(alias="from", description="The path of the step that the run goes on from.")
    workflow: WorkflowRef
    digest: str


DATA: Final[dict[str, type[EntryData]]] = {
    "run.started": RunBegun,
    "run.skipped": RunBegun,
    "run.suppressed": RunSuppressed,
    "step.started": StepStarted,
    "step.succeeded": StepSucceeded,
    "step.failed": StepFailed,
    "step.skipped": StepSkipped,
    "step.condition": StepCondition,
    "run.waiting": RunWaiting,
    "run.completed": EntryData,
    "run.failed": RunFailed,
    "run.cancelled": RunCancelled,
    "run.restarted": RunRestarted,
    "run.resumed": RunResumed,
}
"""The model of `data` by entry type."""


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
