"""A simulation for people: what would happen, when, with which values, and what would not."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from cli.output import one_line, painted, short_json
from cli.story import tree
from hub.services.words import offset

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORT: Final = 160
_MARKS: Final = {
    "succeeded": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("–", ""),
    "cancelled": ("–", "yellow"),
}
_STATUS: Final = {"completed": "green", "failed": "red", "cancelled": "yellow", "suppressed": "yellow"}
_INDENT: Final = " " * 15


def tell(played: dict[str, Any], *, full: bool = False) -> Iterator[str]:
    """The story of `Simulation.as_json`, line by line; long values are shortened unless `full`."""
    most = 1_000_000 if full else _SHORT
    yield from _head(played)
    yield ""
    yield from _conditions(played["conditions"], most)
    yield from _steps(played, most)
    yield from _list("Not reached", [(one["step"], one["why"]) for one in played["not_reached"]])
    yield from _list("Missing in this event", [(one["field"], _missing(one)) for one in played["missing"]])


def _head(played: dict[str, Any]) -> Iterator[str]:
    workflow, event = played["workflow"], played["event"]
    name = one_line(workflow["name"] or workflow["id"])
    version = f"{workflow['id']}, version {workflow['version']}, {workflow['state']}"
    yield f"Simulation of {name} ({version}) of {played['org']}"
    yield f"  event     {event['type']} {event['id']} about {event['subject']}"
    began = _time(played["started"])
    lasted = offset((_time(played["ended"]) - began).total_seconds())
    after = f" after {lasted}" if lasted != "0 s" else ""
    yield f"  result    {painted(played['status'], _STATUS.get(played['status'], ''))}{after}; nothing was performed"
    if played["reason"]:
        yield f"  reason    {one_line(played['reason'], 1000)}"
    yield f"  began     {began:%Y-%m-%d %H:%M:%S} UTC, in virtual time"
    if (throttle := played["throttle"]) is not None:
        runs = "1 run" if throttle["limit"] == 1 else f"{throttle['limit']:,} runs"
        key = f"the key {short_json(throttle['key'], 80)}"
        yield f"  throttle  at most {runs} in {offset(throttle['per_s'])} for {key}; it was not applied here"


def _conditions(trace: dict[str, Any] | None, most: int) -> Iterator[str]:
    if trace is None:
        yield "Conditions: none, every such event starts a run"
        return
    yield f"Conditions: {'true' if trace['result'] else 'false'}"
    yield from tree(trace, "  ", most)


def _steps(played: dict[str, Any], most: int) -> Iterator[str]:
    began = _time(played["started"])
    lines = [(_time(step["started"]), step["position"], list(_step(step, began, most))) for step in played["steps"]]
    # A signal comes before the steps that it begins anew, and behind those that were there at its time.
    for number, signal in enumerate(played["signals"]):
        at = _time(signal["at"])
        behind = [position for when, position, _ in lines if position >= 0 and when < at]
        lines.append((at, max(behind, default=-1) + 0.5 + number / 1000, [_signal(signal, began)]))
    if not lines:
        return
    yield ""
    yield "What happens"
    for _, _, told in sorted(lines, key=lambda line: line[1]):
        yield from told


def _signal(signal: dict[str, Any], began: dt.datetime) -> str:
    does = {"cancel": "cancels the run", "restart": "begins the run again"}.get(signal["effect"])
    effect = painted(does, "yellow") if does else f"does nothing: {signal['effect']}"
    return f"{_after(signal['at'], began)}⚡ {signal['type']} {signal['event']} {effect}"


def _step(step: dict[str, Any], began: dt.datetime, most: int) -> Iterator[str]:
    mark, colour = _MARKS.get(step["status"], ("…", "cyan"))
    head = f"{_after(step['started'], began)}{painted(mark, colour)} {step['step']}  "
    if step["action"] == "condition":
        yield f"{head}is {'true' if step['result'] else 'false'}"
        yield from tree(step["conditions"], _INDENT + "  ", most)
        return
    if step["action"] == "delay" and step["waits"]:
        yield head + _wait(step)
    else:
        shadow = " (shadow: it would not be performed)" if step["status"] == "skipped" else ""
        yield f"{head}{step['action']}{shadow}"
        yield from _values(step.get("input"), most)
    if len(step["attempts"]) > 1 or step["status"] == "failed":
        yield from _attempts(step, began)
    if step["action"] != "delay" and "output" in step:
        yield from _imagined(step, most)


def _values(given: Any, most: int) -> Iterator[str]:
    if not isinstance(given, dict) or not given:
        yield f"{_INDENT}  {short_json(given, most)}"
        return
    width = max(len(name) for name in given)
    for name, value in given.items():
        yield f"{_INDENT}  {name:<{width}}  {short_json(value, most)}"


def _imagined(step: dict[str, Any], most: int) -> Iterator[str]:
    """What it is imagined to answer, without what the answer repeats of the input."""
    output, given = step["output"], step.get("input") or {}
    if isinstance(output, dict):
        output = {name: value for name, value in output.items() if name not in given or given[name] != value}
    if output:
        yield f"{_INDENT}  → {short_json(output, most)} (imagined)"


def _wait(step: dict[str, Any]) -> str:
    wait = step["waits"][-1]
    until = _time(wait["until"])
    planned = offset((until - _time(wait["from"])).total_seconds())
    if step["status"] != "cancelled":
        return f"waits {planned}, until {until:%Y-%m-%d %H:%M:%S} UTC"
    return f"would wait {planned}, until {until:%Y-%m-%d %H:%M:%S} UTC, but does not come to its end"


def _attempts(step: dict[str, Any], began: dt.datetime) -> Iterator[str]:
    for attempt in step["attempts"]:
        error = attempt["error"]
        if error is None:
            yield f"{_INDENT}  attempt {attempt['attempt']} succeeds{_at(attempt['started'], began)}"
            continue
        again = attempt.get("next_try")
        then = f"; the next attempt{_at(again, began)}" if again else "; for good"
        yield f"{_INDENT}  attempt {attempt['attempt']} {painted('fails', 'red')}: {one_line(error['message'])}{then}"


def _missing(one: dict[str, Any]) -> str:
    rendered = f", so it is {short_json(one['rendered'], 80)}" if one["rendered"] is not None else ""
    return f"{one['path']} is not there{rendered}"


def _list(title: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield title
    width = min(40, max(len(name) for name, _ in rows))
    for name, text in rows:
        yield f"  {name:<{width}}  {text}"


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _at(text: str, began: dt.datetime) -> str:
    return f" at +{offset((_time(text) - began).total_seconds())}"


def _after(text: str, began: dt.datetime) -> str:
    return f"  {'+' + offset((_time(text) - began).total_seconds()):<12} "
