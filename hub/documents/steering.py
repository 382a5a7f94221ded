"""Requests to cancel, resume or re-run runs, and what came of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hub.documents.runs import RunStatus

Action = Literal["cancel", "resume", "rerun"]
Result = Literal["cancelled", "resumed", "started", "ended", "refused", "planned"]
Words = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
Which = Literal["same", "current"]
MOST: int = 1000
"""Runs of one request."""


class Cancel(BaseModel):
    """How to cancel a run."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "The client called."}]})
    reason: Words | None = Field(None, description="It stands in the run's story.")
    dry_run: bool = Field(False, description="Say what would be done, and do nothing.")


class Resume(Cancel):
    """How to let a run go on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": "current", "dry_run": True}]})
    version: Which = Field("same", description="The version that it ran under, or the one in force now.")
    step: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")] | None = Field(
        None, description="The path of the step to go on from; without one, that which failed."
    )


class Rerun(Cancel):
    """How to start a run anew, of the same event."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": "same"}]})
    version: Which = Field("current", description="The version in force now, or the one that it ran under.")


class Wanted(BaseModel):
    """Which runs, as the list's filters have it."""

    model_config = ConfigDict(extra="forbid")
    workflow: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")] | None = None
    status: Annotated[list[RunStatus], Field(min_length=1, max_length=7)]
    entity: Annotated[str, Field(max_length=1200, pattern=r"^[^\x00]*$")] | None = None
    trigger: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    error: Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")] | None = None


class Steer(BaseModel):
    """Many runs at once: by their ids, or all that fit a filter (the latest 1,000)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "action": "resume",
                    "filter": {"workflow": "alert-to-ticket", "status": ["failed"], "since": "2026-11-27T08:00:00Z"},
                    "dry_run": True,
                }
            ]
        },
    )
    action: Action
    ids: Annotated[list[RunId], Field(min_length=1, max_length=MOST)] | None = None
    filter: Wanted | None = None
    version: Which | None = Field(None, description="To resume: same, or current; to run again: current, or same.")
    reason: Words | None = None
    dry_run: bool = False


class Steered(BaseModel):
    """What came of a request about one run, or would."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run_id": "4f0c9d2be37b8a51c6f1f0a4d1f7e2aa",
                    "action": "resume",
                    "result": "resumed",
                    "status": "running",
                    "reason": None,
                    "does": "goes on from step ticket, under version 3 of alert-to-ticket",
                    "warning": None,
                    "new_run_id": None,
                }
            ]
        }
    )
    run_id: str
    action: Action
    result: Result | None = Field(description="Null where no effect shows yet: it is asked for.")
    status: RunStatus | None = Field(
        description="The run's status then; of a run that was started anew, the new one's."
    )
    reason: str | None = Field(description="Why it was refused, or had no effect.")
    does: str | None = Field(description="What is done, or would be.")
    warning: str | None
    new_run_id: str | None = Field(description="The run that was started anew.")


class SteeredMany(BaseModel):
    """What came of requests about many runs."""

    items: list[Steered]
    more: bool = Field(description="More runs fit the filter: these are the latest.")
