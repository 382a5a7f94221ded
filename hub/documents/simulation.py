"""Trying a workflow on one event: what is asked, and what is told."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    Tag,
    model_validator,
)

from hub.documents.definitions import EXAMPLE, State
from hub.documents.runs import RunStatus
from schemas.names import ID_PATTERN

MOST_SIGNALS = 20
"""Each may begin the run anew, and each beginning is told with the whole event."""


_AT: Final = "2026-11-23T08:00:00.000000Z"
_INPUT: Final[dict[str, Any]] = {"title": "Disk full", "board": "Alerts", "priority": "P1", "status": "New"}
_HELD: Final[dict[str, Any]] = {
    "field": "alert.severity", "op": "in", "value": ["critical", "high"], "actual": "critical", "result": True,
}  # fmt: skip
_SIMULATED: Final[dict[str, Any]] = {
    "org": "acme",
    "workflow": {"id": "alert-to-ticket", "name": "Alert to ticket", "version": 3, "state": "enabled"},
    "event": {"id": "sample-1", "type": "alert.triggered", "subject": "alert/a-1", "orgid": "acme"},
    "status": "completed",
    "reason": None,
    "started": _AT,
    "ended": _AT,
    "lasted_ms": 0,
    "conditions": _HELD,
    "steps": [
        {
            "step": "ticket", "position": 0, "action": "create_ticket", "status": "succeeded", "started": _AT,
            "ended": _AT, "input": _INPUT, "output": {"id": "imagined-ticket-ticket"},
            "attempts": [{"at": _AT, "error": None, "next_at": None}], "waits": [], "error": None,
        }
    ],
    "not_reached": [],
    "missing": [],
    "signals": [],
    "throttle": None,
    "entries": [],
    "story": [
        "alert.triggered sample-1 about alert/a-1 came in.",
        "The conditions held: severity is critical or high.",
        "ticket: Create ticket “Disk full” on board Alerts, P1: would succeed.",
        "The run completed.",
    ],
    "requests": {"ticket": {"method": "POST", "url": "{PSA}/v1/tickets", "body": _INPUT}},
}  # fmt: skip
_COUNTED: Final[dict[str, Any]] = {
    "runs": 12, "skipped": 30, "loop": 0, "throttled": 2, "storm": 0, "completed": 12, "failed": 0, "cancelled": 0,
}  # fmt: skip
_TOTAL: Final[dict[str, Any]] = {
    **_COUNTED, "actions": [{"step": "ticket", "action": "create_ticket", "times": 12}], "cut_short": 0,
}  # fmt: skip
_BACKTESTED: Final[dict[str, Any]] = {
    "workflow": "alert-to-ticket",
    "events": 44,
    "first_event": "2026-11-23T08:00:00+00:00",
    "last_event": "2026-11-23T17:00:00+00:00",
    "totals": {"draft": _TOTAL, "in_force": _TOTAL},
    "days": [{"day": "2026-11-23", "events": 44, "draft": _COUNTED, "in_force": _COUNTED}],
    "samples": [],
    "differences": None,
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SampleOf(_Strict):
    """A sample event of this type."""

    type: Annotated[str, Field(min_length=1, max_length=100)]


class RealEvent(_Strict):
    """An event of the history."""

    id: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")]
    source: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")] | None = None


class Enveloped(_Strict):
    """An event, given whole."""

    envelope: Annotated[dict[str, Any], Field(description="A CloudEvent; `orgid` may be left out.")]


def _which(given: object) -> str:
    if isinstance(given, dict):
        return "<envelope>" if "envelope" in given else "<real>" if "id" in given else "<sample>"
    return "<envelope>" if isinstance(given, Enveloped) else "<real>" if isinstance(given, RealEvent) else "<sample>"


TriedEvent = Annotated[
    Annotated[SampleOf, Tag("<sample>")]
    | Annotated[RealEvent, Tag("<real>")]
    | Annotated[Enveloped, Tag("<envelope>")],
    Discriminator(_which),
]


class FailingStep(_Strict):
    """How a step's calls fail."""

    status: Annotated[StrictInt, Field(ge=400, le=599)] | None = Field(None, description="The HTTP status; else 500.")
    timeout: StrictBool = Field(False, description="No answer comes in time.")
    times: Annotated[StrictInt, Field(ge=1, le=100)] | None = Field(None, description="The first so many; else all.")


class SignalLater(_Strict):
    """An event of the same entity that arrives meanwhile."""

    type: Annotated[str, Field(min_length=1, max_length=100)]
    after: Annotated[str, Field(min_length=1, max_length=40, examples=["5m"])]


class SimulateRequest(_Strict):
    """What to try: a definition, or the workflow in force; and on which event."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "definition": EXAMPLE,
                    "event": {"type": "alert.triggered"},
                    "changes": {"alert.severity": "high"},
                    "fail": {"ticket": {"status": 503, "times": 2}},
                }
            ]
        },
    )
    definition: dict[str, Any] | None = None
    workflow_id: Annotated[str, Field(pattern=ID_PATTERN)] | None = None
    event: TriedEvent
    changes: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=1000)], Any],
        Field(max_length=200, description="Values in the event's data, by dotted paths."),
    ] = Field(default_factory=dict)
    fail: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=1000)], FailingStep],
        Field(max_length=200, description="By step path or id."),
    ] = Field(default_factory=dict)
    signals: Annotated[list[SignalLater], Field(max_length=MOST_SIGNALS)] = Field(default_factory=list)
    takes: Annotated[str, Field(min_length=1, max_length=40)] = Field("0s", description="How long each call takes.")
    at: AwareDatetime | None = Field(None, description="When it begins; else at the event's time.")

    @model_validator(mode="after")
    def _one(self) -> SimulateRequest:
        if (self.definition is None) == (self.workflow_id is None):
            message = "needs either 'definition' or 'workflow_id'"
            raise ValueError(message)
        return self


class SimulatedWorkflow(BaseModel):
    """What was tried."""

    id: str
    name: str
    version: int
    state: State


class SimulatedAttempt(BaseModel):
    """One call."""

    at: datetime
    error: dict[str, Any] | None
    next_at: datetime | None


class SimulatedStep(BaseModel):
    """A step that began."""

    step: str = Field(description="Its path, such as `which.then.ticket`.")
    position: int
    action: str = Field(description="The action, or `condition`.")
    status: Literal["running", "waiting", "succeeded", "failed", "skipped", "cancelled"]
    started: datetime
    ended: datetime | None
    input: Any = None
    output: Any = None
    result: bool | None = None
    conditions: dict[str, Any] | None = None
    attempts: list[SimulatedAttempt]
    waits: list[dict[str, Any]]
    error: dict[str, Any] | None


class NotReached(BaseModel):
    """A step that never began."""

    step: str
    why: str


class MissingPath(BaseModel):
    """A template's path that leads nowhere in this event."""

    model_config = ConfigDict(extra="allow")
    field: str
    path: str


class SignalTold(BaseModel):
    """An event that arrived meanwhile, and its effect."""

    event: str
    type: str
    at: datetime
    effect: str = Field(description="`cancel`, `restart`, or why it did nothing.")


class SentRequest(BaseModel):
    """What an action would send."""

    method: str
    url: str = Field(description="A module's path below its base URL: `{PSA}/v1/tickets`; secrets by their names.")
    body: Any


class Simulation(BaseModel):
    """What would happen, with nothing performed."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SIMULATED]})
    org: str
    workflow: SimulatedWorkflow
    event: dict[str, Any]
    status: RunStatus
    reason: str | None
    started: datetime
    ended: datetime
    lasted_ms: float
    conditions: dict[str, Any] | None
    steps: list[SimulatedStep]
    not_reached: list[NotReached]
    missing: list[MissingPath]
    signals: list[SignalTold]
    throttle: dict[str, Any] | None
    entries: list[dict[str, Any]] = Field(description="As the run log would have them.")
    story: list[str] = Field(description="In sentences.")
    requests: dict[str, SentRequest] = Field(description="By step path.")


class BacktestRequest(_Strict):
    """What to try on the events of the last days: a definition, or the workflow in force."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"definition": EXAMPLE, "days": 30}]})
    definition: dict[str, Any] | None = None
    workflow_id: Annotated[str, Field(pattern=ID_PATTERN)] | None = None
    days: Annotated[StrictInt, Field(ge=1, le=90)] = 30

    @model_validator(mode="after")
    def _one(self) -> BacktestRequest:
        if (self.definition is None) == (self.workflow_id is None):
            message = "needs either 'definition' or 'workflow_id'"
            raise ValueError(message)
        return self


class BacktestCounts(BaseModel):
    """What came of events."""

    runs: int
    skipped: int
    loop: int
    throttled: int
    storm: int
    completed: int
    failed: int
    cancelled: int


class ActionTimes(BaseModel):
    """How often a step would have been performed."""

    step: str
    action: str
    times: int


class BacktestTotals(BacktestCounts):
    """Of all days."""

    actions: list[ActionTimes]
    cut_short: int = Field(description="Runs that waited when too many did: they were played to their end early.")


class BacktestBoth(BaseModel):
    """Of the draft, and of what is in force; of that all is 0 where nothing is."""

    draft: BacktestTotals
    in_force: BacktestTotals


class BacktestDay(BaseModel):
    """One day's events."""

    day: str
    events: int
    draft: BacktestCounts
    in_force: BacktestCounts


class BacktestReport(BaseModel):
    """What a definition would have done."""

    model_config = ConfigDict(json_schema_extra={"examples": [_BACKTESTED]})
    workflow: str
    events: int
    first_event: datetime | None
    last_event: datetime | None
    totals: BacktestBoth
    days: list[BacktestDay]
    samples: list[dict[str, Any]] = Field(description="Events with what the draft would have done.")
    differences: dict[str, Any] | None = Field(description="From what is in force; null where nothing is.")
