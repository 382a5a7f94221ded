"""What an action is asked to do, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

JSON = Any
"""A value as JSON has them; `Any`, since a recursive alias costs more in casts than it finds."""

ErrorKind = Literal["http", "timeout", "connection", "smtp", "refused", "parameters", "secret", "internal"]


class ActionError(TypedDict, total=False):
    """Why an action failed. `kind` and `message` are always there; `body` is the start of the answer."""

    kind: ErrorKind
    message: str
    status: int
    body: str


@dataclass(slots=True, frozen=True)
class Succeeded:
    """The action was performed; `output` becomes `steps.<id>`."""

    output: JSON


@dataclass(slots=True, frozen=True)
class Failed:
    """The action was not performed. `retry_after` is in seconds, as the other side asked for it."""

    error: ActionError
    retryable: bool = False
    retry_after: float | None = None


Outcome = Succeeded | Failed


@dataclass(slots=True, frozen=True)
class Fired:
    """The time that a run waited for has come."""


@dataclass(slots=True, frozen=True)
class Call:
    """All that an action gets to know.

    `input` holds the rendered parameters with the defaults filled in; `event` is the whole CloudEvent;
    `causation` is the value of X-OneStack-Causation: the run id, a semicolon, the chain's workflow ids.
    """

    command_id: str
    run_id: str
    org: str
    workflow_id: str
    step: str
    action: str
    input: dict[str, JSON]
    event: dict[str, JSON]
    traceparent: str
    causation: str
    entity_type: str
    entity_id: str
