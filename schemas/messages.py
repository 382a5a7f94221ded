"""The other records on the topics: commands, dead letters, control requests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Command(BaseModel):
    """What an executor is asked to do: the run's whole state travels with it (a routing slip)."""

    model_config = ConfigDict(extra="allow")
    format: Literal[1]
    id: Annotated[str, Field(description="{run id}:{generation}:{step path}; the same for every attempt.")]
    action: str
    state: dict[str, Any]


class DeadLetter(BaseModel):
    """Something that could not be read, with the reason and where it came from."""

    reason: str
    field: str
    topic: str
    partition: int
    offset: int
    key: str | None
    value: str | None = Field(description="The first 16 kB, as base64 where it is not text.")
    at: AwareDatetime
