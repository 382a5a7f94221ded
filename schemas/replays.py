"""The record of a replay in the run log: entries of their own kind, under the replay's id instead of a run's.

Whoever replays asks for each of them on the control topic (`Control.note`), and numbers them itself, so that a repeat
writes nothing more. `history.replays` is made of them.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.names import ID_PATTERN

PREFIX: Final = "replay-"
"""What a replay's id begins with; no run's does."""
ID: Final = r"^replay-[A-Za-z0-9-]{1,60}$"
MOST_RUNS: Final = 10_000
"""Runs of one replay: their ids stand in one record."""


def subject(replay: str) -> str:
    """The subject of a replay's entries; its entity key is `{org}/` and this."""
    return f"replay/{replay}"


class ReplayCounts(BaseModel):
    """How far a replay has come. `replayed` runs were sent; what became of them, as far as it is known, follows."""

    model_config = ConfigDict(extra="forbid")
    replayed: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    waiting: int = Field(0, description="That go on later: they wait in a delay.")
    passed_over: int = Field(0, description="That went on otherwise meanwhile, or can't any more.")
    refused: int = 0


class ReplayFilter(BaseModel):
    """Which runs were chosen: of these statuses, and ended in this time."""

    model_config = ConfigDict(extra="forbid")
    status: list[str]
    since: AwareDatetime
    until: AwareDatetime


class ReplayStarted(BaseModel):
    """A replay began: of exactly these runs, in this order."""

    model_config = ConfigDict(extra="allow")
    token: str = Field(description="Of the process that replays: two can't go on at once.")
    workflow: Annotated[str, Field(pattern=ID_PATTERN)]
    action: Literal["resume", "rerun"]
    version: Literal["same", "current"]
    filter: ReplayFilter
    rate: float = Field(gt=0, description="Runs a second.")
    stop_at: float = Field(ge=0, le=100, description="It stops where more than so many percent fail again.")
    run_ids: Annotated[list[str], Field(min_length=1, max_length=MOST_RUNS)]
    new_run_ids: list[str] | None = Field(None, description="rerun: the new run of each.")


class ReplayContinued(BaseModel):
    """A replay that was interrupted or stopped goes on."""

    model_config = ConfigDict(extra="allow")
    token: str
    rate: float = Field(gt=0)
    stop_at: float = Field(ge=0, le=100)
    counts: ReplayCounts


class ReplayProgress(BaseModel):
    """A replay is under way."""

    model_config = ConfigDict(extra="allow")
    token: str
    counts: ReplayCounts


class ReplayEnded(BaseModel):
    """A replay ended, or stopped on its way: it can be continued unless it is finished."""

    model_config = ConfigDict(extra="allow")
    token: str
    status: Literal["finished", "stopped", "paused"]
    reason: str | None = None
    counts: ReplayCounts


REPLAY_DATA: Final[dict[str, type[BaseModel]]] = {
    "replay.started": ReplayStarted,
    "replay.continued": ReplayContinued,
    "replay.progress": ReplayProgress,
    "replay.ended": ReplayEnded,
}
"""The model of `data` by entry type; each also has `by`, who asked."""


class Note(BaseModel):
    """An entry that a replay asks to have written."""

    model_config = ConfigDict(extra="forbid")
    seq: int = Field(ge=0, lt=2**31 - 1)
    type: Literal["replay.started", "replay.continued", "replay.progress", "replay.ended"]
    data: dict[str, Any]
