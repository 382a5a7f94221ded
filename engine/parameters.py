"""A step's parameters: what `with` says, and the defaults of `schemas.actions` for what it leaves out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from engine.errors import ParametersError, RenderError
from engine.filters import as_text
from engine.paths import MISSING, Scope, text_of
from engine.templates import Template, compile_value
from schemas.actions import PARAMETERS
from schemas.errors import Fault, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST_INPUT: Final = 512 * 1024
"""Bytes of a step's rendered parameters as JSON: with the event (256 kB), the outputs (512 kB) and the definition
(512 kB) a command still fits into a record of 2 MB."""

_IN_PATH: Final = frozenset({"ticket_id", "device_id", "company_id", "entity_type", "entity_id"})
"""What stands in the URL of the call; in create_ticket company_id does not."""
_NEEDED: Final[dict[str, frozenset[str]]] = {
    "create_ticket": frozenset({"title"}),
    "update_ticket": frozenset({"fields", "ticket_id"}),
    "send_notification": frozenset({"channel", "to", "body"}),
    "escalate_on_call": frozenset({"team"}),
    "update_field": frozenset({"field", "entity_type", "entity_id"}),
    "run_script": frozenset({"script_id", "device_id"}),
    "create_note": frozenset({"body", "company_id"}),
    "add_tag": frozenset({"tag", "entity_type", "entity_id"}),
    "webhook": frozenset({"url"}),
    "delay": frozenset({"for", "until"}),
}
"""Without these an action can't be performed, so a step fails before any call where one is empty. (Of a delay's two a
step has one.)"""
_ANY_JSON: Final = {
    ("update_field", "value"),
    ("webhook", "body"),
    ("update_ticket", "fields"),
    ("run_script", "parameters"),
}
_SECRETS: Final = {("webhook", "url"), ("webhook", "secret"), ("webhook", "headers"), ("send_notification", "to")}
"""Where `secret:NAME` is looked up."""
_REFERENCE: Final = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9-]*\s+)?secret:")
"""How a text names a secret: as a whole, or behind the scheme of an Authorization header (`Bearer secret:NAME`)."""
_PLAIN_TEXT: Final = {
    *(("send_notification", "channel"), ("send_notification", "subject"), ("send_notification", "body")),
    *(("webhook", "url"), ("webhook", "secret"), ("webhook", "headers"), ("send_notification", "to")),
}
"""What is text whatever a template renders to: no module's API, which takes JSON, reads these."""
_OBJECTS: Final = {("update_ticket", "fields"), ("run_script", "parameters"), ("webhook", "headers")}


class Parameter:
    """One parameter of one step, compiled. `value` gives what is sent, or MISSING to leave it out."""

    __slots__ = ("_in_path", "_needed", "_object", "_optional", "_plain", "_secrets", "name", "template", "value")

    def __init__(self, action: str, name: str, given: Any, template: Template, *, is_default: bool) -> None:
        self.name = name
        self.template = template
        self._needed = name in _NEEDED.get(action, frozenset())
        self._in_path = self._needed and name in _IN_PATH
        self._optional = is_default and not self._needed
        self._plain = (action, name) in _PLAIN_TEXT
        self._object = (action, name) in _OBJECTS
        self._secrets = frozenset(_texts(given)) if (action, name) in _SECRETS and not template.constant else None
        # What is the same for every event was checked with the definition, so only the rest is checked here.
        self.value: Callable[[Scope], Any] = template.render if template.constant else self._checked

    def _checked(self, scope: Scope) -> Any:
        try:
            value = self.template.raw(scope)
        except RenderError as error:
            raise ParametersError(f"{self.name}: {error}") from None
        if value is MISSING or value is None or value == "":
            return self._empty(value)
        if self._in_path:
            value = self._part_of_path(value)
        if self._object and not isinstance(value, dict):
            raise ParametersError(f"{self.name}: should be an object of names and values")
        if self._plain:
            value = _plain_text(value, as_object=self._object, as_list=self.name == "to")
        if self._needed and (value in ([], {}) or (isinstance(value, str) and not value.strip())):
            return self._empty(value)
        if self._secrets is not None and any(
            _REFERENCE.match(text) and text not in self._secrets for text in _texts(value)
        ):
            raise ParametersError(
                f"{self.name}: a secret is named by the definition, not by what a template renders to"
            )
        return value

    def _empty(self, value: Any) -> Any:
        if self._needed:
            why = self._why()
            raise ParametersError(f"{self.name}: is required, but renders to nothing{why}")
        if self._optional or self._object:
            return MISSING
        return "" if value is MISSING else value

    def _why(self) -> str:
        path = self.template.path
        return "" if path is None else f" ({text_of(path)} is not there)"

    def _part_of_path(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ParametersError(f"{self.name}: should be an id, not true, false, a list or an object")
        return str(value)


def _plain_text(value: Any, *, as_object: bool, as_list: bool) -> Any:
    if as_object and isinstance(value, dict):
        return {key: as_text(one) for key, one in value.items()}
    if as_list and isinstance(value, list):
        # Somebody without an address does not keep the others from being told.
        return [text for one in value if (text := as_text(one).strip())]
    return as_text(value)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in inside for text in _texts(one)]


def compile_parameters(action: str, given: dict[str, Any], field: str) -> tuple[Parameter, ...]:
    """The parameters of a step that are sent, those given first. Raises Refused with each fault under `field`."""
    parameters: list[Parameter] = []
    faults: list[Fault] = []
    for name, value, is_default in _values(action, given):
        try:
            template = compile_value(value, f"{field}.{name}")
        except Refused as refused:
            faults += refused.faults
        else:
            parameters.append(Parameter(action, name, value, template, is_default=is_default))
    if faults:
        raise Refused(faults)
    return tuple(parameters)


def _values(action: str, given: dict[str, Any]) -> list[tuple[str, Any, bool]]:
    found = [
        (name, _as_meant(action, name, value), False)
        for name, value in given.items()
        if value is not None or (action, name) in _ANY_JSON
    ]
    for name, info in PARAMETERS[action].model_fields.items():
        default = "{{event}}" if (action, name) == ("webhook", "body") else info.get_default()
        if name not in given and isinstance(default, str):
            found.append((info.alias or name, default, True))
    return found


def _as_meant(action: str, name: str, value: Any) -> Any:
    """A number where text is wanted, as YAML reads an unquoted 42, is that text."""
    if (action, name) in _ANY_JSON:
        return value
    if isinstance(value, dict):
        return {key: _as_meant(action, name, one) for key, one in value.items()}
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def render(parameters: tuple[Parameter, ...], scope: Scope) -> dict[str, Any]:
    """The rendered parameters of a step. Raises ParametersError where they can't be sent."""
    return render_json(parameters, scope)[0]


def render_json(parameters: tuple[Parameter, ...], scope: Scope) -> tuple[dict[str, Any], bytes]:
    """The rendered parameters of a step, and their JSON. Raises ParametersError where they can't be sent."""
    rendered = {}
    for parameter in parameters:
        value = parameter.value(scope)
        if value is not MISSING:
            rendered[parameter.name] = value
    try:
        raw = orjson.dumps(rendered)
    except TypeError as error:
        raise ParametersError(f"can't be written as JSON: {error}") from None
    if len(raw) > LARGEST_INPUT:
        raise ParametersError(f"have {len(raw):,} bytes together; at most {LARGEST_INPUT:,} are sent")
    return rendered, raw
