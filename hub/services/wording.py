"""A definition in plain sentences: its trigger, its conditions, and each step as a card says it.

Drafts may be unfinished, and what is told may come from anywhere in the past: whatever is given, a sentence comes back.
What a sentence lacks is written `…`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from hub.services.words import either, field, plain, quoted, short, span, wanted
from schemas.actions import TRIGGERING_ID, TRIGGERING_TYPE
from schemas.events import EVENT_TYPES, entity_of

LONGEST: Final = 600
"""Characters of one sentence: a condition of hundreds of comparisons is read on the flowchart, not in a list."""
_DEEPEST: Final = 40

OPERATORS: Final[dict[str, tuple[str, str]]] = {
    "equals": ("is", "is not"),
    "not_equals": ("is not", "is"),
    "contains": ("contains", "does not contain"),
    "not_contains": ("does not contain", "contains"),
    "greater_than": ("is greater than", "is not greater than"),
    "greater_or_equal": ("is at least", "is not at least"),
    "less_than": ("is less than", "is not less than"),
    "less_or_equal": ("is at most", "is not at most"),
    "in": ("is one of", "is none of"),
    "not_in": ("is none of", "is one of"),
    "exists": ("exists", "does not exist"),
    "starts_with": ("starts with", "does not start with"),
    "ends_with": ("ends with", "does not end with"),
    "changed": ("has changed", "has not changed"),
}
"""Each operator in words, and what its opposite is called."""


def condition_sentence(condition: Any, entity: str | None = None) -> str:
    """The condition in words: `severity is critical or high, and device criticality is greater than 3`.

    `entity` is the triggering entity, whose name is left away.
    """
    return short(_Conditions(entity).told(condition)[0], LONGEST)


class _Conditions:
    def __init__(self, entity: str | None) -> None:
        self._entity = entity

    def told(self, node: Any, level: int = 0, *, holds: bool = True) -> tuple[str, bool]:
        """The words, and whether they stand inside another group without brackets."""
        if not isinstance(node, Mapping) or level > _DEEPEST:
            return "…", True
        for word in ("all", "any"):
            if word in node:
                return self._group(word, node[word], level, holds=holds)
        if "not" in node:
            return self.told(node["not"], level + 1, holds=not holds)
        return self._leaf(node, holds=holds), True

    def _group(self, word: str, inside: Any, level: int, *, holds: bool) -> tuple[str, bool]:
        nodes = inside if isinstance(inside, list) else []
        if (one := self._together(word, nodes)) is not None:
            return self._leaf(one, holds=holds), True
        told = [self.told(node, level + 1) for node in nodes]
        if len(told) == 1:
            return self.told(nodes[0], level + 1, holds=holds)
        if not told:
            return "…", True
        parts = [text if alone else f"({text})" for text, alone in told]
        text = f", {'and' if word == 'all' else 'or'} ".join(parts)
        return (text, False) if holds else (f"not ({text})", True)

    @staticmethod
    def _together(word: str, nodes: list[Any]) -> Mapping[str, Any] | None:
        """One comparison for several of one field with fixed values: that it is one of them, or none."""
        one, many = ("equals", "in") if word == "any" else ("not_equals", "not_in")
        if len(nodes) < 2 or not all(isinstance(node, Mapping) and node.get("op") in (one, many) for node in nodes):
            return None
        if any({"all", "any", "not"} & node.keys() or node.get("field") != nodes[0].get("field") for node in nodes):
            return None
        values: list[Any] = []
        for node in nodes:
            value = node.get("value")
            if node["op"] == many and not isinstance(value, list):
                return None
            values += value if node["op"] == many else [value]
        return {"field": nodes[0].get("field"), "op": many, "value": values}

    def _leaf(self, leaf: Mapping[str, Any], *, holds: bool) -> str:
        name, op = field(leaf.get("field"), self._entity), leaf.get("op")
        words = OPERATORS.get(op) if isinstance(op, str) else None
        if words is None:
            return f"{name} …"
        value = leaf.get("value")
        if op == "exists":
            return f"{name} {words[0 if holds is (value is not False) else 1]}"
        if op == "changed":
            return f"{name} {words[0 if holds else 1]}"
        if "value" not in leaf:
            return f"{name} {words[0 if holds else 1]} …"
        if op in {"in", "not_in"} and isinstance(value, list) and value:
            is_one = (op == "in") is holds
            listed = either([wanted(one) for one in value], "or" if is_one else "nor")
            return f"{name} is {'neither ' if not is_one and len(value) > 1 else '' if is_one else 'not '}{listed}"
        return f"{name} {words[0 if holds else 1]} {wanted(value)}"


def trigger_sentence(event_type: Any) -> str:
    """What starts a workflow: `When a monitoring alert fires`."""
    if not isinstance(event_type, str) or event_type not in EVENT_TYPES:
        return "When …"
    told = (EVENT_TYPES[event_type].__doc__ or event_type).partition(";")[0].strip().rstrip(".")
    return f"When {told[:1].lower()}{told[1:]}"


def step_sentence(step: Any, with_: Any = None, entity: str | None = None) -> str:
    """A step as its card says it: `Create ticket “{{alert.title}}” on board Alerts, P1`.

    `step` is a step of a definition, or an action's name with its parameters in `with_`, rendered or not.
    """
    if isinstance(step, Mapping):
        if "condition" in step:
            return short(f"Go on only if {condition_sentence(step['condition'], entity)}", LONGEST)
        if "if" in step or "then" in step:
            return short(f"If {condition_sentence(step.get('if'), entity)}", LONGEST)
        return step_sentence(step.get("action"), step.get("with") if with_ is None else with_, entity)
    given = with_ if isinstance(with_, Mapping) else {}
    tell = _ACTIONS.get(step) if isinstance(step, str) else None
    return short(tell(given), LONGEST) if tell is not None else plain(step) if isinstance(step, str) else "…"


def sentences(definition: Any) -> dict[str, str]:
    """Every card of a definition by its step's path, and `trigger` and `conditions`, as far as they are there."""
    body = definition if isinstance(definition, Mapping) else {}
    trigger = body.get("trigger")
    kind = trigger.get("type") if isinstance(trigger, Mapping) else None
    entity = entity_of(kind) if isinstance(kind, str) and kind in EVENT_TYPES else None
    found = {"trigger": trigger_sentence(kind)} if kind else {}
    if body.get("conditions") is not None:
        found["conditions"] = condition_sentence(body["conditions"], entity)
    _tell_steps(body.get("steps"), "", entity, found, 0)
    return found


def _tell_steps(steps: Any, outer: str, entity: str | None, found: dict[str, str], level: int) -> None:
    if not isinstance(steps, list) or level > _DEEPEST:
        return
    for step in steps:
        if not isinstance(step, Mapping) or not isinstance(step.get("id"), str):
            continue
        path = f"{outer}{step['id']}"
        found.setdefault(path, step_sentence(step, entity=entity))
        for side in ("then", "else"):
            _tell_steps(step.get(side), f"{path}.{side}.", entity, found, level + 1)


def _create_ticket(given: Mapping[str, Any]) -> str:
    board = f" on board {plain(given['board'])}" if given.get("board") else ""
    priority = f", {plain(given['priority'])}" if given.get("priority") else ""
    return f"Create ticket {_title(given.get('title'))}{board}{priority}"


def _update_ticket(given: Mapping[str, Any]) -> str:
    changes = given.get("fields")
    told = "…"
    if isinstance(changes, Mapping) and changes:
        told = ", ".join(f"{field(name)} {wanted(value)}" for name, value in changes.items())
    elif isinstance(changes, str) and changes.strip():
        told = plain(changes)
    which = given.get("ticket_id")
    other = f" {plain(which)}" if which not in (None, "", "{{ticket.id}}") else ""
    return f"Update ticket{other}: {told}"


def _send_notification(given: Mapping[str, Any]) -> str:
    channel, to = given.get("channel"), given.get("to")
    named = either([plain(one) for one in to], "and") if isinstance(to, list) else plain(to) if to else "…"
    about = given.get("subject") or given.get("body")
    if channel == "email":
        subject = f": {quoted(given['subject'])}" if given.get("subject") else ""
        return f"Email {named}{subject}"
    if channel == "push":
        return f"Send a push notification to {named}{f': {quoted(about)}' if about else ''}"
    if channel in ("teams", "slack"):
        # The address of a chat is its incoming webhook, which says nothing to a person, and is a secret besides.
        return f"Post to {'Teams' if channel == 'teams' else 'Slack'}{f': {quoted(about)}' if about else ''}"
    return f"Notify {named} by {plain(channel) if channel else '…'}"


def _escalate_on_call(given: Mapping[str, Any]) -> str:
    severity = f", severity {plain(given['severity'])}" if given.get("severity") else ""
    return f"Escalate to On-Call team {_or_dots(given.get('team'))}{severity}"


def _update_field(given: Mapping[str, Any]) -> str:
    value = wanted(given["value"]) if "value" in given else "…"
    return f"Set {field(given.get('field'))}{_of_entity(given, ' of')} to {value}"


def _run_script(given: Mapping[str, Any]) -> str:
    device = given.get("device_id")
    on = f" on device {plain(device)}" if device not in (None, "", "{{device.id}}") else " on the device"
    return f"Run script {_or_dots(given.get('script_id'))}{on}"


def _create_note(given: Mapping[str, Any]) -> str:
    company = given.get("company_id")
    to = f" to company {plain(company)}" if company not in (None, "", "{{company.id}}") else " to the company"
    return f"Add a note{to}: {_title(given.get('title') or given.get('body'))}"


def _add_tag(given: Mapping[str, Any]) -> str:
    return f"Add tag {_title(given.get('tag'))}{_of_entity(given, ' to')}"


def _webhook(given: Mapping[str, Any]) -> str:
    return f"Send a webhook to {_or_dots(given.get('url'))}"


def _delay(given: Mapping[str, Any]) -> str:
    until, for_ = given.get("until"), given.get("for")
    calendar = f" of calendar {plain(given['calendar'])}" if given.get("calendar") else ""
    if until == "business_hours":
        return f"Wait for business hours{calendar}"
    if until == "next_business_day":
        return f"Wait until the next business day{calendar}"
    if until:
        return f"Wait until {plain(until)}"
    if not for_:
        return "Wait …"
    return f"Wait {span(for_)}{f' of business time{calendar}' if calendar else ''}"


def _title(value: Any) -> str:
    return quoted(value) if value not in (None, "") else "…"


def _or_dots(value: Any) -> str:
    return plain(value) if value not in (None, "") else "…"


def _of_entity(given: Mapping[str, Any], word: str) -> str:
    """Which entity is meant, where it is named and is not simply the triggering one."""
    kind, id = given.get("entity_type"), given.get("entity_id")
    named = [plain(one) for one in (kind, id) if one not in (None, "", TRIGGERING_TYPE, TRIGGERING_ID)]
    return f"{word} {' '.join(named)}" if named else ""


_ACTIONS: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "create_ticket": _create_ticket,
    "update_ticket": _update_ticket,
    "send_notification": _send_notification,
    "escalate_on_call": _escalate_on_call,
    "update_field": _update_field,
    "run_script": _run_script,
    "create_note": _create_note,
    "add_tag": _add_tag,
    "webhook": _webhook,
    "delay": _delay,
}
