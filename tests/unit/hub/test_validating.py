from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.workflow import compile_workflow
from hub.services.ids import slug, unique
from hub.services.loops import LoopFinder
from hub.services.ordering import ordered
from hub.services.validating import check, check_text, completed, told
from schemas.definitions import parse_definition
from schemas.documents import dump_yaml, load_yaml
from schemas.names import is_id
from schemas.templates import built_in, fill

TICKET = {"id": "ticket", "action": "create_ticket", "with": {"title": "{{alert.title}}"}}
WHOLE = {
    "name": "Alert → Ticket", "state": "enabled", "trigger": {"type": "alert.triggered"}, "steps": [TICKET],
}  # fmt: skip


def always(_: str) -> bool:
    return True


def never(_: str) -> bool:
    return False


def test_a_whole_definition_is_ready_and_its_cards_are_told() -> None:
    found = check(WHOLE, "acme", always)
    assert found.ready
    assert (found.faults, found.missing, found.warnings) == ([], [], [])
    assert told(found)["sentences"]["ticket"] == "Create ticket “{{alert.title}}”"
    assert load_yaml(told(found)["yaml"]) == [WHOLE]


def test_a_draft_may_be_unfinished_and_is_told_all_that_it_lacks() -> None:
    empty = {"id": "b", "action": "create_ticket", "with": {"title": ""}}
    wait = {"id": "c", "action": "delay", "with": {}}
    found = check({"name": "", "steps": [{"id": "a", "action": "add_tag"}, empty, wait]}, "acme", always)
    assert found.faults == []
    assert [one.field for one in found.missing] == [
        "name", "trigger", "steps[0].with.tag", "steps[1].with.title", "steps[2].with",
    ]  # fmt: skip
    assert not found.ready


def test_what_keeps_a_definition_from_its_state_is_a_fault_and_not_missing() -> None:
    found = check({**WHOLE, "steps": []}, "acme", always)
    assert [one.field for one in found.faults] == ["steps"]
    assert found.missing == []


def test_another_organisations_definition_is_a_fault() -> None:
    found = check({**WHOLE, "org": "globex"}, "acme", always)
    assert [str(one) for one in found.faults] == ["org: is 'globex', but you work for 'acme': leave it out"]


def test_a_calendar_that_is_not_there_is_a_warning() -> None:
    wait = {"id": "wait", "action": "delay", "with": {"until": "business_hours"}}
    body = {**WHOLE, "steps": [wait, TICKET]}
    assert [one.field for one in check(body, "acme", never).warnings] == ["steps[0].with.calendar"]
    assert check(body, "acme", always).warnings == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"a: [", "line 2: not YAML: did not find expected node content"),
        (b"name: a\n---\nname: b\n", "has 2 documents: write one definition"),
        (b"- a\n", "line 1: a document is a mapping of fields, not a list"),
        (b"", "there is no document in it"),
        (b"\xff", "line 1: not UTF-8 text"),
        (b"x: " + b"a" * 600_000, "the text has 600,003 bytes; at most 524,288 are read"),
    ],
)
def test_a_text_that_is_no_definition_is_told_why(text: bytes, reason: str) -> None:
    found = check_text(text, "acme", always)
    assert [one.reason for one in found.faults] == [reason]
    assert told(found) == {"definition": None, "yaml": None, "sentences": {}}


def test_a_yaml_bomb_is_refused() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{one}: &{one} [{', '.join([f'*{before}'] * 10)}]\n" for before, one in zip("abcdefg", "bcdefgh", strict=True)
    )
    found = check_text(bomb.encode(), "acme", always)
    assert "more than 100,000 values" in found.faults[0].reason


def test_the_hub_fills_in_organisation_version_id_and_state() -> None:
    assert completed({"name": "Über uns: Ticket!", "version": 7, "id": None}, "acme", 3) == {
        "state": "draft", "name": "Über uns: Ticket!", "id": "uber-uns-ticket", "org": "acme", "version": 3,
    }  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["all", "any", "not", "field", "op", "value", "if", "then", "else", "condition", "where"])
            | st.sampled_from(["id", "action", "steps", "trigger", "conditions", "type", "with", "retry", "state"])
            | st.sampled_from(["cancel_on", "throttle", "name", "org", "version", "description"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.sampled_from(["steps", "conditions", "trigger", "state", "name", "id", "cancel_on"]), JSON))
def test_whatever_json_is_given_it_is_told_what_is_wrong_with_it(body: dict[str, Any]) -> None:
    found = check(body, "acme", always)
    shown = told(found)
    assert found.faults or found.definition is not None
    assert shown["definition"] is None or shown["definition"] == body
    assert shown["yaml"] is None or isinstance(shown["yaml"], str)


@given(st.text())
def test_an_id_can_be_made_of_any_name(name: str) -> None:
    assert is_id(slug(name))


@given(st.sets(st.sampled_from(["a", "a-2", "a-3", "a-5", "b"])))
def test_a_unique_id_is_one_that_is_not_taken(taken: set[str]) -> None:
    found = unique("a", taken)
    assert found not in taken
    assert is_id(found)


@pytest.mark.parametrize("name", built_in())
def test_order_changes_nothing_but_the_order(name: str) -> None:
    needed = {"email": "a@b.example", "list": ["x"], "number": 1, "duration": "1h", "secret": "secret:X"}
    template = built_in()[name]
    values = {one.name: needed.get(one.type, "x") for one in template.parameters if one.required}
    body = fill(template, values, "acme")
    shuffled = _backwards(body)
    assert ordered(shuffled) == body == shuffled
    assert list(ordered(shuffled))[:5] == ["id", "org", "version", "name", "description"]
    assert dump_yaml(ordered(shuffled)) == dump_yaml(ordered(body))


def _backwards(given: Any) -> Any:
    if isinstance(given, dict):
        return {name: _backwards(value) for name, value in reversed(given.items())}
    return [_backwards(one) for one in given] if isinstance(given, list) else given


def _updates(id: str, trigger: str, status: str) -> dict[str, Any]:
    step = {"id": "set", "action": "update_ticket", "with": {"fields": {"status": status}}}
    return {"id": id, "org": "acme", "version": 1, "name": id.title(), "state": "enabled", "trigger": {"type": trigger},
            "steps": [step]}  # fmt: skip


async def test_a_loop_with_a_workflow_that_runs_is_told_and_one_that_does_not_run_is_none() -> None:
    mine = parse_definition({**_updates("mine", "ticket.updated", "Open"), "state": "draft"})
    creates = {**_updates("other", "ticket.updated", "x"), "steps": [
        {"id": "new", "action": "create_ticket", "with": {"title": "T"}}
    ]}  # fmt: skip
    other = compile_workflow(parse_definition(_updates("other", "ticket.updated", "New")))
    finder = LoopFinder()
    found = await finder.through(mine, [other])
    assert [one["workflows"] for one in found] == [["mine"], ["mine", "other"]]
    assert found[1]["links"][0] == {
        "workflow": "mine", "name": "Mine", "state": "draft", "step": "set", "causes": found[1]["links"][0]["causes"],
        "type": "ticket.updated",
    }  # fmt: skip
    asleep = compile_workflow(parse_definition({**_updates("other", "ticket.updated", "New"), "state": "disabled"}))
    assert [one["workflows"] for one in await finder.through(mine, [asleep])] == [["mine"]]
    harmless = compile_workflow(parse_definition(creates))
    assert [one["workflows"] for one in await finder.through(mine, [harmless])] == [["mine"]]


async def test_loops_are_found_again_after_any_change_that_matters() -> None:
    finder = LoopFinder()
    body = _updates("mine", "ticket.updated", "Open")
    first = await finder.through(parse_definition(body), [])
    described = parse_definition({**body, "description": "Another text"})
    assert await finder.through(described, []) is first
    renamed = await finder.through(parse_definition({**body, "name": "Renamed"}), [])
    assert "'Renamed'" in renamed[0]["words"]
    gated = {**body, "conditions": {"field": "ticket.status", "op": "equals", "value": "New"}}
    assert await finder.through(parse_definition(gated), []) == []
