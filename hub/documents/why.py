"""Why an event started workflows, or did not."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from hub.documents.dead_letters import DeadLetter
from hub.documents.events import EventBrief
from hub.documents.runs import RunStatus

Document = dict[str, Any]
Kind = Literal["ran", "condition", "guard", "other trigger", "state", "published later", "deleted", "no run"]


class WhyVerdict(BaseModel):
    """What became of the event in one workflow."""

    workflow: str
    name: str
    verdict: Kind
    reason: str
    version: int | None
    run_id: str | None
    status: RunStatus | None
    conditions: Document | None
    failing: list[Document] = Field(description="The comparisons that kept it from running.")
    note: str | None


class Also(BaseModel):
    """A run in which the event had another part."""

    run_id: str
    workflow: str
    status: RunStatus
    what: str


class Why(BaseModel):
    """What became of an event. Without an `event` it was refused (`dead_letters`), or nothing is known of it."""

    event: EventBrief | None
    workflows: list[WhyVerdict]
    also: list[Also]
    dead_letters: list[DeadLetter]


class WhyEntity(BaseModel):
    """What became of the latest events of an entity."""

    entity: str
    items: list[Why]
