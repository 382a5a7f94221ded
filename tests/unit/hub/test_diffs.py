from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.workflow import canonical
from hub.services.diffs import Change, diff

WAIT = {"id": "wait", "action": "delay", "with": {"for": "PT15M"}}
TICKET = {"id": "ticket", "action": "create_ticket", "with": {"title": "{{alert.title}}", "priority": "P1"}}
CRITICAL = {"field": "alert.severity", "op": "equals", "value": "critical"}


def body(*steps: Any, **fields: Any) -> dict[str, Any]:
    return {"id": "w", "org": "acme", "version": 1, "name": "W", "state": "draft",
            "trigger": {"type": "alert.triggered"}, "steps": list(steps), **fields}  # fmt: skip


def told(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one.kind, one.path, one.words) for one in diff(before, after)]


def test_a_changed_field_is_told_by_its_step_and_name() -> None:
    after = deepcopy(TICKET)
    after["with"] |= {"priority": "P2", "board": "Alerts"}  # type: ignore[operator]  # an object
    assert told(body(TICKET), body(after)) == [
        ("changed", "steps[ticket].with.priority", "Step ticket: priority changed from P1 to P2"),
        ("added", "steps[ticket].with.board", "Step ticket: board set to Alerts"),
    ]


def test_a_reorder_is_a_move() -> None:
    tell = {"id": "tell", "action": "add_tag", "with": {"tag": "x"}}
    assert told(body(WAIT, TICKET, tell), body(TICKET, tell, WAIT)) == [
        ("moved", "steps[wait]", "Step wait moved from position 1 to 3")
    ]


def test_a_step_that_goes_into_a_branch_moved_there() -> None:
    branch = {"id": "which", "if": CRITICAL, "then": [TICKET], "else": []}
    assert told(body(WAIT, TICKET), body(WAIT, branch)) == [
        ("added", "steps[which]", "Step which added at position 2: If severity is critical"),
        ("moved", "steps[ticket]", "Step ticket moved to position 1 of the Yes branch of which"),
    ]


def test_head_and_conditions_are_told_in_words() -> None:
    before = body(TICKET, description="Old")
    after = body(TICKET, state="enabled", conditions={"all": [CRITICAL]}, on_error="stop", version=2)
    assert told(before, after) == [
        ("changed", "state", "State changed from draft to enabled"),
        ("removed", "description", "Description removed, which was Old"),
        ("added", "conditions", "Conditions set: severity is critical"),
        ("added", "on_error", "What happens on an error set to stop"),
    ]


def test_true_is_not_one() -> None:
    one, other = ({**TICKET, "with": {"x": value}} for value in (True, 1))
    assert [change.kind for change in diff(body(one), body(other))] == ["changed"]


# ---- diff applied to before gives after ----

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab.", max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "c.d"]), inner, max_size=3),
    max_leaves=6,
)
IDS = ["a", "b", "c", "d", "e", "f", "g"]


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    ids = draw(st.permutations(IDS))[: draw(st.integers(0, len(IDS)))]

    def steps(depth: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(ids) > 0 and draw(st.booleans()):
            id = ids.pop()
            if depth < 2 and draw(st.booleans()):
                found.append({"id": id, "if": draw(VALUES), "then": steps(depth + 1), "else": steps(depth + 1)})
            else:
                found.append({"id": id, "action": "add_tag", "with": draw(VALUES)})
        return found

    return {"name": draw(VALUES), "steps": steps(0)} | draw(
        st.dictionaries(st.sampled_from(["retry", "conditions", "throttle", "cancel_on"]), VALUES, max_size=3)
    )


def flat(given: dict[str, Any], where: str = "steps") -> tuple[dict[str, Any], dict[str, list[str]]]:
    found, lists = {}, {where: [step["id"] for step in given.get(where.rpartition(".")[2]) or []]}
    for step in given.get(where.rpartition(".")[2]) or []:
        found[step["id"]] = {name: value for name, value in step.items() if name not in ("then", "else")}
        for side in ("then", "else"):
            inner, inside = flat(step, f"{step['id']}.{side}")
            found |= inner
            lists |= inside
    return found, lists


def applied(before: dict[str, Any], changes: list[Change]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    head = {name: value for name, value in deepcopy(before).items() if name != "steps"}
    steps, lists = flat(deepcopy(before))
    for one in changes:
        if one.keys:
            place = head if one.step is None else steps[one.step]
            for key in one.keys[:-1]:
                place = place[key]
            if one.kind == "removed":
                del place[one.keys[-1]]
            else:
                place[one.keys[-1]] = one.after
        else:
            assert one.step is not None
            lists = {where: [id for id in ids if id != one.step] for where, ids in lists.items()}
            if one.kind == "removed":
                del steps[one.step]
            elif one.kind == "added":
                steps[one.step] = dict(one.after)
    for one in sorted((one for one in changes if one.place), key=lambda one: one.place or ("", 0)):
        assert one.place is not None
        lists.setdefault(one.place[0], []).insert(one.place[1], str(one.step))
    return head, steps, {where: ids for where, ids in lists.items() if ids}


@given(bodies(), bodies())
def test_the_changes_applied_to_the_first_give_the_second(before: dict[str, Any], after: dict[str, Any]) -> None:
    head, steps, lists = applied(before, diff(before, after))
    wanted_steps, wanted_lists = flat(after)
    assert canonical(head) == canonical({name: value for name, value in after.items() if name != "steps"})
    assert canonical(steps) == canonical(wanted_steps)
    assert lists == {where: ids for where, ids in wanted_lists.items() if ids}


@given(bodies())
def test_equal_definitions_have_no_difference(given: dict[str, Any]) -> None:
    assert diff(given, deepcopy(given)) == []


@given(bodies(), st.randoms())
def test_a_pure_reorder_is_told_by_moves_alone(given: dict[str, Any], random: Any) -> None:
    other = deepcopy(given)
    random.shuffle(other["steps"])
    changes = diff(given, other)
    assert {one.kind for one in changes} <= {"moved"}
    assert len(changes) < max(1, len(other["steps"]))
