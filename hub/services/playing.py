"""A simulation as the API tells it: each step with what it would send, and the whole as a story."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hub.services.calls import call_told
from hub.services.wording import condition_sentence, step_sentence
from hub.services.words import offset, quoted, short
from schemas.events import EVENT_TYPES, entity_of

Told = dict[str, Any]

_REASON: Final = 400


def simulation(played: Mapping[str, Any], body: Mapping[str, Any]) -> Told:
    """The simulation, told from `Simulation.as_json`; `body` is the workflow's definition."""
    event = played["event"]
    calls = {
        one["step"]: call
        for one in played["steps"]
        if (call := call_told(one["action"], one.get("input"), event)) is not None
    }
    steps = [_step(one) for one in played["steps"]]
    entity = entity_of(event["type"]) if event["type"] in EVENT_TYPES else None
    return {**played, "steps": steps, "story": list(story(played, body, entity)), "requests": calls}


def _step(one: Mapping[str, Any]) -> Told:
    found: Told = {
        "step": one["step"],
        "position": one["position"],
        "action": one["action"],
        "status": one["status"],
        "started": one["started"],
        "ended": one["finished"],
        "attempts": [
            {"at": attempt["started"], "error": attempt["error"], "next_at": attempt.get("next_try")}
            for attempt in one["attempts"]
        ],
        "waits": one["waits"],
        "error": one.get("error"),
    }
    return found | {name: one[name] for name in ("input", "output", "result", "conditions") if name in one}


def story(played: Mapping[str, Any], body: Mapping[str, Any], entity: str | None) -> Iterator[str]:
    """What happened, a sentence for each thing that did."""
    event, status = played["event"], played["status"]
    yield f"{event['type']} {event['id']} about {event['subject']} came in."
    if body.get("conditions") is not None and played["conditions"] is not None:
        held = "held" if played["conditions"]["result"] else "did not hold"
        yield f"The conditions {held}: {condition_sentence(body['conditions'], entity)}."
    if status == "skipped":
        yield "So the workflow did not run."
        return
    if status == "suppressed":
        yield f"A guard kept the run from starting: {short(str(played['reason']), _REASON)}."
        return
    began = _time(played["started"])
    happened = [(one["started"], number, _tell_step(one, body, entity)) for number, one in enumerate(played["steps"])]
    happened += [(one["at"], len(happened) + number, _tell_signal(one)) for number, one in enumerate(played["signals"])]
    for at, _, sentence in sorted(happened, key=lambda one: (_time(one[0]), one[1])):
        after = (_time(at) - began).total_seconds()
        yield f"After {offset(after)}: {sentence}" if after > 0 else sentence
    yield from (f"{one['step']} was not reached: {one['why']}." for one in played["not_reached"])
    lasted = (_time(played["ended"]) - began).total_seconds()
    reason = f": {short(str(played['reason']), _REASON)}" if status == "failed" and played["reason"] else ""
    yield f"The run {_ENDED.get(status, status)}{f' after {offset(lasted)}' if lasted > 0 else ''}{reason}."


_ENDED: Final = {"completed": "completed", "failed": "failed", "cancelled": "was cancelled"}


def _tell_step(one: Mapping[str, Any], body: Mapping[str, Any], entity: str | None) -> str:
    name = one["step"]
    if one["action"] == "condition":
        step = _find(body, name)
        words = condition_sentence(step.get("condition", step.get("if")), entity)
        return f"{name}: {words}? {'Yes' if one['result'] else 'No'}."
    told = f"{name}: {step_sentence(one['action'], one.get('input'))}"
    if one["action"] == "delay":
        wait = one["waits"][-1] if one["waits"] else None
        until = f", until {_time(wait['until']):%Y-%m-%d %H:%M:%S} UTC" if wait else ""
        return f"{told}{until}{'; that did not come to its end' if one['status'] == 'cancelled' else ''}."
    return f"{told}: {_outcome(one)}."


def _outcome(one: Mapping[str, Any]) -> str:
    attempts = len(one["attempts"])
    again = f" at attempt {attempts}" if attempts > 1 else ""
    if one["status"] == "failed":
        error = one.get("error") or {}
        return f"failed{f' after {attempts} attempts' if attempts > 1 else ''}: {short(str(error.get('message')), 200)}"
    words = {
        "succeeded": f"would succeed{again}",
        "skipped": "would not be performed, for the workflow is in shadow",
        "cancelled": "did not come to its end",
    }
    return words.get(one["status"]) or str(one["status"])


def _tell_signal(one: Mapping[str, Any]) -> str:
    does = {"cancel": "cancelled the run", "restart": "began the run again"}.get(one["effect"])
    return f"{one['type']} {quoted(one['event'])} {does or 'did nothing: ' + one['effect']}."


def _find(body: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The step at a path such as `which.then.ticket`; ids may have dots, so each is matched whole."""
    steps, rest = body.get("steps") or [], path
    while True:
        exact = next((one for one in steps if rest == one["id"]), None)
        step = exact or next((one for one in steps if rest.startswith(f"{one['id']}.")), None)
        if step is None or rest == step["id"]:
            return step or {}
        side, _, rest = rest.removeprefix(f"{step['id']}.").partition(".")
        steps = step.get(side) or []


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
