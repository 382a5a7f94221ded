"""What is known of workflows when their health is judged: plain values, so that judging needs no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

WINDOW: Final = timedelta(days=30)
"""How far back a check looks."""
RECENT: Final = timedelta(days=7)
"""How far back it looks for what changes from day to day: failures, guards, fights."""
GRACE: Final = timedelta(days=1)
"""A version that is younger is not judged by what it keeps from running: it may have been mended just now."""
FEWEST_EVENTS: Final = 20
"""With fewer events nothing is said about what conditions let through."""
FEWEST_RUNS: Final = 5
"""With fewer runs that ended nothing is said about failures."""
MOST_TRACES: Final = 500
MOST_EVENTS: Final = 2_000
MOST_FAILURES: Final = 200
LATEST_ENDS: Final = 10
MOST_WRITING_RUNS: Final = 1_000
SHOWN: Final = 3
"""Runs that a finding names."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A skipped run and its conditions as they were evaluated."""

    run_id: str
    at: datetime
    conditions: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed run: its error, and the step that failed first."""

    run_id: str
    at: datetime
    error: str | None
    step: str | None
    action: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What one guard kept back lately: how often, the latest runs and why."""

    guard: str
    count: int
    first: datetime
    last: datetime
    reason: str
    run_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """The events of one type that an organisation had, the latest first; `capped` where there are more."""

    events: Sequence[Mapping[str, Any]]
    capped: bool
    since: datetime
    run_ids: Sequence[str] = ()
    kept_for: timedelta = WINDOW
    """For how long back events are known at all."""


@dataclass(frozen=True, slots=True)
class Write:
    """A step that set a field of an entity, such as `ticket/t-1`."""

    at: datetime
    run_id: str
    workflow_id: str
    entity: str
    field: str
    value: Any


@dataclass(slots=True)
class Facts:
    """An enabled workflow and what came of its events: since the version in force was published, or for 30 days.

    `ran` are runs that began, `skipped` and `suppressed` the events that did not. `ended` and `failed` are of the last
    7 days; `last_ends` are the latest ends of these, newest first.
    """

    workflow_id: str
    name: str
    version: int
    trigger: str | None
    definition: Mapping[str, Any]
    enabled_since: datetime
    version_since: datetime
    since: datetime
    ran: int = 0
    ran_in_window: int = 0
    skipped: int = 0
    suppressed: int = 0
    recent: int = 0
    ended: int = 0
    failed: int = 0
    last_ran: tuple[str, datetime] | None = None
    last_ends: Sequence[str] = ()
    traces: Sequence[Trace] = ()
    failures: Sequence[Failure] = ()
    kept: Sequence[Kept] = ()
    skipped_kept_for: timedelta = WINDOW
    """For how long back skipped events are known at all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a workflow."""

    workflow_id: str
    finding: str
    about: str
    severity: str
    sentence: str
    first_seen: datetime
    run_ids: Sequence[str] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
