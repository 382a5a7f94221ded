"""One run's story for people: what triggered it, how each condition came out, what each action did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cli.output import lasted, one_line, painted, short_json, when

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARKS: Final = {"succeeded": "✓", "failed": "✗", "running": "…", "waiting": "…", "skipped": "–", "cancelled": "–"}
_COLOURS: Final = {"✓": "green", "✗": "red", "…": "cyan"}
_SHORT: Final = 160


def tell(run: dict[str, Any], *, full: bool = False) -> Iterator[str]:
    """The story line by line; values are shortened to a line's length unless `full`."""
    most = 1_000_000 if full else _SHORT
    yield from _head(run)
    yield ""
    yield from _trigger(run, most)
    yield ""
    yield from _conditions(run["conditions"], most)
    yield ""
    yield from _steps(run["steps"], most)


def _head(run: dict[str, Any]) -> Iterator[str]:
    yield f"Run {run['run_id']}"
    name = one_line(run["workflow_name"] or run["workflow_id"])
    yield f"  workflow  {name} ({run['workflow_id']}, version {run['workflow_version']}) of {run['org_id']}"
    mark = "✓" if run["status"] == "completed" else "✗" if run["status"] == "failed" else "…"
    took = f" after {lasted(run['duration_ms'])}" if run["finished_at"] else ""
    yield f"  status    {painted(run['status'], _COLOURS[mark])}{took}"
    if run["error"]:
        label = "reason" if run["status"] == "suppressed" else "error"
        yield f"  {label:<9} {painted(one_line(run['error']), 'red')}"
    yield f"  started   {when(run['started_at'])} UTC"
    if run["finished_at"]:
        yield f"  finished  {when(run['finished_at'])} UTC"
    if len(run["causation_chain"] or ()) > 1:
        yield f"  caused by {' → '.join(run['causation_chain'])}"
    for entry in run.get("entries", ()):
        if (told := _turn(entry["type"], entry["data"])) is not None:
            yield f"  {told[0]:<9} {told[1]}{when(entry['at'])} UTC" if told[0] in _AT else f"  {told[0]:<9} {told[1]}"


_AT: Final = ("cancelled", "restarted", "resumed")


def _turn(kind: str, data: dict[str, Any]) -> tuple[str, str] | None:
    """What an entry says of the run as a whole that no step says: who changed its course, and what kind it is."""
    word = kind.removeprefix("run.")
    if word in _AT:
        version = f"under version {data['workflow']['version']} " if "workflow" in data else ""
        return word, f"{version}by {_who(data.get('by') or {})} at "
    if data.get("rerun_of"):
        return "rerun of", data["rerun_of"]
    if kind == "run.started" and data.get("shadow"):
        return "shadow", "no action is performed: the steps say what each would have done"
    return None


def _who(by: dict[str, Any]) -> str:
    if (event := by.get("event")) is not None:
        return f"{event.get('type')} {event.get('id')} from {event.get('source')}"
    reason = f", because: {one_line(by['reason'])}," if by.get("reason") else ""
    replay = f", by {by['replay']}," if by.get("replay") else ""
    return f"{by.get('person', 'somebody')}{reason}{replay}"


def _trigger(run: dict[str, Any], most: int) -> Iterator[str]:
    event = run["trigger_event"] or {}
    yield f"Trigger: {run['trigger_type']} about {run['entity_key'].partition('/')[2]}"
    at = event.get("time", "an unknown time")
    yield f"  event     {event.get('id', '?')} from {event.get('source', '?')} at {at}"
    for name, value in (event.get("data") or {}).items():
        yield f"  {name:<9} {short_json(value, most)}"


def _conditions(trace: dict[str, Any] | None, most: int) -> Iterator[str]:
    if trace is None:
        yield "Conditions: none, every such event starts a run"
        return
    yield f"Conditions: {'true' if trace['result'] else 'false'}"
    yield from tree(trace, "  ", most)


def tree(trace: dict[str, Any], indent: str, most: int = _SHORT) -> Iterator[str]:
    """A condition's trace, a line for each leaf and group: what was wanted, what there was, and the result."""
    mark = "✓" if trace.get("result") else "✗"
    mark = painted(mark, _COLOURS[mark])
    for group in ("all", "any", "not"):
        if group in trace:
            inside = trace[group]
            yield f"{indent}{mark} {group}"
            for one in inside if isinstance(inside, list) else [inside]:
                yield from tree(one, indent + "  ", most)
            return
    changed = trace.get("op") == "changed"
    wanted = f" {short_json(trace['value'], most)}" if "value" in trace and not changed else ""
    actual = "it was missing" if trace.get("missing") else f"it was {short_json(trace.get('actual'), most)}"
    if "previous" in trace:
        actual += f", before {short_json(trace['previous'], most)}"
    note = f"; {trace['note']}" if trace.get("note") else ""
    yield f"{indent}{mark} {trace.get('field', '?')} {trace.get('op', '?')}{wanted} ({actual}{note})"


def _steps(steps: list[dict[str, Any]], most: int) -> Iterator[str]:
    if not steps:
        yield "Steps: none began"
        return
    yield "Steps"
    width = max(len(step["step_id"]) for step in steps)
    for step in steps:
        mark = _MARKS.get(step["status"], "…")
        attempts = f", {step['attempts']} attempts" if step["attempts"] > 1 else ""
        yield (
            f"  {step['position']:>2} {painted(mark, _COLOURS.get(mark, ''))} {step['step_id']:<{width}}  "
            f"{step['action']} {step['status']} in {lasted(step['duration_ms'])}{attempts}"
        )
        yield from _step(step, most)


def _step(step: dict[str, Any], most: int) -> Iterator[str]:
    if step["action"] == "condition":
        if step["input"]:
            yield from tree(step["input"], "       ", most)
        return
    for name in ("input", "output"):
        if step[name] is not None:
            yield f"       {name:<7} {short_json(step[name], most)}"
    if step["error"]:
        yield f"       {painted('error', 'red')}   {short_json(step['error'], most)}"
