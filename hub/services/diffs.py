"""What is different between two versions of a definition. Steps are matched by their ids: a reorder is a move.

Enough is told to make the one of the other: a change of a field has its keys, a step that is new or elsewhere its
place. A branch is told without the steps inside it, which are steps of their own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from hub.services.wording import condition_sentence, step_sentence, trigger_sentence
from hub.services.words import field, plain, short, wanted
from schemas.events import EVENT_TYPES, entity_of

Kind = Literal["added", "removed", "changed", "moved"]
Place = tuple[str, int]
"""A list of steps (`steps`, `which.then`) and the index in it."""

_LABELS: Final = {
    "on_error": "What happens on an error", "retry": "Retries", "cancel_on": "What cancels it",
    "restart_on": "What restarts it", "with": "parameters",
}  # fmt: skip
_HEAD: Final = frozenset({"id", "org", "version", "steps"})
_WHOLE: Final = frozenset({"conditions", "condition", "if", "cancel_on", "restart_on"})
"""What is told whole, for its parts say nothing by themselves."""
_SIDES: Final = ("then", "else")
_MAIN: Final = "steps"


class Change(NamedTuple):
    """One difference. `path` names the step by its id: `steps[ticket].with.title`; `words` tell it to people.

    `step` is the step's id, or None of the definition itself; `keys` lead to the field. `place` is where a step that
    was added or moved is afterwards.
    """

    kind: Kind
    path: str
    before: Any
    after: Any
    words: str
    step: str | None = None
    keys: tuple[str, ...] = ()
    place: Place | None = None


class _Step(NamedTuple):
    body: dict[str, Any]
    place: Place


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What has to be done to `before` so that it is `after`; ids, organisations and versions are left out."""
    entity = _entity(after)
    old, new = dict(_steps(before)), dict(_steps(after))
    found = [_told(one, None, entity) for one in _fields(_without(before, _HEAD), _without(after, _HEAD), ())]
    found += [_removed(id, step, entity) for id, step in old.items() if id not in new]
    moved = _moved(old, new)
    for id, step in new.items():
        if id not in old:
            found.append(_added(id, step, entity))
            continue
        if id in moved:
            found.append(_move(id, old[id], step))
        found += [_told(one, id, entity) for one in _fields(old[id].body, step.body, ())]
    return found


def _entity(body: Mapping[str, Any]) -> str | None:
    trigger = body.get("trigger")
    kind = trigger.get("type") if isinstance(trigger, Mapping) else None
    return entity_of(kind) if isinstance(kind, str) and kind in EVENT_TYPES else None


def _without(body: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def _steps(body: Mapping[str, Any], where: str = _MAIN) -> Iterator[tuple[str, _Step]]:
    """Each step by its id, without those inside it, which follow."""
    steps = body.get(where.rpartition(".")[2]) or []
    for index, step in enumerate(steps):
        yield step["id"], _Step(_without(step, frozenset({"id", *_SIDES})), (where, index))
        for side in _SIDES:
            yield from _steps(step, f"{step['id']}.{side}")


def _moved(old: Mapping[str, _Step], new: Mapping[str, _Step]) -> set[str]:
    """The steps in another list than before, and as few others as explain the order in each."""
    kept: dict[str, list[tuple[str, int]]] = {}
    moved = set()
    for id, step in new.items():
        if id not in old:
            continue
        if old[id].place[0] != step.place[0]:
            moved.add(id)
        else:
            kept.setdefault(step.place[0], []).append((id, old[id].place[1]))
    for steps in kept.values():
        stay = _rising([index for _, index in steps])
        moved |= {id for number, (id, _) in enumerate(steps) if number not in stay}
    return moved


def _rising(numbers: Sequence[int]) -> set[int]:
    """The indices of a longest rising run among distinct numbers."""
    ends: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        length = bisect_left(ends, number)
        ends[length:] = [number, *ends[length + 1 :]]
        at[length:] = [index, *at[length + 1 :]]
        before.append(at[length - 1] if length else -1)
    found: set[int] = set()
    index = at[-1] if at else -1
    while index >= 0:
        found.add(index)
        index = before[index]
    return found


def _fields(before: Mapping[str, Any], after: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[Change]:
    """Differences of two objects, objects inside them field by field; without words."""
    for name in (*before, *(name for name in after if name not in before)):
        here = (*keys, name)
        if name not in after:
            yield Change("removed", "", before[name], None, "", keys=here)
        elif name not in before:
            yield Change("added", "", None, after[name], "", keys=here)
        elif isinstance(before[name], dict) and isinstance(after[name], dict) and here[0] not in _WHOLE:
            yield from _fields(before[name], after[name], here)
        elif not _same(before[name], after[name]):
            yield Change("changed", "", before[name], after[name], "", keys=here)


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; to Python `True` and `1` are, and `1` and `1.0`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)


def _told(change: Change, step: str | None, entity: str | None) -> Change:
    path = ".".join(([f"steps[{step}]"] if step is not None else []) + list(change.keys))
    return change._replace(path=path, step=step, words=_sentence(change, step, entity))


def _sentence(change: Change, step: str | None, entity: str | None) -> str:
    name = _label(change.keys)
    subject = f"Step {step}: {name}" if step is not None else f"{name[:1].upper()}{name[1:]}"
    whole = change.keys[0] in _WHOLE or change.keys[0] == "trigger"
    if change.kind == "removed":
        return f"{subject} removed" + ("" if whole else f", which was {_value(change.keys, change.before, entity)}")
    if change.kind == "added" or whole:
        verb = "set" if change.kind == "added" else "changed"
        return f"{subject} {verb}{':' if whole else ' to'} {_value(change.keys, change.after, entity)}"
    before, after = (_value(change.keys, value, entity) for value in (change.before, change.after))
    return f"{subject} changed from {before} to {after}"


def _label(keys: tuple[str, ...]) -> str:
    if keys[0] == "with" and len(keys) > 1:
        return field(".".join(keys[1:]))
    first = _LABELS.get(keys[0]) or field(keys[0])
    return " ".join([first, *(field(key) for key in keys[1:])])


def _value(keys: tuple[str, ...], value: Any, entity: str | None) -> str:
    if keys[0] in ("conditions", "condition", "if"):
        return condition_sentence(value, entity)
    if keys[0] == "trigger":
        return trigger_sentence(value.get("type") if isinstance(value, Mapping) else value)
    if keys[0] in ("cancel_on", "restart_on") and isinstance(value, list):
        types = [one.get("type") if isinstance(one, Mapping) else one for one in value]
        return ", ".join(plain(one) for one in types) or "nothing"
    return wanted(value)


def _added(id: str, step: _Step, entity: str | None) -> Change:
    words = f"Step {id} added at {_where(step.place)}: {step_sentence(step.body, entity=entity)}"
    return Change("added", f"steps[{id}]", None, {"id": id, **step.body}, words, step=id, place=step.place)


def _removed(id: str, step: _Step, entity: str | None) -> Change:
    words = f"Step {id} removed: {step_sentence(step.body, entity=entity)}"
    return Change("removed", f"steps[{id}]", {"id": id, **step.body}, None, words, step=id)


def _move(id: str, old: _Step, new: _Step) -> Change:
    if old.place[0] == new.place[0]:
        words = f"Step {id} moved from position {old.place[1] + 1} to {new.place[1] + 1}{_list(new.place[0])}"
    else:
        words = f"Step {id} moved to {_where(new.place)}"
    before, after = ({"in": place[0], "position": place[1] + 1} for place in (old.place, new.place))
    return Change("moved", f"steps[{id}]", before, after, words, step=id, place=new.place)


def _where(place: Place) -> str:
    return f"position {place[1] + 1}{_list(place[0])}"


def _list(where: str) -> str:
    if where == _MAIN:
        return ""
    branch, _, side = where.rpartition(".")
    return f" of the {'Yes' if side == 'then' else 'No'} branch of {short(branch)}"
