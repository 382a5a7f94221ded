"""How the Hub tells whether it can work."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"]


class Part(BaseModel):
    """One thing that the Hub needs."""

    state: Literal["ready", "waiting", "away", "behind", "refused"]
    detail: str = Field(description="How it is, in a sentence.")
    todo: str | None = Field(description="What to do about it, where there is something to do.")


class Readiness(BaseModel):
    """Whether the Hub can work, and if not, why."""

    ready: bool
    parts: dict[str, Part] = Field(description="By name: kafka, postgres, tables, organisations, projector.")
