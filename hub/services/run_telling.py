"""A run's entries as the API tells them: its steps with their attempts, what was not reached, and what it came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from engine.simulation.story import not_reached, steps_of
from hub.services.reasons import skipped_reason
from hub.services.run_story import story
from hub.services.wording import condition_sentence, step_sentence
from projections.fold import RunFold, StepFold, fold
from schemas.events import EVENT_TYPES, entity_of

Entry = dict[str, Any]
Told = dict[str, Any]
_OPEN: Final = frozenset({"running", "waiting"})
_DEEPEST: Final = 60


def tell(row: Told, entries: list[Entry], definition: Told | None, related: list[Told]) -> Told:
    """The run as the API tells it; `row` is that of the history, `definition` the one that it ran last."""
    folded = fold(row["run_id"], _by_seq(entries))
    first, last = entries[0]["data"], entries[-1]
    trigger = first["event"].get("type")
    entity = entity_of(trigger) if trigger in EVENT_TYPES else None
    status = row["status"]
    waits = last["data"].get("until") if status == "waiting" and last["type"] == "run.waiting" else None
    body = definition or {}
    run: Told = {
        name: row[name]
        for name in (
            "run_id", "org_id", "workflow_id", "workflow_name", "workflow_version", "status", "trigger_type",
            "entity_key", "entity_name", "started_at", "finished_at",
        )
    }  # fmt: skip
    run |= {
        "duration_ms": _milliseconds(row["started_at"], row["finished_at"]),
        "error": row["error"],
        "reason": _reason(row, first),
        "causation_chain": row["causation_chain"],
        "generation": last["data"].get("generation", 0),
        "shadow": bool(first.get("shadow")),
        "guard": first.get("guard"),
        "rerun_of": first.get("rerun_of"),
        "waits_until": waits,
        "trigger_event": _event(entries, folded),
        "conditions": first.get("conditions"),
        "definition": definition,
        "steps": list(_steps(folded, entries, body, entity, waits)),
        "entries": [_entry(one) for one in entries],
        "related": related,
        "not_reached": _not_reached(body, entries, status),
    }
    return run | {"story": list(story(run, entries, entity))}


def definition_of(entries: Sequence[Entry]) -> tuple[int, str] | None:
    """The version and the digest of the definition that the run goes on under, where the log says it."""
    for entry in reversed(entries):
        data = entry["data"]
        if data.get("digest") and isinstance(data.get("workflow"), dict):
            return int(data["workflow"].get("version") or 0), str(data["digest"])
    return None


def _by_seq(entries: Sequence[Entry]) -> dict[int, Entry]:
    return {_seq(one): one for one in entries}


def _seq(entry: Entry) -> int:
    return int(entry["id"].rpartition(":")[2])


def _entry(one: Entry) -> Told:
    return {"seq": _seq(one), "type": one["type"], "at": one["time"], "data": one["data"]}


def _event(entries: Sequence[Entry], folded: RunFold) -> Told:
    """The event that started the run, or the last that began it again."""
    for one in entries:
        if _seq(one) == folded.event_seq:
            return dict(one["data"].get("event") or {})
    return {}


def _reason(row: Told, first: Told) -> str | None:
    if row["status"] == "skipped":
        return skipped_reason(first.get("conditions"), row["trigger_type"])
    return row["error"] if row["status"] == "suppressed" else None


def _milliseconds(since: Any, until: Any) -> float | None:
    return None if until is None else (until - since).total_seconds() * 1000


def _steps(
    folded: RunFold, entries: Sequence[Entry], body: Told, entity: str | None, waits: str | None
) -> Iterator[Told]:
    by_seq, known, tries = _by_seq(entries), dict(steps_by_path(body)), _tries(entries)
    generations = {entry["data"].get("position"): entry["data"].get("generation", 0) for entry in reversed(entries)}
    for position in sorted(folded.steps):
        step = folded.steps[position]
        defined = known.get(step.step_id, {})
        given = _at(by_seq, step.input_seq, "input")
        if step.action == "condition":
            given = _at(by_seq, step.input_seq, "conditions")
        yield {
            "position": position,
            "step_id": step.step_id,
            "action": step.action,
            "name": defined.get("name"),
            "sentence": _sentence(step, defined, given, entity),
            "status": step.status,
            "attempts": step.attempts,
            "tries": tries.get(position, []),
            "input": given,
            "output": _output(step, by_seq),
            "error": _at(by_seq, step.error_seq, "error"),
            "started_at": step.started_at,
            "finished_at": step.finished_at,
            "duration_ms": _milliseconds(step.started_at, step.finished_at),
            "generation": generations.get(position, 0),
            "waits_until": waits if step.status == "waiting" else None,
        }


def _at(by_seq: Mapping[int, Entry], seq: int | None, name: str) -> Any:
    return None if seq is None else by_seq[seq]["data"].get(name)


def _output(step: StepFold, by_seq: Mapping[int, Entry]) -> Any:
    if step.action == "condition":
        return None if step.output_seq is None else {"result": _at(by_seq, step.output_seq, "result")}
    return _at(by_seq, step.output_seq, "output")


def _sentence(step: StepFold, defined: Told, given: Any, entity: str | None) -> str:
    if step.action != "condition":
        return step_sentence(step.action, given if given is not None else defined.get("with"), entity)
    return step_sentence(defined, entity=entity) if defined else condition_sentence(given, entity)


def _tries(entries: Sequence[Entry]) -> dict[int, list[Told]]:
    """By position every attempt: when it began and ended, with which error, and when it is tried again."""
    found: dict[int, list[Told]] = {}
    for entry in entries:
        kind, data = entry["type"], entry["data"]
        if kind in {"run.cancelled", "run.restarted"}:
            for tries in found.values():
                if tries[-1]["finished_at"] is None:
                    tries[-1]["finished_at"] = entry["time"]
        if data.get("position") is None:
            continue
        if kind == "step.started" and data.get("action") != "delay":
            one = {"attempt": data.get("attempt", 1), "at": entry["time"], "finished_at": None, "error": None,
                   "next_at": None}  # fmt: skip
            found.setdefault(data["position"], []).append(one)
        elif kind in {"step.succeeded", "step.failed"} and (tried := found.get(data["position"])):
            error = data.get("error") if kind == "step.failed" else None
            tried[-1] |= {"finished_at": entry["time"], "error": error, "next_at": data.get("next_try")}
    return found


def steps_by_path(body: Mapping[str, Any]) -> Iterator[tuple[str, Told]]:
    """Every step of a definition by its path in a run: `which.then.ticket`."""
    yield from _by_path(body.get("steps"), "", 0)


def _by_path(steps: Any, outer: str, level: int) -> Iterator[tuple[str, Told]]:
    if not isinstance(steps, list) or level > _DEEPEST:
        return
    for step in steps:
        if isinstance(step, dict) and isinstance(step.get("id"), str):
            path = f"{outer}{step['id']}"
            yield path, step
            for side in ("then", "else"):
                yield from _by_path(step.get(side), f"{path}.{side}.", level + 1)


def _not_reached(body: Told, entries: list[Any], status: str) -> list[Told]:
    """The steps that never began, each with why; of a run that goes on only those in branches that it did not take."""
    if not body:
        return []
    steps = steps_of(entries)
    found = [{"step": one["step"], "why": one["why"]} for one in not_reached(body, entries, steps)]
    if status not in _OPEN:
        return found
    decided = {f"{step['step']} was {'true' if step['result'] else 'false'}" for step in steps if "result" in step}
    return [one for one in found if one["why"] in decided]
