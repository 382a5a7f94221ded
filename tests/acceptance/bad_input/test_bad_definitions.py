"""Definitions on the topic that can't be in force, and commands that are none: dead letters, and nothing changes."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from typing import Any

import orjson
import pytest

from schemas.names import DEFINITIONS, command_topic
from tests.acceptance.bad_input.running import Bad, House, Place, Record, folded

GOOD: dict[str, Any] = {
    "id": "wf",
    "org": "acme",
    "version": 5,
    "name": "In force",
    "state": "enabled",
    "trigger": {"type": "ticket.created"},
    "steps": [{"id": "note", "action": "create_note", "with": {"body": "x"}}],
}
IN_FORCE = orjson.dumps(GOOD)
LEAF = {"field": "ticket.title", "op": "equals", "value": "x"}
NOTE = GOOD["steps"][0]
TIME = "2026-11-23T08:00:00Z"
Fields = tuple[str, dict[str, Any], str, str]


def changed(**fields: Any) -> dict[str, Any]:
    """The definition in its next version, with other fields; `...` takes one away."""
    found = {**deepcopy(GOOD), "version": 6, **fields}
    return {name: value for name, value in found.items() if value is not ...}


def step(action: str, **parameters: Any) -> dict[str, Any]:
    return changed(steps=[{"id": "s", "action": action, "with": parameters}])


def body(template: str) -> dict[str, Any]:
    return step("create_note", body=template)


def where(condition: Any) -> dict[str, Any]:
    return changed(conditions=condition)


def branch(condition: Any = None, **sides: Any) -> dict[str, Any]:
    return changed(steps=[{"id": "b", "if": condition or LEAF, **sides}])


def throttled(**fields: Any) -> dict[str, Any]:
    return changed(throttle={"key": "k", "limit": 1, "per": "1h", **fields})


def nested(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = LEAF
    for _ in range(levels):
        found = {"not": found}
    return found


BODY = "steps[0].with.body"
REFUSED: list[Fields] = [
    *((f"no {name}", changed(**{name: ...}), name, "is required") for name in GOOD),
    *((f"null {name}", changed(**{name: None}), name, "should be") for name in GOOD),
    ("version is text", changed(version="6"), "version", "should be a whole number, not '6'"),
    ("version is a fraction", changed(version=6.5), "version", "should be a whole number, not '6.5'"),
    ("version is true", changed(version=True), "version", "should be a whole number"),
    ("version is a list", changed(version=[6]), "version", "should be a whole number"),
    ("version 0", changed(version=0), "version", "greater than or equal to 1"),
    ("version beyond 31 bits", changed(version=2**40), "version", "less than or equal to 2147483647"),
    ("stale version", changed(version=4), "version", "is 4, but version 5 is in force: only a higher one replaces it"),
    ("equal version, other body", changed(version=5, name="Other"), "version", "is 5, but version 5 is in force"),
    ("key of another org", changed(org="globex"), "org", "is 'globex', but the record's key is 'acme/wf'"),
    ("key of another workflow", changed(id="wf2"), "id", "is 'wf2', but the record's key is 'acme/wf'"),
    ("id with a newline", changed(id="wf\n"), "id", "should begin with a letter or digit"),
    ("unknown field", changed(owner="me"), "owner", "is not known here"),
    ("unknown state", changed(state="on"), "state", "should be 'draft', 'shadow', 'enabled' or 'disabled', not 'on'"),
    ("unknown trigger", changed(trigger={"type": "x"}), "trigger.type", "'x' is not an event type"),
    ("trigger is a text", changed(trigger="ticket.created"), "trigger", "should be an object"),
    ("empty steps", changed(steps=[]), "steps", "at least 1 item"),
    ("gates alone", changed(steps=[{"id": "g", "condition": LEAF}]), "", "needs at least one action"),
    ("201 steps", changed(steps=[{**NOTE, "id": f"s{n}"} for n in range(201)]), "steps", "at most 200 items"),
    ("an id twice", changed(steps=[NOTE, NOTE]), "steps[1].id", "is the id of another step"),
    ("unknown action", step("reboot"), "steps[0].action", "'reboot' is not an action; the actions are"),
    ("missing parameter", step("create_note"), BODY, "is required"),
    ("unknown parameter", step("create_note", body="x", to="y"), "steps[0].with.to", "is not known here"),
    ("parameter of a wrong type", step("create_note", body={}), BODY, "should be text"),
    ("secret in the open", step("webhook", url="https://x", secret="pw"), "steps[0].with.secret", "secret:NAME"),
    ("file url", step("webhook", url="file:///etc/passwd"), "steps[0].with.url", "should begin with https://"),
    ("unknown operator", where({**LEAF, "op": "like"}), "conditions.op", "not 'like'"),
    ("comparison without a value", where({"field": "a", "op": "equals"}), "conditions", "'equals' needs a value"),
    ("empty group", where({"any": []}), "conditions.any", "at least 1 item"),
    ("conditions nested 40 levels", where(nested(40)), "conditions", "nest at most 32 deep"),
    ("conditions nested 200 levels", where(nested(200)), "", "nested deeper than 64 levels"),
    ("501 conditions", where({"all": [LEAF] * 501}), "conditions", "at most 500 conditions"),
    ("endless loop", body("{% for i in (1..999999999) %}x{% endfor %}"), BODY, "has '{%'"),
    ("endless range", body("{{ (1..999999999) | join }}"), BODY, "is not supported in an expression"),
    (
        "attribute access",
        body("{{ ticket.__class__.__mro__ }}"),
        BODY,
        "'__class__' is not a name that a path may have",
    ),
    ("attribute access in brackets", body("{{ ticket['__class__'] }}"), BODY, "'__class__' is not a name"),
    ("attribute access in a condition", where({**LEAF, "field": "ticket.__class__"}), "conditions.field", "__class__"),
    ("call", body("{{ ticket.title.upper() }}"), BODY, "is not a template expression"),
    ("unknown filter", body("{{ ticket.title | eval }}"), BODY, "'eval' is not a filter; the filters are"),
    ("filter without its argument", body("{{ ticket.title | slice }}"), BODY, "takes 1 to 2 arguments, not 0"),
    ("unclosed braces", body("{{ ticket.title"), BODY, "has '{{' without '}}' after it"),
    ("empty braces", body("{{ }}"), BODY, "is not a template expression"),
    ("51 expressions", body("{{ticket.id}}" * 51), BODY, "at most 50 are accepted"),
    ("9 filters", body("{{ ticket.id" + " | upcase" * 9 + " }}"), BODY, "at most 8 filters, not 9"),
    (
        "bad template in a list",
        step("update_ticket", fields={"a": ["{{"]}),
        "steps[0].with.fields.a[0]",
        "without '}}'",
    ),
    ("branch without if", changed(steps=[{"id": "b", "then": [NOTE]}]), "steps[0].if", "is required"),
    ("bad step in a branch", branch(then=[{**NOTE, "with": {}}]), "steps[0].then[0].with.body", "is required"),
    ("id of two branches", branch(then=[NOTE], **{"else": [NOTE]}), "steps[0].else[0].id", "another step"),
    ("branch without action", branch(then=[]), "", "needs at least one action"),
    ("branch with a bad operator", branch({**LEAF, "op": "is"}, then=[NOTE]), "steps[0].if.op", "should be 'equals'"),
    ("delay without a time", step("delay"), "steps[0].with", "needs either 'for' or 'until'"),
    ("delay with two times", step("delay", **{"for": "1h", "until": TIME}), "steps[0].with", "either 'for' or 'until'"),
    ("delay of no duration", step("delay", **{"for": "soon"}), "steps[0].with.for", "'soon' is not a duration"),
    ("delay of 11 years", step("delay", **{"for": "4000d"}), "steps[0].with.for", "longer than ten years"),
    ("delay until no time", step("delay", until="tomorrow"), "steps[0].with.until", "'tomorrow' is not a time"),
    (
        "delay by no calendar",
        step("delay", until=TIME, calendar="a b!"),
        "steps[0].with.calendar",
        "not a calendar's id",
    ),
    ("21 retries", changed(retry={"max_retries": 21}), "retry.max_retries", "less than or equal to 20"),
    ("retry interval", changed(retry={"initial_interval": "fast"}), "retry.initial_interval", "is not a duration"),
    ("retry multiplier", changed(retry={"multiplier": 0.5}), "retry.multiplier", "greater than or equal to 1"),
    ("retry of a step", changed(steps=[{**NOTE, "retry": {"max_retries": -1}}]), "steps[0].retry.max_retries", "to 0"),
    (
        "cancel_on nothing",
        changed(cancel_on=[{"type": "ticket.exploded"}]),
        "cancel_on[0].type",
        "is not an event type",
    ),
    (
        "cancel_on where",
        changed(cancel_on=[{"type": "ticket.updated", "where": {**LEAF, "op": "is"}}]),
        "cancel_on[0].where.op",
        "should be 'equals'",
    ),
    (
        "restart_on a tag",
        changed(restart_on=[{"type": "ticket.updated", "where": {"field": "{% x %}", "op": "exists"}}]),
        "restart_on[0].where.field",
        "has '{%'",
    ),
    ("throttle without key", changed(throttle={"limit": 1, "per": "1h"}), "throttle.key", "is required"),
    ("throttle of none", throttled(limit=0), "throttle.limit", "greater than or equal to 1"),
    ("throttle of 60 days", throttled(per="60d"), "throttle.per", "31 days"),
    ("throttle by no filter", throttled(key="{{x | nope}}"), "throttle.key", "'nope' is not a filter"),
    ("600 kB", changed(description="x" * 600_000), "", "at most 524,288 are accepted"),
]
RAW: list[tuple[str, bytes, str, str]] = [
    ("empty", b"", "", "not JSON"),
    ("yaml", b"id: wf\norg: acme\n", "", "not JSON"),
    ("truncated", IN_FORCE[:-1], "", "not JSON"),
    ("lone surrogate", IN_FORCE.replace(b"In force", b"\\ud800"), "", "not JSON"),
    ("invalid utf-8", IN_FORCE.replace(b"In force", b"\xff"), "", "not JSON"),
    ("NaN as version", IN_FORCE.replace(b":5,", b":NaN,"), "", "not JSON"),
    ("huge version", IN_FORCE.replace(b":5,", b":" + b"9" * 400 + b","), "", "not JSON"),
    ("a list", b"[" + IN_FORCE + b"]", "", "a definition is a JSON object"),
    ("null in text", b"null", "", "a definition is a JSON object"),
    ("endless nesting", b"[" * 5000, "", "not JSON"),
]
KEYS: list[tuple[str, bytes | None, str]] = [
    ("no key", None, "is not of the form organisation/workflow id"),
    ("key without an org", b"wf", "is not of the form organisation/workflow id"),
    ("key with a space", b"acme/w f", "is not of the form organisation/workflow id"),
    ("key of three parts", b"acme/wf/x", "is not of the form organisation/workflow id"),
    ("binary key", b"\xff\xfe", "is not UTF-8 text"),
    ("key of 1.9 MB", b"k" * 1_900_000, "is not of the form organisation/workflow id"),
]
STATE = {
    **dict.fromkeys(("run", "org", "subject", "generation", "seq", "position", "workflow", "digest", "event", "chain")),
    **dict.fromkeys(("started", "cursor", "steps", "size", "failed", "status", "current")),
}
COMMANDS: list[tuple[str, bytes | None, str, str]] = [
    ("null", None, "", "not JSON"),
    ("text", b"do it", "", "not JSON"),
    ("list", b"[]", "", "not a command"),
    ("object", b"{}", "", "not a command"),
    (
        "other action",
        b'{"format":1,"action":"webhook","state":{}}',
        "action",
        "'webhook' on the topic of 'create_note'",
    ),
    ("other format", b'{"format":2,"action":"create_note","state":{}}', "format", "is not known to this version"),
    ("no state", b'{"format":1,"action":"create_note"}', "", "not a command"),
    ("empty state", b'{"format":1,"action":"create_note","state":{}}', "", "not a command"),
    (
        "state of nothings",
        orjson.dumps({"format": 1, "action": "create_note", "state": STATE}),
        "state.run",
        "should be text",
    ),
]


def _kinds() -> list[Bad]:
    key = b"acme/wf"
    found = [Bad(name, Record(DEFINITIONS, orjson.dumps(one), key), field, why) for name, one, field, why in REFUSED]
    found += [Bad(f"raw, {name}", Record(DEFINITIONS, value, key), field, why) for name, value, field, why in RAW]
    found += [Bad(name, Record(DEFINITIONS, IN_FORCE, other), "key", why) for name, other, why in KEYS]
    topic = command_topic("create_note")
    found += [Bad(f"command, {name}", Record(topic, value, b"k"), field, why) for name, value, field, why in COMMANDS]
    return found


KINDS = _kinds()
Letters = dict[str, dict[str, Any] | None]


@pytest.fixture(scope="module")
def letters(house: House) -> Letters:
    """Each kind's dead letter; all are sent in one go, after a good definition."""

    async def sent() -> Letters:
        good, *places = await house.send([Record(DEFINITIONS, IN_FORCE, b"acme/wf"), *[kind.record for kind in KINDS]])
        found: dict[Place, dict[str, Any]] = await house.letters(places)
        assert good not in found
        return {kind.name: found.get(place) for kind, place in zip(KINDS, places, strict=True)}

    return asyncio.run(sent())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_refused_is_a_dead_letter_that_names_the_field(kind: Bad, letters: Letters) -> None:
    letter = letters[kind.name]
    assert letter is not None
    assert letter["field"] == kind.field
    assert kind.reason in letter["reason"]
    assert "\n" not in letter["reason"]


def test_there_are_enough_kinds_each_with_its_own_name() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) > 80


def test_the_topic_comes_down_to_what_is_in_force(house: House, letters: Letters) -> None:
    async def settled() -> dict[bytes | None, bytes]:
        found: dict[bytes | None, bytes] = {}
        for _ in range(300):
            # Nothing is published without a key, or under one that leaves no room for it: neither can be in force.
            found = {
                key: value for key, value in folded(await house.topic(DEFINITIONS)).items() if len(key or b"") < 999
            }
            found.pop(None, None)
            found.pop(b"good/note", None)
            if found == {b"acme/wf": IN_FORCE}:
                break
            await asyncio.sleep(0.1)
        return found

    assert asyncio.run(settled()) == {b"acme/wf": IN_FORCE}


def test_what_is_in_force_stands_in_the_history(house: House, letters: Letters) -> None:
    sql = "select version, name from history.workflows where org_id = 'acme' and workflow_id = 'wf'"
    assert asyncio.run(house.query(sql)) == [{"version": 5, "name": "In force"}]
    assert house.alive()
