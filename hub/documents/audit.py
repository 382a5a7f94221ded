"""The audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hub.access.roles import Role


class AuditRecord(BaseModel):
    """Who did what to what, and how it ended."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "4711",
                    "at": "2026-11-27T08:00:00Z",
                    "who": "Ada Lovelace (u-17)",
                    "kind": "token",
                    "role": "Admin",
                    "action": "workflow.enable",
                    "target": "workflow/alert-to-ticket",
                    "outcome": "done",
                    "problem": None,
                    "details": {"version": 4},
                    "finished_at": "2026-11-27T08:00:00.031Z",
                }
            ]
        }
    )
    id: str
    at: datetime
    who: str
    kind: Literal["token", "key", "development", "operator"] = Field(
        description="How they proved who they are; an operator sat at the command line."
    )
    role: Role | None
    action: str = Field(description="Such as `workflow.enable`, `run.cancel`, `key.create`.")
    target: str = Field(description="Such as `workflow/alert-to-ticket`, `run/4f…`.")
    outcome: Literal["begun", "done", "refused", "failed"] = Field(
        description="`begun` where the Hub was stopped before it could tell."
    )
    problem: str | None = Field(description="Why it was refused or failed.")
    details: dict[str, Any]
    finished_at: datetime | None


class AuditLog(BaseModel):
    """A page of the audit log, the newest first."""

    items: list[AuditRecord]
    next: str | None
