"""Why an event started no run, in a sentence: which conditions were false, with what there was instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.why import leaves
from hub.services.wording import condition_sentence
from hub.services.words import wanted
from schemas.events import EVENT_TYPES, entity_of

_MOST: Final = 3
"""Comparisons that are told one by one; the rest are counted."""


def skipped_reason(conditions: Any, trigger: str | None) -> str:
    """A skipped run's reason: `not met: severity is critical or high (it was low)`."""
    entity = entity_of(trigger) if trigger in EVENT_TYPES else None
    failing = list(leaves(conditions)) if isinstance(conditions, dict) else []
    told = [_told(group, entity) for group in _alike(failing)]
    if not told:
        return "its conditions were false"
    more = f"; and {len(told) - _MOST} more" if len(told) > _MOST else ""
    return "; ".join(told[:_MOST]) + more


def _alike(failing: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Comparisons of one field one after the other, which are told as one: each has the same value to compare with."""
    found: list[list[Mapping[str, Any]]] = []
    for leaf in failing:
        before = found[-1] if found else []
        fits = before and (leaf.get("field"), leaf.get("result")) == (before[0].get("field"), before[0].get("result"))
        if fits and "note" not in leaf:
            before.append(leaf)
        else:
            found.append([leaf])
    return found


def _told(alike: list[Mapping[str, Any]], entity: str | None) -> str:
    first = alike[0]
    if first.get("op") in {"exists", "changed"}:
        # What is the case says it all.
        return condition_sentence(first if first.get("result") else {"not": first}, entity)
    if first.get("result"):
        # It held, and should not have.
        sentence = condition_sentence({"not": first} if len(alike) == 1 else {"not": {"all": alike}}, entity)
    else:
        sentence = condition_sentence(first if len(alike) == 1 else {"any": alike}, entity)
    was = "it was missing" if first.get("missing") else f"it was {wanted(first.get('actual'))}"
    note = f", {first['note']}" if first.get("note") else ""
    return f"not met: {sentence} ({was}{note})"
