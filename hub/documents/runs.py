"""Runs as the API tells them: in lists, counted, and one of them whole."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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
        json_schema_extra={"examples": [{"counts": {"completed": 10000, "failed": 12}, "capped": True}]}
    )
    counts: dict[RunStatus, Annotated[int, Field(ge=0)]]
    capped: bool = Field(description="Of a status there are more than the 10,000 that it says.")
