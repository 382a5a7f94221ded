"""What each action can cause: the event types that a module may publish because of it, and what is known of them.

The analysis of loops rests on this table, so every action stands in it, those that cause nothing with an empty list. It
says what follows from the call itself. It does not say what people do who read a message, what comes back through a
webhook's receiver, what time brings (a ticket that was opened may breach its SLA), or what else a module changes of its
own accord, such as a due date with a priority.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, get_args

from pydantic import BaseModel

from engine.paths import Segments
from engine.possible import Known
from engine.templates import compile_text
from schemas.actions import PARAMETERS, has_template
from schemas.events import entity_of
from schemas.events.entities import Data

_TRIGGERING: Final = {"entity_type": ("event", "subject_type"), "entity_id": ("event", "subject_id")}
_STATES: Final = ("device.online", "device.offline")
_SIMPLE: Final = (str, int, float, bool)


class Effect(NamedTuple):
    """An event that an action may cause. `words` say what the action does, `own` that it is about the trigger's entity.

    `values` and `changed` are as in `engine.possible.Expected`.
    """

    type: str
    words: str
    values: tuple[tuple[Segments, Known], ...] = ()
    changed: frozenset[str] | None = None
    own: bool = False


With = dict[str, Any]
_SETTABLE: Final[dict[str, tuple[tuple[str, frozenset[str] | None], ...]]] = {
    "ticket": (("ticket.updated", None),),
    "deal": (("deal.stage_changed", frozenset({"stage"})),),
    "alert": (("alert.resolved", frozenset({"status"})),),
    "invoice": (("invoice.paid", frozenset({"status"})),),
}
"""By entity: the events that tell of a field that was set, and which fields they tell of (None: all)."""


def effects(action: str, given: With, trigger: str) -> list[Effect]:
    """The events that this action may cause with these parameters in a run that such an event has started."""
    caused = _CAUSES[action](given, entity_of(trigger))
    # A device that has just gone offline has to come online first, and the other way round.
    return [one for one in caused if not (one.own and one.type == trigger and trigger in _STATES)]


def _create_ticket(given: With, _trigger: str) -> list[Effect]:
    defaults = {"status": PARAMETERS["create_ticket"].model_fields["status"].default}
    values = _values("ticket", {**defaults, **given})
    # What is new has no `previous`.
    return [Effect("ticket.created", "creates a ticket", values, frozenset())]


def _update_ticket(given: With, trigger: str) -> list[Effect]:
    fields = given.get("fields")
    own = trigger == "ticket" and _is_path(
        given.get("ticket_id", "{{ticket.id}}"), ("ticket", "id"), *_own("entity_id")
    )
    if not isinstance(fields, dict):
        return [Effect("ticket.updated", "sets fields of a ticket", own=own)]
    words = f"sets {_listed([f'ticket.{name}' for name in fields])}"
    changed = frozenset(_root(name) for name in fields)
    return [Effect("ticket.updated", words, _values("ticket", fields), changed, own)]


def _update_field(given: With, trigger: str) -> list[Effect]:
    name = given.get("field", "")
    known = None if has_template(name) else str(name)
    found = []
    for entity in _entities(given, trigger):
        field = None if known is None else known.removeprefix(f"{entity}.")
        words = f"sets {entity}.{field}" if field else f"sets a field of the {entity}"
        for kind, told in _SETTABLE.get(entity, ()):
            if told is not None and field is not None and _root(field) not in told:
                continue
            values = _values(entity, {field: given.get("value")}) if field else ()
            changed = frozenset({_root(field)}) if field else None
            found.append(Effect(kind, words, values, changed, _is_own(given, entity, trigger)))
    return found


def _add_tag(given: With, trigger: str) -> list[Effect]:
    if "ticket" not in _entities(given, trigger):
        return []
    tag = given.get("tag")
    values = () if has_template(tag) else ((("ticket", "tags"), Known((str(tag),), "holds")),)
    own = _is_own(given, "ticket", trigger)
    return [Effect("ticket.updated", "sets ticket.tags", values, frozenset({"tags"}), own)]


def _run_script(given: With, trigger: str) -> list[Effect]:
    # It may wake a device or start it anew.
    own = trigger == "device" and _is_path(
        given.get("device_id", "{{device.id}}"), ("device", "id"), *_own("entity_id")
    )
    return [Effect(kind, "runs a script", (), None, own) for kind in _STATES]


def _nothing(_given: With, _trigger: str) -> list[Effect]:
    return []


_CAUSES: Final[dict[str, Callable[[With, str], list[Effect]]]] = {
    "create_ticket": _create_ticket,
    "update_ticket": _update_ticket,
    "update_field": _update_field,
    "add_tag": _add_tag,
    "run_script": _run_script,
    "send_notification": _nothing,  # read by people
    "escalate_on_call": _nothing,  # calls people
    "create_note": _nothing,  # no event tells of a note
    "webhook": _nothing,  # what the receiver does is outside of what can be known here
    "delay": _nothing,
}


def _own(name: str) -> tuple[Segments]:
    return (_TRIGGERING[name],)


def _is_path(given: object, *paths: Segments) -> bool:
    """Whether a parameter is a template of nothing but one of these paths."""
    return isinstance(given, str) and "{{" in given and compile_text(given, "").path in paths


def _entities(given: With, trigger: str) -> list[str]:
    """The types of the entity that an action names: one, or where a template decides, all that tell of changes."""
    kind = given.get("entity_type")
    if kind is None or _is_path(kind, *_own("entity_type")):
        return [trigger]
    return list(_SETTABLE) if has_template(kind) else [str(kind)]


def _is_own(given: With, entity: str, trigger: str) -> bool:
    identity = given.get("entity_id")
    return entity == trigger and (identity is None or _is_path(identity, (trigger, "id"), *_own("entity_id")))


def _values(entity: str, fields: dict[str, Any]) -> tuple[tuple[Segments, Known], ...]:
    """What an event can be relied on to say of fields that were set: constants, where the field is a plain one."""
    model = _model(entity)
    found: list[tuple[Segments, Known]] = []
    for name, value in fields.items():
        if "." in name or value == "" or (model is not None and _expanded(model, name)):
            continue
        if isinstance(value, list):
            # In which order a module keeps a list is its own affair.
            found.append(((entity, name), Known(tuple(filter(_constant, value)), "holds")))
        elif value is None or _constant(value):
            found.append(((entity, name), Known(value)))
    return tuple(found)


def _constant(value: object) -> bool:
    return isinstance(value, _SIMPLE) and not has_template(value)


def _model(entity: str) -> type[BaseModel] | None:
    return _inside(Data, entity)


def _expanded(model: type[BaseModel], name: str) -> bool:
    """Whether a module may tell a field as an object although its id was set, as with an assignee."""
    return _inside(model, name) is not None


def _inside(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    field = model.model_fields.get(name)
    choices = () if field is None else get_args(field.annotation)
    return next((one for one in choices if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _root(field: str) -> str:
    return field.partition(".")[0]


def _listed(names: list[str]) -> str:
    shown = [*names[:4], "more"] if len(names) > 5 else names
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
