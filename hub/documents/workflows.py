"""Workflows as the API tells them: in lists, whole, their versions, and what is different between two."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hub.documents.definitions import EXAMPLE, DefinitionDocument, State
from hub.documents.problem import FaultDocument
from hub.documents.runs import RunStatus


class RecentRun(BaseModel):
    """One of a workflow's last runs."""

    run_id: str
    status: RunStatus
    started_at: datetime


class DayCounts(BaseModel):
    """How a day's runs ended."""

    day: date
    completed: int
    failed: int
    filtered: int = Field(description="Skipped and suppressed: events that did not run.")
    other: int = Field(description="Running, waiting and cancelled.")


class WorkflowSummary(BaseModel):
    """A workflow in the list."""

    id: str
    name: str
    description: str | None
    version: int
    state: State
    trigger_type: str | None = Field(description="None of a draft that has no trigger yet.")
    conditions: str | None = Field(description="In one plain sentence.")
    actions: list[str] = Field(description="In the order of their steps.")
    updated_at: datetime
    recent: list[RecentRun] = Field(description="The last 20, newest first; skipped and suppressed ones left out.")
    days: list[DayCounts] = Field(description="The last 7, oldest first.")
    success_rate: Annotated[float, Field(ge=0, le=1)] | None = Field(
        description="Of the runs that completed or failed in these days; null where none did."
    )


class WorkflowList(BaseModel):
    """A page of workflows."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "id": "alert-to-ticket",
                            "name": "Alert to ticket",
                            "description": "Opens a ticket for a critical or high alert.",
                            "version": 3,
                            "state": "enabled",
                            "trigger_type": "alert.triggered",
                            "conditions": "severity is critical or high",
                            "actions": ["create_ticket"],
                            "updated_at": "2026-11-23T08:00:00Z",
                            "recent": [
                                {"run_id": "0f2b", "status": "completed", "started_at": "2026-11-27T08:00:00Z"}
                            ],
                            "days": [
                                {"day": "2026-11-27", "completed": 1, "failed": 0, "filtered": 4, "other": 0}
                            ],
                            "success_rate": 1.0,
                        }
                    ],
                    "next": None,
                    "counts": {"draft": 0, "shadow": 0, "enabled": 1, "disabled": 0},
                    "age_ms": 12,
                }
            ]
        }
    )  # fmt: skip
    items: list[WorkflowSummary]
    next: str | None = Field(description="The cursor of the page that follows.")
    counts: dict[State, int] = Field(description="By state: of all that fit the search, whatever the state filter.")
    age_ms: int = Field(ge=0, description="How old the figures about runs are.")


class CycleLink(BaseModel):
    """One workflow in a loop: the step that goes on with it, and the event that this causes."""

    workflow: str
    name: str
    state: State
    step: str
    causes: str = Field(description="What the step does, in words.")
    type: str = Field(description="The type of the event that it causes.")


class Cycle(BaseModel):
    """A loop that workflows can form."""

    workflows: list[str] = Field(description="Their ids, in the order in which they start each other.")
    words: str
    links: list[CycleLink]


class Workflow(BaseModel):
    """A workflow whole: what is in force under its id, or was."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "alert-to-ticket",
                    "version": 3,
                    "state": "enabled",
                    "updated_at": "2026-11-23T08:00:00Z",
                    "definition": {**EXAMPLE, "org": "acme", "version": 3},
                    "yaml": "id: alert-to-ticket\norg: acme\nversion: 3\n",
                    "warnings": [],
                    "cycles": [],
                }
            ]
        }
    )
    id: str
    version: int
    state: State
    updated_at: datetime
    definition: DefinitionDocument
    yaml: str
    warnings: list[FaultDocument]
    cycles: list[Cycle] = Field(description="Loops that it can form with others that run, as if it were enabled.")


class Disable(BaseModel):
    """How to disable a workflow."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"cancel_running": True}]})
    cancel_running: Annotated[bool, Field(strict=True)] = Field(
        False, description="Cancel its runs that are under way; otherwise they go on to their end."
    )


class Version(BaseModel):
    """A version that is or was in force."""

    version: int
    digest: str = Field(description="SHA-256 of the definition's canonical JSON.")
    state: State
    published_at: datetime
    by: str | None = Field(description="Who published it, where the Hub did.")


class VersionList(BaseModel):
    """All versions of a workflow, the highest first."""

    items: list[Version]


class Change(BaseModel):
    """One difference between two versions."""

    kind: Literal["added", "removed", "changed", "moved"]
    path: str = Field(description="Steps by their ids: `steps[ticket].with.title`.")
    before: Any
    after: Any
    words: str


class Diff(BaseModel):
    """What is different between two versions."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "from": 2,
                    "to": 3,
                    "changes": [
                        {
                            "kind": "changed",
                            "path": "steps[ticket].with.priority",
                            "before": "P1",
                            "after": "P2",
                            "words": "Step ticket: priority changed from P1 to P2",
                        }
                    ],
                }
            ]
        },
    )
    from_: int = Field(alias="from")
    to: int
    changes: list[Change]


class Imported(BaseModel):
    """What became of one document of an import."""

    id: str | None
    result: Literal["created", "updated", "unchanged", "refused"]
    version: int | None = None
    faults: list[FaultDocument]


class ImportReport(BaseModel):
    """What became of each document, in their order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {"id": "alert-to-ticket", "result": "updated", "version": 4, "faults": []},
                        {
                            "id": "half",
                            "result": "refused",
                            "version": None,
                            "faults": [{"field": "steps", "pointer": "/steps", "reason": "is required"}],
                        },
                    ]
                }
            ]
        }
    )
    items: list[Imported]
