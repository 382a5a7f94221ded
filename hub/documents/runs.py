"""Runs as the API tells them: in lists, counted, and one of them whole."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

RunStatus = Literal["running", "waiting", "completed", "failed", "cancelled", "skipped", "suppressed"]
StepStatus = Literal["running", "waiting", "succeeded", "failed", "skipped", "cancelled"]
Document = dict[str, Any]

_BRIEF: Document = {
    "run_id": "4f0c9d2be37b8a51c6f1f0a4d1f7e2aa",
    "workflow_id": "alert-to-ticket",
    "workflow_name": "Alert to Ticket",
    "workflow_version": 3,
    "status": "failed",
    "trigger_type": "alert.triggered",
    "entity_key": "acme/alert/a-17",
    "entity_name": "Disk full on SRV-01",
    "started_at": "2026-11-27T08:00:00.104+00:00",
    "finished_at": "2026-11-27T08:00:07.311+00:00",
    "duration_ms": 7207.0,
    "error": "ticket: POST /v1/tickets answered 503",
    "reason": None,
    "causation_chain": ["alert-to-ticket"],
}


class RunBrief(BaseModel):
    """A run in a list."""

    run_id: str
    workflow_id: str
    workflow_name: str | None
    workflow_version: int | None
    status: RunStatus
    trigger_type: str | None
    entity_key: str = Field(description="`{org}/{subject}`: acme/device/d-17.")
    entity_name: str | None = Field(description="What people call the entity; null where its event does not say.")
    started_at: datetime
    finished_at: datetime | None
    duration_ms: float | None
    error: str | None
    reason: str | None = Field(description="Of a skipped or suppressed run: why, in a sentence.")
    causation_chain: list[str] = Field(description="The workflows that led to it, the last of which is its own.")


class RunPage(BaseModel):
    """A page of runs, newest first. It may be shorter than asked for, or empty, and still name the next page."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_BRIEF], "next": None}]})
    items: list[RunBrief]
    next: str | None = Field(description="The cursor of the page that follows.")


class RunCounts(BaseModel):
    """How many runs there are by status."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"counts": {"completed": 1000, "failed": 12}, "capped": True}]}
    )
    counts: dict[RunStatus, Annotated[int, Field(ge=0)]]
    capped: bool = Field(description="Of a status there are more than the 1,000 that it says.")


class Attempt(BaseModel):
    """One attempt of a step."""

    attempt: int
    at: datetime
    finished_at: datetime | None
    error: Document | None
    next_at: datetime | None = Field(description="When it is tried again, after this one failed.")


class RunStep(BaseModel):
    """A step that began."""

    position: int = Field(description="Its number in the run, in the order of beginning.")
    step_id: str = Field(description="Its path: `ticket`, or `which.then.ticket` inside a branch.")
    action: str = Field(description="`create_ticket` …; `condition` of a gate or branch.")
    name: str | None
    sentence: str
    status: StepStatus
    attempts: int
    tries: list[Attempt]
    input: Any = Field(description="As rendered; of a gate or branch the condition's trace.")
    output: Any
    error: Document | None
    started_at: datetime
    finished_at: datetime | None
    duration_ms: float | None
    generation: int
    waits_until: datetime | None


class RunEntry(BaseModel):
    """One fact of the run."""

    seq: int
    type: str
    at: datetime
    data: Document


class Related(BaseModel):
    """Another run that has to do with this one. `run_id` is null where which it was is not known any more."""

    run_id: str | None
    workflow_id: str
    workflow_name: str | None
    status: RunStatus | None
    how: Literal["caused this", "caused by this", "reran this", "rerun of"]


class NotReached(BaseModel):
    """A step of the definition that never began."""

    step: str
    why: str


class Run(RunBrief):
    """A run whole."""

    org_id: str
    generation: int = Field(description="How often it began again, by a restart or a resumption.")
    shadow: bool = Field(description="No action was performed: the steps say what each would have done.")
    guard: str | None
    rerun_of: str | None
    waits_until: datetime | None
    trigger_event: Document = Field(description="The whole CloudEvent; after a restart, the one that restarted it.")
    conditions: Document | None = Field(description="The trace: each comparison with wanted and actual value.")
    definition: Document | None = Field(description="Of the version that ran; null where it is not known any more.")
    steps: list[RunStep]
    entries: list[RunEntry]
    story: list[str] = Field(description="What happened, in sentences.")
    related: list[Related]
    not_reached: list[NotReached]


class EntryDocument(BaseModel):
    """An entry as it stands in the run log: a CloudEvent."""

    model_config = ConfigDict(extra="allow")
    specversion: Literal["1.0"]
    id: str = Field(description="`{run id}:{seq}`")
    source: str
    type: str
    subject: str
    orgid: str
    time: datetime
    data: Document


class RunLog(RootModel[list[EntryDocument]]):
    """The entries of a run in their order."""
