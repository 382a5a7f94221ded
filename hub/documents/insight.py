"""How it goes: the figures of the last minutes or hours."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class InsightPoint(BaseModel):
    """What began in one stretch of time."""

    at: datetime = Field(description="When the stretch begins.")
    events: int
    started: int = Field(description="Runs that began, and were neither skipped nor suppressed.")
    completed: int = Field(description="How many of them are completed by now.")
    failed: int
    filtered: int = Field(description="Events whose conditions were false, or that a guard kept back.")


class FailingWorkflow(BaseModel):
    """A workflow with failed runs."""

    workflow_id: str
    name: str | None
    failed: int
    runs: int
    last_error: str | None


class KeptBack(BaseModel):
    """What a guard kept back of one workflow."""

    workflow_id: str
    name: str | None
    guard: str = Field(description="`storm`, `throttle` or `loop`.")
    suppressed: int
    last_at: datetime
    reason: str = Field(description="Of the last one.")


class GroupLag(BaseModel):
    """How far a group of consumers is behind a topic, over all organisations."""

    group: str
    topic: str
    behind: int


class ProjectorLag(BaseModel):
    """How far the history is behind Kafka."""

    behind: int
    caught_up: bool = Field(description="False also while Kafka does not tell.")


class ActionFigures(BaseModel):
    """How the steps of an action went, in the latest runs."""

    action: str
    succeeded: int
    failed: int
    p50_ms: float | None
    p95_ms: float | None


class Insight(BaseModel):
    """How it goes in the organisation."""

    at: datetime
    minutes: int
    series: list[InsightPoint] = Field(description="Equal stretches, one a minute, and of more than 120 longer ones.")
    running: int = Field(description="Now; 10,000 are counted.")
    waiting: int = Field(description="Now; 10,000 are counted.")
    dead_letters: int = Field(description="In this time; 10,000 are counted.")
    failing: list[FailingWorkflow] = Field(description="The ten with the most failed runs in this time.")
    storms: list[KeptBack] = Field(description="What guards kept back in this time.")
    lag: list[GroupLag] = Field(description="Empty while Kafka does not tell.")
    projector: ProjectorLag
    steps: list[ActionFigures]
