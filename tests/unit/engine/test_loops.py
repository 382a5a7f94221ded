"""Loops that workflows can form, and what excludes them."""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.cycles import MOST_CYCLES, analyse, find_cycles
from engine.effects import effects
from engine.graphs import Budget, components, elementary_cycles
from schemas.events import EVENT_TYPES
from schemas.names import ACTIONS

Step = dict[str, Any]


class Published(NamedTuple):
    body: dict[str, Any]


def flow(id: str, *steps: Step, on: str = "ticket.updated", when: Step | None = None, **fields: Any) -> Published:
    body = {
        "id": id,
        "org": "acme",
        "version": 1,
        "name": f"Workflow {id}",
        "state": "enabled",
        "trigger": {"type": on},
        "steps": list(steps),
        **fields,
    }
    return Published(body if when is None else {**body, "conditions": when})


def sets(id: str = "set", **fields: Any) -> Step:
    return {"id": id, "action": "update_ticket", "with": {"fields": fields}}


def act(action: str, id: str = "act", **given: Any) -> Step:
    return {"id": id, "action": action, "with": given}


def leaf(field: str, op: str = "equals", value: Any = None, **more: Any) -> Step:
    return {"field": field, "op": op, **({} if op == "changed" else {"value": value}), **more}


def loops(*flows: Published) -> list[tuple[str, ...]]:
    return [cycle.ids for cycle in find_cycles(flows)]


def test_two_workflows_that_trigger_each_other_are_told_in_words() -> None:
    tagger = flow("tagger", act("add_tag", "tag", tag="vip"), name="Ticket Tagger")
    triage = flow("triage", sets("raise", priority="P1"), when=leaf("ticket.tags", "changed"), name="Ticket Triage")
    only_priority = flow("tagger", act("add_tag", "tag", tag="vip"), when=leaf("ticket.priority", "changed"))
    [cycle] = find_cycles([Published({**tagger.body, "conditions": only_priority.body["conditions"]}), triage])
    assert cycle.ids == ("tagger", "triage")
    assert cycle.words == (
        "A loop: 'Ticket Tagger' (step tag sets ticket.tags) causes ticket.updated, which starts 'Ticket Triage' "
        "(step raise sets ticket.priority), which causes ticket.updated, which starts 'Ticket Tagger' again. "
        "At run time the chain stops after each workflow ran once."
    )
    assert orjson.loads(orjson.dumps(cycle.as_json()))["workflows"] == ["tagger", "triage"]


def test_a_workflow_that_triggers_itself_is_a_loop() -> None:
    [cycle] = find_cycles([flow("a", sets(priority="P1", status="Open"))])
    assert cycle.ids == ("a",)
    assert cycle.words == (
        "A loop: 'Workflow a' (step set sets ticket.priority and ticket.status) causes ticket.updated, which starts "
        "'Workflow a' again. At run time the chain stops after this workflow ran once."
    )


def test_a_loop_longer_than_a_chain_may_be_says_where_it_stops() -> None:
    ring = [flow(f"w{n}", sets(k=(n + 1) % 7), when=leaf("ticket.k", value=n)) for n in range(7)]
    [cycle] = find_cycles(ring)
    assert cycle.ids == tuple(f"w{n}" for n in range(7))
    assert cycle.words.endswith("At run time the chain stops after 5 workflows.")


def test_a_workflow_in_shadow_is_named_as_one() -> None:
    [cycle] = find_cycles([flow("a", sets(priority="P1"), state="shadow")])
    assert "Nothing comes of it while 'Workflow a' is in shadow." in cycle.words


SETTING_STATUS = sets(status="Open")

EXCLUDED = [
    leaf("ticket.priority", "changed"),
    leaf("{{ticket.priority}}", "changed"),
    leaf("company.name", "changed"),
    leaf("ticket.status", value="Closed"),
    leaf("event.data.ticket.status", value="Closed"),
    leaf("ticket.status", "not_equals", "open"),
    leaf("ticket.status", "in", ["New", "Closed"]),
    leaf("ticket.status", "not_in", ["Open"]),
    leaf("ticket.status", "contains", "los"),
    leaf("ticket.status", "starts_with", "C"),
    leaf("ticket.status", "exists", value=False),
    leaf("ticket.status", value="open", case_sensitive=True),
    leaf("event.type", value="ticket.created"),
    leaf("previous.priority", "exists", value=True),
    leaf("previous.ticket.priority", value="P2"),
    {"not": leaf("ticket.status", value="Open")},
    {"all": [leaf("ticket.board", value="Sales"), leaf("ticket.priority", "changed")]},
    {"any": [leaf("ticket.status", value="New"), leaf("ticket.priority", "changed")]},
    {"not": {"any": [leaf("ticket.board", value="Sales"), leaf("ticket.status", value="Open")]}},
]
POSSIBLE = [
    leaf("ticket.status", "changed"),
    leaf("ticket.updated_at", "changed"),
    leaf("ticket", "changed"),
    leaf("ticket.status", value="OPEN"),
    leaf("ticket.board", value="Sales"),
    leaf("ticket.status", value="{{ticket.wanted}}"),
    leaf("{{ticket.status | upcase}}", value="Closed"),
    leaf("previous.status", value="New"),
    {"not": leaf("ticket.board", value="Sales")},
    {"not": leaf("ticket.status", "changed")},
    {"any": [leaf("ticket.priority", "changed"), leaf("ticket.board", value="Sales")]},
    {"not": {"all": [leaf("ticket.board", value="Sales"), leaf("ticket.status", value="Open")]}},
]


@pytest.mark.parametrize("when", EXCLUDED)
def test_a_condition_that_the_action_contradicts_excludes_the_loop(when: Step) -> None:
    assert loops(flow("a", SETTING_STATUS, when=when)) == []


@pytest.mark.parametrize("when", POSSIBLE)
def test_a_condition_that_depends_on_what_is_not_known_excludes_nothing(when: Step) -> None:
    assert loops(flow("a", SETTING_STATUS, when=when)) == [("a",)]


@pytest.mark.parametrize("steps", [[sets(status="{{ticket.next}}")], [sets(**{"sla.target": "4h", "status": ""})]])
def test_a_value_that_is_not_known_excludes_nothing(steps: list[Step]) -> None:
    assert loops(flow("a", *steps, when=leaf("ticket.status", value="Closed"))) == [("a",)]


def test_templated_fields_can_change_anything() -> None:
    anything = act("update_ticket", fields="{{alert.fields}}")
    assert loops(flow("a", anything, when=leaf("ticket.board", "changed"))) == [("a",)]


def test_an_assignee_s_id_may_be_told_as_an_object() -> None:
    assert loops(flow("a", sets(assignee="u-2"), when=leaf("ticket.assignee.id", value="u-2"))) == [("a",)]
    assert loops(flow("a", sets(assignee="u-2"), when=leaf("ticket.assignee", value="u-3"))) == [("a",)]
    assert loops(flow("a", sets(assignee="u-2"), when=leaf("ticket.assignee.id", "changed"))) == [("a",)]


def test_a_field_that_is_emptied_is_null_or_not_there() -> None:
    emptied = sets(assigned_at=None)
    assert loops(flow("a", emptied, when=leaf("ticket.assigned_at", "exists", value=True))) == []
    assert loops(flow("a", emptied, when=leaf("ticket.assigned_at", value="now"))) == []
    assert loops(flow("a", emptied, when=leaf("ticket.assigned_at", "not_equals", "now"))) == [("a",)]


def test_a_tag_that_is_set_is_in_the_tags() -> None:
    tag = act("add_tag", tag="seen")
    assert loops(flow("a", tag, when={"not": leaf("ticket.tags", "contains", "seen")})) == []
    assert loops(flow("a", tag, when=leaf("ticket.tags", "not_contains", "SEEN"))) == []
    assert loops(flow("a", tag, when={"not": leaf("ticket.tags", "contains", "other")})) == [("a",)]
    assert loops(flow("a", act("add_tag", tag="{{ticket.x}}"), when=leaf("ticket.tags", "not_contains", "x"))) == [
        ("a",)
    ]
    assert loops(flow("a", sets(tags=["seen", "x"]), when=leaf("ticket.tags", "not_contains", "x"))) == []


def test_a_created_ticket_is_known_by_what_it_is_created_with() -> None:
    def opens(when: Step | None) -> list[tuple[str, ...]]:
        ticket = act("create_ticket", title="x", board="Alerts", priority="P1")
        return loops(flow("a", ticket, on="ticket.created", when=when))

    assert opens(None) == opens(leaf("ticket.source", value="email")) == opens(leaf("ticket.status", value="New"))
    assert opens(None) == [("a",)]
    for when in (
        leaf("ticket.status", value="Open"),
        leaf("ticket.board", value="Sales"),
        leaf("ticket.priority", "not_in", ["P1", "P2"]),
        leaf("ticket.status", "changed"),
        leaf("previous.status", "exists", value=True),
    ):
        assert opens(when) == []


def test_gates_and_branches_on_the_way_to_the_action_count() -> None:
    closed = leaf("ticket.status", value="Closed")
    gate = {"id": "gate", "condition": closed}
    assert loops(flow("a", gate, SETTING_STATUS)) == []
    assert loops(flow("a", SETTING_STATUS, gate)) == [("a",)]
    assert loops(flow("a", {"id": "b", "if": closed, "then": [SETTING_STATUS]})) == []
    [cycle] = find_cycles([flow("a", {"id": "b", "if": closed, "else": [SETTING_STATUS]})])
    assert cycle.links[0].step == "b.else.set"
    assert loops(flow("a", {"id": "b", "if": closed, "then": [gate]}, SETTING_STATUS)) == [("a",)]


def test_what_the_conditions_found_of_the_ticket_stays_so_at_once_but_not_for_ever() -> None:
    mine, theirs = leaf("ticket.board", value="Alerts"), leaf("ticket.board", value="Sales")
    wait = act("delay", "wait", **{"for": "1h"})
    other = act("update_ticket", fields={"priority": "P1"}, ticket_id="{{ticket.parent}}")
    restarts: Step = {"restart_on": [{"type": "ticket.updated"}]}
    one_way = flow("b", sets(board="Alerts"), when=theirs)
    assert loops(flow("a", sets(priority="P1"), when=mine), one_way) == [("a",)]
    stale = [
        flow("a", wait, sets(p=1), when=mine),
        flow("a", other, when=mine),
        flow("a", sets(p=1), when=mine, **restarts),
    ]
    for one in stale:
        assert loops(one, one_way) == [("a",), ("a", "b")]
    assert loops(flow("a", sets("first", board="Sales"), sets(p=1), when=mine), one_way) == [("a",), ("a", "b")]


@pytest.mark.parametrize(
    ("step", "on", "expected"),
    [
        (act("update_field", field="stage", value="Won"), "deal.stage_changed", True),
        (act("update_field", field="deal.stage", value="Won"), "deal.stage_changed", True),
        (act("update_field", field="owner", value="u-1"), "deal.stage_changed", False),
        (act("update_field", field="{{deal.which}}", value="x"), "deal.stage_changed", True),
        (act("update_field", field="priority", value="P1"), "ticket.updated", True),
        (act("update_field", field="status", value="x", entity_type="ticket", entity_id="7"), "ticket.updated", True),
        (act("update_field", field="status", value="x", entity_type="device", entity_id="7"), "ticket.updated", False),
        (act("update_field", field="status", value="x", entity_type="{{x.y}}", entity_id="7"), "ticket.updated", True),
        (act("add_tag", tag="x", entity_type="ticket", entity_id="7"), "ticket.updated", True),
        (act("add_tag", tag="x"), "device.offline", False),
        (act("run_script", script_id="s"), "device.offline", False),
        (act("run_script", script_id="s", device_id="d-2"), "device.offline", True),
        (act("create_note", body="x", company_id="c"), "ticket.updated", False),
        (act("send_notification", channel="email", to="x", body="y"), "ticket.updated", False),
        (act("escalate_on_call", team="x"), "ticket.updated", False),
        (act("webhook", url="https://x.example"), "ticket.updated", False),
        (act("create_ticket", title="x"), "ticket.updated", False),
    ],
)
def test_each_action_causes_what_its_module_publishes(step: Step, on: str, expected: bool) -> None:
    assert bool(loops(flow("a", step, on=on))) is expected


def test_a_script_may_wake_a_device_and_another_put_it_to_sleep() -> None:
    wake, sleep = flow("w", act("run_script", script_id="w"), on="device.offline"), act("run_script", script_id="s")
    assert loops(wake, flow("s", sleep, on="device.online")) == [("s", "w")]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("trigger", EVENT_TYPES)
def test_every_action_is_in_the_table(action: str, trigger: str) -> None:
    assert all(effect.type in EVENT_TYPES for effect in effects(action, {}, trigger))


def test_organisations_do_not_start_each_other() -> None:
    one, other = leaf("ticket.k", value=1), leaf("ticket.k", value=2)
    a, b = flow("a", sets(k=2), when=one), flow("b", sets(k=1), when=other)
    assert loops(a, b) == [("a", "b")]
    assert loops(a, Published({**b.body, "org": "globex"})) == []


def test_cancel_on_and_restart_on_are_no_triggers() -> None:
    waits: Step = {"cancel_on": [{"type": "ticket.updated"}], "restart_on": [{"type": "ticket.updated"}]}
    assert loops(flow("a", sets(k=1), on="ticket.created", **waits)) == []


def test_an_unfinished_draft_is_no_part_of_any_loop() -> None:
    assert loops(Published({"id": "d", "org": "acme", "version": 1, "state": "draft"})) == []


def test_a_way_around_that_goes_through_one_workflow_twice_is_found() -> None:
    """Each step of `a` answers another event of `b`: neither pair alone comes around."""
    a = flow(
        "a",
        {"id": "x", "if": leaf("ticket.k", value="b1"), "then": [sets(k="a1")]},
        {"id": "y", "if": leaf("ticket.k", value="b2"), "then": [sets("other", k="a2")]},
        when=leaf("ticket.k", "in", ["b1", "b2"]),
    )
    b = flow(
        "b",
        {"id": "x", "if": leaf("ticket.k", value="a1"), "then": [sets(k="b2")]},
        {"id": "y", "if": leaf("ticket.k", value="a2"), "then": [sets("other", k="b1")]},
        when=leaf("ticket.k", "in", ["a1", "a2"]),
    )
    assert loops(a, b) == [("a", "b", "a", "b")]


def test_only_loops_through_the_named_ones_are_told_where_some_are_named() -> None:
    flows = [flow("a", sets(k=1), when=leaf("ticket.k", value=1)), flow("b", sets(k=2), when=leaf("ticket.k", value=2))]
    found = analyse(flows, through={("acme", "b")})
    assert ([cycle.ids for cycle in found.cycles], found.complete) == ([("b",)], True)


def test_more_loops_than_anybody_reads_are_cut_the_shortest_kept() -> None:
    found = analyse([flow(f"w{n:02}", sets(k=n)) for n in range(40)])
    assert not found.complete
    assert len(found.cycles) == MOST_CYCLES
    assert sum(len(cycle.ids) == 1 for cycle in found.cycles) == 40


Graph = list[list[int]]


@st.composite
def graphs(draw: st.DrawFn, *, acyclic: bool = False) -> Graph:
    size = draw(st.integers(1, 5))
    pairs = [(a, b) for a in range(size) for b in range(size) if not acyclic or a < b]
    chosen = draw(st.sets(st.sampled_from(pairs))) if pairs else set()
    return [[b for b in range(size) if (a, b) in chosen] for a in range(size)]


def as_workflows(graph: Graph) -> list[Published]:
    """Workflow n starts where ticket.k is n, and has a step for each edge that sets it so."""
    return [
        flow(f"w{n}", *[sets(f"to{other}", k=other) for other in ahead] or [act("create_note", body="x")],
             when=leaf("ticket.k", value=n))
        for n, ahead in enumerate(graph)
    ]  # fmt: skip


def brute_force(graph: Graph) -> set[tuple[int, ...]]:
    """Every elementary cycle, from its smallest node."""
    return {
        order
        for length in range(1, len(graph) + 1)
        for order in permutations(range(len(graph)), length)
        if order[0] == min(order) and all(b in graph[a] for a, b in pairwise((*order, order[0])))
    }


@given(graphs())
@settings(max_examples=200)
def test_every_loop_is_found_once_and_is_one(graph: Graph) -> None:
    found = loops(*as_workflows(graph))
    assert len(found) == len(set(found))
    assert {tuple(int(id[1:]) for id in ids) for ids in found} == brute_force(graph)
    assert [len(ids) for ids in found] == sorted(len(ids) for ids in found)


@given(graphs(acyclic=True))
@settings(max_examples=50)
def test_workflows_that_only_go_forward_have_no_loop(graph: Graph) -> None:
    assert loops(*as_workflows(graph)) == []


@given(graphs(), st.sets(st.integers(0, 4)))
@settings(max_examples=200)
def test_cycles_through_some_nodes_are_found_once(graph: Graph, some: set[int]) -> None:
    starts = {n for n in some if n < len(graph)}
    found = list(elementary_cycles(graph, starts, Budget(100_000)))
    smallest_first = [(*cycle[at:], *cycle[:at]) for cycle in found for at in [cycle.index(min(cycle))]]
    assert len(set(smallest_first)) == len(found)
    assert set(smallest_first) == {cycle for cycle in brute_force(graph) if starts & set(cycle)}


@given(graphs())
@settings(max_examples=100)
def test_nodes_are_of_one_component_where_each_leads_to_the_other(graph: Graph) -> None:
    reach = [{n} for n in range(len(graph))]
    for _ in graph:
        reach = [here.union(*(reach[other] for other in graph[n])) for n, here in enumerate(reach)]
    part = components(graph)
    for a in range(len(graph)):
        for b in range(len(graph)):
            assert (part[a] == part[b]) is (b in reach[a] and a in reach[b])


def test_a_search_ends_where_its_budget_does() -> None:
    complete = [list(range(14)) for _ in range(14)]
    budget = Budget(2_000)
    assert 0 < len(list(elementary_cycles(complete, range(14), budget))) < 2_000
    assert budget.spent
