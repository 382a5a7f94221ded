"""Rule health: what is wrong with workflows, as their runs and events tell it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field


class HealthFinding(BaseModel):
    """Something that is wrong with a workflow."""

    workflow_id: str
    workflow_name: str | None
    finding: Literal["not_run", "always_filtered", "value_never_came", "fights", "mostly_fails", "kept_back"]
    severity: Literal["high", "medium", "low"]
    sentence: str = Field(description="What it is, for people.")
    details: dict[str, Any] = Field(description="Counts, the condition's path, values: what the sentence is made of.")
    run_ids: list[str] = Field(description="A few runs that show it, the latest first.")
    first_seen: datetime = Field(description="When what shows it began.")
    last_seen: datetime = Field(description="When it was last checked.")


class WorkflowHealth(BaseModel):
    """What was wrong with the organisation's workflows at the last check, which is made every hour."""

    checked_at: datetime | None = Field(description="Null where nothing has been checked yet.")
    findings: list[HealthFinding] = Field(description="The gravest first; 1,000 at most.")
