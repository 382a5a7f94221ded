"""Workflow templates: a definition with open places, and the parameters that a person fills them with.

A place is written `<<board>>`, which nothing that is rendered at run time (`{{device.name}}`) can be taken for. A text
that is one place takes the value with its type; within a longer text the value stands as text. What a value holds is
never read for further places.
"""

from __future__ import annotations

import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, ValidationError, model_validator

from schemas.definitions import parse_definition
from schemas.documents import load_yaml
from schemas.durations import parse_duration
from schemas.errors import Fault, Refused
from schemas.events.types import EVENT_TYPES
from schemas.names import is_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FOLDER: Final = Path(__file__).resolve().parents[1] / "templates"
"""Where the built-in templates are, one file each."""

_PLACE = re.compile(r"<<([a-z][a-z0-9_]{0,39})>>")
_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_PLAIN: Final = frozenset({"number", "duration"})
"""Types whose values can stand inside a run-time expression without changing what it means."""
_EMAIL = re.compile(r"[^@\s<>]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_NAMED_EMAIL = re.compile(r"[^<>@]{0,200}<([^<>]+)>")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_SECRET = re.compile(r"secret:[A-Za-z0-9_.-]{1,100}")
_LONGEST: Final = 4000
_MOST_ITEMS: Final = 100

Type = Literal["text", "email", "number", "duration", "choice", "list", "board", "team", "secret"]


class Parameter(BaseModel):
    """What a person fills in: a parameter without a default is required."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    label: Annotated[str, Field(min_length=1, max_length=100)]
    description: Annotated[str, Field(min_length=1, max_length=400)]
    type: Type
    default: Any = None
    choices: tuple[str, ...] = ()
    least: StrictInt | StrictFloat | None = Field(None, description="The smallest number that makes sense.")

    @property
    def required(self) -> bool:
        """Whether a value has to be given."""
        return self.default is None

    @model_validator(mode="after")
    def _consistent(self) -> Parameter:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("choices belong to a choice, and a choice has them")
        if self.default is not None:
            value(self, self.default)
        return self


class About(BaseModel):
    """What a person reads of a template before using it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$")]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    summary: Annotated[str, Field(min_length=1, max_length=200, description="One sentence.")]
    description: Annotated[str, Field(min_length=1, max_length=4000)]
    category: Annotated[str, Field(min_length=1, max_length=40)]


class Template(BaseModel):
    """A template that was found good: every place is a parameter, every parameter has a place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: About = Field(alias="template")
    parameters: tuple[Parameter, ...] = ()
    definition: dict[str, Any]

    @property
    def name(self) -> str:
        """By which it is asked for; also the workflow's id unless another is given."""
        return self.about.name

    @property
    def trigger(self) -> str:
        """The event type that starts the workflow."""
        return str(self.definition["trigger"]["type"])

    @model_validator(mode="after")
    def _closed(self) -> Template:
        trigger = self.definition.get("trigger")
        if not isinstance(trigger, dict) or trigger.get("type") not in EVENT_TYPES:
            raise ValueError("definition.trigger.type should be an event type")
        fixed = sorted({"id", "org", "version", "name", "description", "state"} & self.definition.keys())
        if fixed:
            raise ValueError(f"{', '.join(fixed)}: is given when the template is used")
        declared = {one.name: one for one in self.parameters}
        if len(declared) != len(self.parameters):
            raise ValueError("a parameter is declared twice")
        used = set()
        for text in _texts(self.definition):
            if _PLACE.sub("", text).count("<<"):
                raise ValueError(f"{text[:80]!r} has '<<' that begins no place")
            used |= set(_PLACE.findall(text))
            _check_expressions(text, declared)
        _check_names(used, set(declared))
        return self


def _check_names(used: set[str], declared: set[str]) -> None:
    if used - declared:
        raise ValueError(f"no parameter is declared for {', '.join(f'<<{name}>>' for name in sorted(used - declared))}")
    if declared - used:
        raise ValueError(f"no place is filled by the parameters {', '.join(sorted(declared - used))}")


def _check_expressions(text: str, declared: Mapping[str, Parameter]) -> None:
    for expression in _EXPRESSION.findall(text):
        for name in _PLACE.findall(expression):
            if name in declared and declared[name].type not in _PLAIN:
                raise ValueError(f"<<{name}>> stands inside {expression[:60]!r}, where only a number or a duration can")


def _texts(given: object) -> Iterator[str]:
    if isinstance(given, str):
        yield given
    elif isinstance(given, dict):
        for key, one in given.items():
            yield key
            yield from _texts(one)
    elif isinstance(given, list):
        for one in given:
            yield from _texts(one)


def parse(text: str | bytes) -> Template:
    """The template in a YAML text. Raises Refused with each fault's field and reason."""
    documents = load_yaml(text)
    if len(documents) != 1:
        raise Refused.one("", "a template file holds one document")
    try:
        return Template.model_validate(documents[0])
    except ValidationError as error:
        raise Refused.from_validation(error) from None


@cache
def built_in() -> dict[str, Template]:
    """The templates that the product ships with, by name, in the order of their titles."""
    found = [parse(file.read_bytes()) for file in FOLDER.glob("*.yaml")]
    return {one.name: one for one in sorted(found, key=lambda one: one.about.title)}


def find(name: str) -> Template:
    """The built-in template of this name, or of this title. Raises Refused, which names all there are."""
    known = built_in()
    titled = {one.about.title.casefold(): one for one in known.values()}
    if name not in known and (one := titled.get(name.strip().casefold())) is not None:
        return one
    if name not in known:
        raise Refused.one("", f"there is no template {name[:60]!r}; the templates are {', '.join(known)}")
    return known[name]


def fill(
    template: Template,
    values: Mapping[str, Any],
    org: str,
    id: str | None = None,
    *,
    state: str = "draft",
    version: int = 1,
) -> dict[str, Any]:
    """The definition that the template becomes with these values, defaults filled in; values may be text as typed.

    Raises Refused, each fault with the parameter's name (or the definition's field) and the reason.
    """
    known = {one.name for one in template.parameters}
    listed = ", ".join(one.name for one in template.parameters) or "none"
    unknown = f"{template.name} has no such parameter; it has {listed}"
    faults = [Fault(str(name), unknown) for name in values if name not in known]
    given = {}
    for one in template.parameters:
        try:
            given[one.name] = value(one, values.get(one.name, one.default))
        except ValueError as error:
            faults.append(Fault(one.name, str(error)))
    if not is_id(org):
        faults.append(Fault("org", "is no id of an organisation: letters, digits, _ . - (100 at most)"))
    if faults:
        raise Refused(faults)
    about = template.about
    head = {"id": id or about.name, "org": org, "version": version, "name": about.title}
    body = {**head, "description": about.summary, "state": state, **_filled(template.definition, given)}
    parse_definition(body)
    return body


def drawn(template: Template) -> dict[str, Any]:
    """The definition as a draft with all defaults, its places left open where there is none: to be looked at."""
    given = {one.name: f"<<{one.name}>>" if one.required else value(one, one.default) for one in template.parameters}
    about = template.about
    head = {"id": about.name, "name": about.title, "description": about.summary, "state": "draft"}
    return {**head, **_filled(template.definition, given)}


def _filled(given: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(given, str):
        whole = _PLACE.fullmatch(given)
        return deepcopy(values[whole[1]]) if whole else _PLACE.sub(lambda place: _as_text(values[place[1]]), given)
    if isinstance(given, dict):
        return {key: _filled(one, values) for key, one in given.items()}
    return [_filled(one, values) for one in given] if isinstance(given, list) else given


def _as_text(given: Any) -> str:
    return ", ".join(map(str, given)) if isinstance(given, list) else str(given)


def value(parameter: Parameter, given: Any) -> Any:
    """A value as this parameter takes it, from what was typed or from JSON. Raises ValueError with the reason."""
    if given is None or (isinstance(given, str) and not given.strip()):
        raise ValueError(f"is required: {parameter.description}")
    if parameter.type == "choice":
        if given not in parameter.choices:
            raise ValueError(f"should be one of {', '.join(parameter.choices)}, not {str(given)[:60]!r}")
        return given
    return _READ[parameter.type](parameter, given)


def _text(_: Parameter, given: Any) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError("should be text")  # noqa: TRY004 - a fault of the value, told like the others
    text = str(given)
    if len(text) > _LONGEST:
        raise ValueError(f"has {len(text):,} characters; at most {_LONGEST:,} are accepted")
    if any(ord(char) < 32 and char not in "\n\t" for char in text):
        raise ValueError("has control characters")
    return text


def _email(parameter: Parameter, given: Any) -> str:
    text = _text(parameter, given).strip()
    named = _NAMED_EMAIL.fullmatch(text)
    if "{{" not in text and not _EMAIL.fullmatch(named[1] if named else text):
        raise ValueError(f"{text[:60]!r} is no e-mail address, such as admin@example.com")
    return text


def _number(parameter: Parameter, given: Any) -> int | float:
    number: Any = given
    if isinstance(given, str) and _NUMBER.fullmatch(given.strip()):
        number = float(given) if "." in given else int(given)
    if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) < 10**15:
        raise ValueError(f"should be a number, not {str(given)[:60]!r}")
    if parameter.least is not None and number < parameter.least:
        raise ValueError(f"should be at least {parameter.least}, not {number}")
    return int(number) if number == int(number) else number


def _duration(parameter: Parameter, given: Any) -> str:
    text = _text(parameter, given).strip()
    if not parse_duration(text):
        raise ValueError("should be longer than nothing")
    return text


def _list(parameter: Parameter, given: Any) -> list[str]:
    parts = given if isinstance(given, list | tuple) else _text(parameter, given).split(",")
    items = [_text(parameter, part).strip() for part in parts]
    if not 0 < len(items) <= _MOST_ITEMS or not all(items):
        raise ValueError(f"should be 1 to {_MOST_ITEMS} texts with commas between them")
    return items


def _secret(parameter: Parameter, given: Any) -> str:
    text = _text(parameter, given)
    if not _SECRET.fullmatch(text):
        raise ValueError("name it as secret:NAME; a secret itself has no place in a definition")
    return text


_READ: Final[dict[str, Callable[[Parameter, Any], Any]]] = {
    "text": _text,
    "board": _text,
    "team": _text,
    "email": _email,
    "number": _number,
    "duration": _duration,
    "list": _list,
    "secret": _secret,
}
