"""The other records on the topics: commands, dead letters, control requests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import Refused, faults_of
from schemas.names import ID_PATTERN
from schemas.names import entity_key as key_of
from schemas.replays import ID, REPLAY_DATA, Note, subject


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


class By(BaseModel):
    """Who asked for it, and why."""

    model_config = ConfigDict(extra="forbid")
    person: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(max_length=2000)] | None = None
    replay: Annotated[str, Field(pattern=ID, description="The replay that this is a part of.")] | None = None


class Control(BaseModel):
    """A request about a run; its record has the run's entity key as its key.

    `cancel` and `rerun` name the run; `resume` brings its state along, folded from the run log. `start` is the guard's
    verdict on an event that it counted. `replay` asks for an entry in a replay's record, whose id is the `run_id`.
    """

    model_config = ConfigDict(extra="forbid")
    format: Literal[1] = 1
    id: Annotated[str, Field(min_length=1, max_length=200, description="Of the request: a repeat does nothing more.")]
    action: Literal["cancel", "resume", "rerun", "start", "replay"]
    org: Annotated[str, Field(pattern=ID_PATTERN)]
    entity_key: Annotated[str, Field(min_length=1, description="{org}/{subject} of the run's triggering event.")]
    run_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")] | None = None
    by: By | None = None
    state: dict[str, Any] | None = Field(None, description="resume: the run's state, folded from its entries.")
    definition: dict[str, Any] | None = Field(None, description="The version to run; none: the one in force.")
    workflow: str | None = Field(None, description="rerun: the workflow's id, where no definition is given.")
    step: str | None = Field(None, description="resume: the path of the step to go on from; else the one that failed.")
    event: dict[str, Any] | None = Field(None, description="rerun, start: the triggering event, whole.")
    digest: str | None = None
    arrived: int | None = Field(None, description="start: when the event arrived, in milliseconds since the epoch.")
    verdict: Literal["admitted", "throttle", "storm"] | None = None
    reason: str | None = None
    summary: dict[str, Any] | None = None
    note: Note | None = Field(None, description="replay: the entry.")

    @model_validator(mode="after")
    def _whole(self) -> Control:
        needed = {
            "cancel": ("run_id", "by"),
            "resume": ("run_id", "by", "state", "definition"),
            "rerun": ("run_id", "by", "event"),
            "start": ("event", "definition", "verdict"),
            "replay": ("run_id", "by", "note"),
        }[self.action]
        missing = [name for name in needed if getattr(self, name) is None]
        if missing:
            message = f"a request to {self.action} needs {', '.join(missing)}"
            raise ValueError(message)
        if not self.entity_key.startswith(f"{self.org}/"):
            message = f"entity_key should begin with {self.org}/"
            raise ValueError(message)
        if self.action == "replay" and self.note is not None:
            if self.entity_key != key_of(self.org, subject(self.run_id or "")):
                message = "entity_key should be that of the replay"
                raise ValueError(message)
            REPLAY_DATA[self.note.type].model_validate(self.note.data)
        return self


def read_control(value: bytes | None) -> Control:
    """The request in a record of the control topic. Raises Refused with every fault."""
    try:
        return Control.model_validate_json(value or b"")
    except ValidationError as error:
        raise Refused(faults_of(error.errors(include_url=False))[:20]) from None
