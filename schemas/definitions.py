"""A workflow's definition as it stands on the definitions topic, and in YAML for people (DESIGN.md §5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictFloat,
    StrictInt,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from schemas.actions import PARAMETERS, UNFINISHED, has_template
from schemas.conditions import Condition
from schemas.durations import parse_duration
from schemas.errors import Fault, Refused, faults_of
from schemas.events.types import EVENT_TYPES
from schemas.names import ID_PATTERN

LARGEST: Final = 512 * 1024
"""Bytes of a definition at most: a quarter of what a topic's record may have, for commands carry it along."""
MOST_STEPS: Final = 200
"""Those inside branches included: what one decision writes has to fit into a record."""
LONGEST_THROTTLE: Final = timedelta(days=31)
"""The starts in a throttle's period are remembered one by one."""
_DEEPEST: Final = 64

Id = Annotated[str, Field(pattern=ID_PATTERN)]
State = Literal["draft", "shadow", "enabled", "disabled"]
OnError = Literal["continue", "stop"]


def _duration(text: str) -> str:
    parse_duration(text)
    return text


Duration = Annotated[str, AfterValidator(_duration)]


def _event_type(name: str) -> str:
    if name not in EVENT_TYPES:
        message = f"{name[:60]!r} is not an event type; the types are {', '.join(EVENT_TYPES)}"
        raise ValueError(message)
    return name


EventType = Annotated[str, AfterValidator(_event_type)]


class Part(BaseModel):
    """A part of a definition; a field that it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Trigger(Part):
    """The event that starts the workflow."""

    type: EventType


class Retry(Part):
    """How often a failed action is tried again, and how long is waited before."""

    max_retries: Annotated[int, Field(ge=0, le=20, strict=True)] = 3
    initial_interval: Duration = "PT1S"
    multiplier: Annotated[StrictInt | StrictFloat, Field(ge=1, le=100)] = 2
    max_interval: Duration = "PT1M"


class EventMatch(Part):
    """An event of the same entity that ends or restarts a run."""

    type: EventType
    where: Condition | None = None


class Throttle(Part):
    """At most `limit` runs per key and period; each of the rest is a suppressed run."""

    key: Annotated[str, Field(min_length=1, max_length=2000)]
    limit: Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
    per: Duration

    @field_validator("per")
    @classmethod
    def _bounded(cls, text: str) -> str:
        if not timedelta(0) < parse_duration(text) <= LONGEST_THROTTLE:
            message = f"{text[:40]!r} is not a period that runs are counted over: from some milliseconds to 31 days"
            raise ValueError(message)
        return text


class ActionStep(Part):
    """A step that does something."""

    id: Id
    action: str
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    on_error: OnError | None = None
    retry: Retry | None = None
    name: str | None = Field(None, max_length=200)

    @field_validator("action")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in PARAMETERS:
            message = f"{name[:60]!r} is not an action; the actions are {', '.join(PARAMETERS)}"
            raise ValueError(message)
        return name


class GateStep(Part):
    """A condition between steps: false ends the run here, as completed."""

    id: Id
    condition: Condition
    name: str | None = Field(None, max_length=200)


class BranchStep(Part):
    """A fork: one list of steps where the condition holds, another where not."""

    id: Id
    if_: Condition = Field(alias="if")
    then: list[Step] = Field(default_factory=list)
    else_: list[Step] = Field(default_factory=list, alias="else")
    name: str | None = Field(None, max_length=200)


def _kind(given: object) -> str:
    if isinstance(given, dict):
        return "<gate>" if "condition" in given else "<branch>" if "if" in given or "then" in given else "<action>"
    return "<gate>" if isinstance(given, GateStep) else "<branch>" if isinstance(given, BranchStep) else "<action>"


Step = Annotated[
    Annotated[ActionStep, Tag("<action>")]
    | Annotated[GateStep, Tag("<gate>")]
    | Annotated[BranchStep, Tag("<branch>")],
    Discriminator(_kind),
]
BranchStep.model_rebuild()


class Definition(Part):
    """A workflow: one trigger, conditions, and steps in order."""

    id: Id
    org: Id
    version: Annotated[int, Field(ge=1, le=2_147_483_647, strict=True)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=4000)] | None = None
    state: State
    trigger: Trigger
    conditions: Condition | None = None
    steps: Annotated[list[Step], Field(min_length=1, max_length=MOST_STEPS)]
    on_error: OnError = "continue"
    retry: Retry | None = None
    cancel_on: list[EventMatch] = Field(default_factory=list)
    restart_on: list[EventMatch] = Field(default_factory=list)
    throttle: Throttle | None = None

    @model_validator(mode="after")
    def _acts(self) -> Definition:
        if self.state != "draft" and not any(isinstance(step, ActionStep) for step in every_step(self.steps)):
            message = "needs at least one action"
            raise ValueError(message)
        if (count := len(every_step(self.steps))) > MOST_STEPS:
            message = f"has {count} steps, those inside branches included; at most {MOST_STEPS} are accepted"
            raise ValueError(message)
        return self


class Draft(Definition):
    """A definition that may be unfinished; it never runs."""

    state: Literal["draft"]
    name: str = ""
    trigger: Trigger | None = None  # type: ignore[assignment]  # a draft may lack what a definition has
    steps: Annotated[list[Step], Field(max_length=MOST_STEPS)] = Field(default_factory=list)


def every_step(steps: list[Any]) -> list[Any]:
    """The steps and, after each branch, the steps inside it, in the order in which they stand."""
    found: list[Any] = []
    for step in steps:
        found.append(step)
        if isinstance(step, BranchStep):
            found += every_step(step.then) + every_step(step.else_)
    return found


def parse_definition(given: bytes | str | dict[str, Any]) -> Definition:
    """The definition in a JSON text or in a document that is parsed already.

    Raises Refused with every fault, each with the dotted path of its field, such as `steps[1].with.title`.
    """
    document = read_document(given)
    draft = document.get("state") == "draft"
    try:
        definition = (Draft if draft else Definition).model_validate(document)
    except ValidationError as error:
        faults = faults_of({**one, "loc": _path(one["loc"])} for one in error.errors(include_url=False))
        raise Refused(faults[:20]) from None
    faults = _step_faults("steps", definition.steps, set(), draft=draft)
    if faults:
        raise Refused(faults[:20])
    return definition


def unfinished(draft: Definition) -> list[Fault]:
    """What keeps a draft from being enabled: everything that it lacks, in the whole document and in each step."""
    document = draft.model_dump(mode="json", by_alias=True, exclude_unset=True) | {"state": "enabled"}
    faults = []
    try:
        Definition.model_validate(document)
    except ValidationError as error:
        faults = faults_of({**one, "loc": _path(one["loc"])} for one in error.errors(include_url=False))
    return faults + _step_faults("steps", draft.steps, set(), draft=False)


def read_document(given: bytes | str | dict[str, Any]) -> dict[str, Any]:
    """The JSON object in it. Raises Refused where it is none, too large or nested too deep."""
    if not isinstance(given, dict):
        if len(given) > LARGEST:
            raise Refused.one("", f"the definition has {len(given):,} bytes; at most {LARGEST:,} are accepted")
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError as error:
            raise Refused.one("", f"not JSON: {error}") from None
    if not isinstance(given, dict):
        raise Refused.one("", "a definition is a JSON object")
    if _too_deep(given):
        raise Refused.one("", f"nested deeper than {_DEEPEST} levels")
    return given


def _too_deep(value: object, level: int = 0) -> bool:
    if level > _DEEPEST:
        return True
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_too_deep(one, level + 1) for one in inside)


def _path(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Pydantic's location without the tags of our unions: (steps, 1, <action>, with) is steps[1].with."""
    return tuple(part for part in location if not (isinstance(part, str) and part.startswith("<")))


def _step_faults(where: str, steps: list[Any], seen: set[str], *, draft: bool) -> list[Fault]:
    faults: list[Fault] = []
    for index, step in enumerate(steps):
        at = f"{where}[{index}]"
        if step.id in seen:
            faults.append(Fault(f"{at}.id", f"{step.id!r} is the id of another step of this workflow"))
        seen.add(step.id)
        if isinstance(step, BranchStep):
            faults += _step_faults(f"{at}.then", step.then, seen, draft=draft)
            faults += _step_faults(f"{at}.else", step.else_, seen, draft=draft)
        elif isinstance(step, ActionStep):
            faults += parameter_faults(step.action, step.with_, f"{at}.with", draft=draft)
    return faults


def parameter_faults(action: str, given: dict[str, Any], where: str, *, draft: bool = False) -> list[Fault]:
    """What is wrong with an action's parameters as a definition gives them; templates count as fitting any type."""
    model = PARAMETERS[action]
    try:
        model.model_validate(given)
    except ValidationError as error:
        counted = []
        for one in error.errors(include_url=False):
            if draft and one["type"] in {"missing", "too_short", UNFINISHED}:
                continue
            top = one["loc"][0] if one["loc"] else None
            if top is not None and one["type"] != "extra_forbidden" and _lone_template(given.get(str(top))):
                continue
            counted.append(one)
        return faults_of(counted, where)
    return []


def _lone_template(value: object) -> bool:
    return has_template(value) and isinstance(value, str) and value.strip().startswith("{{")
