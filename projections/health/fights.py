"""Workflows that fight: one sets a field, another sets it to something else, and the first sets it back. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any, Final

from projections.health.conditions import told
from projections.health.facts import SHOWN, Finding, Write

QUICKLY: Final = timedelta(hours=1)
"""From the first of the three to the last."""
OFTEN: Final = 3
"""So many times set back is a fight that goes on, and no coincidence."""


def fields_set(definition: Mapping[str, Any]) -> set[str]:
    """The names of the fields that the workflow's steps set, as far as they are written down."""
    return {name for name in _in_steps(definition.get("steps")) if isinstance(name, str) and "{{" not in name}


def _in_steps(steps: Any) -> Iterator[Any]:
    for step in steps if isinstance(steps, list) else ():
        if not isinstance(step, dict):
            continue
        given = step.get("with")
        if isinstance(given, dict) and step.get("action") == "update_field":
            yield given.get("field")
        elif isinstance(given, dict) and step.get("action") == "update_ticket":
            fields = given.get("fields")
            yield from fields if isinstance(fields, dict) else ()
        for word in ("then", "else"):
            yield from _in_steps(step.get(word))


def rivals(definitions: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """By workflow id: the fields that it sets and another sets too; workflows without such are left out."""
    by_field: dict[str, set[str]] = defaultdict(set)
    for workflow_id, definition in definitions.items():
        for name in fields_set(definition):
            by_field[name].add(workflow_id)
    found: dict[str, set[str]] = defaultdict(set)
    for name, workflows in by_field.items():
        if len(workflows) > 1:
            for workflow_id in workflows:
                found[workflow_id].add(name)
    return dict(found)


def writes_of(action: str, given: Any) -> Iterator[tuple[str, str, Any]]:
    """What a step with this rendered input set: entity, field and value."""
    if not isinstance(given, dict):
        return
    if action == "update_field" and {"field", "value", "entity_type", "entity_id"} <= given.keys():
        yield f"{given['entity_type']}/{given['entity_id']}", str(given["field"]), given["value"]
    elif action == "update_ticket" and isinstance(given.get("fields"), dict):
        for name, value in given["fields"].items():
            yield f"ticket/{given.get('ticket_id')}", str(name), value


def fights(writes: Sequence[Write]) -> list[Finding]:
    """One finding for each workflow and field of a fight: A sets it, B sets it otherwise, A sets it back."""
    of_field: dict[tuple[str, str], list[Write]] = defaultdict(list)
    for write in sorted(writes, key=lambda one: (one.at, one.run_id)):
        of_field[write.entity, write.field].append(write)
    found: dict[tuple[str, str, str], list[tuple[Write, Write, Write]]] = defaultdict(list)
    for story in of_field.values():
        for (first, second), (_, third) in pairwise(pairwise(story)):
            back = told(first.value) == told(third.value) != told(second.value)
            if back and first.workflow_id == third.workflow_id != second.workflow_id and _quick(first, third):
                one, other = sorted((first.workflow_id, second.workflow_id))
                found[one, other, first.field].append((first, second, third))
    return [finding for key, rounds in sorted(found.items()) for finding in _told(*key, rounds)]


def _quick(first: Write, third: Write) -> bool:
    return third.at - first.at <= QUICKLY


def _told(one: str, other: str, name: str, rounds: Sequence[tuple[Write, Write, Write]]) -> Iterator[Finding]:
    first, second, third = rounds[-1]
    entities = len({write.entity for write, _, _ in rounds})
    again = f", {len(rounds)} times in 7 days" if len(rounds) > 1 else ""
    of_entities = f" on {entities} entities" if entities > 1 else ""
    sentence = (
        f"`{name}` of {first.entity} was set to {told(first.value)} by {first.workflow_id}, to {told(second.value)} by "
        f"{second.workflow_id}, and back to {told(third.value)} by {third.workflow_id}{again}{of_entities}"
    )
    details = {
        "field": name,
        "workflows": [one, other],
        "values": {first.workflow_id: first.value, second.workflow_id: second.value},
        "entity": first.entity,
        "entities": entities,
        "set_back": len(rounds),
    }
    runs = list(dict.fromkeys(write.run_id for triple in reversed(rounds) for write in triple))[:SHOWN]
    for mine, others in ((one, other), (other, one)):
        yield Finding(
            mine, "fights", f"{name} {others}", "high" if len(rounds) >= OFTEN else "medium", sentence,
            rounds[0][0].at, runs, {**details, "other_workflow": others},
        )  # fmt: skip
