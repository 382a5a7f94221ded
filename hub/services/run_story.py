"""A run told in sentences: what came in, what was decided, what each step did, and how it ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hub.services.wording import condition_sentence
from hub.services.words import offset, quoted, short

Entry = Mapping[str, Any]
Told = Mapping[str, Any]

_LONG: Final = 400
_ENDED: Final = {"completed": "completed", "failed": "failed", "cancelled": "was cancelled"}


def story(run: Told, entries: Sequence[Entry], entity: str | None) -> Iterator[str]:
    """What happened, a sentence for each thing that did; `run` is as the API tells it, with its steps."""
    first = entries[0]["data"]
    yield from _beginning(run, first, entity)
    if run["status"] in {"skipped", "suppressed"}:
        return
    began = moment(entries[0]["time"])
    happened = [(step["started_at"], number, _step(step)) for number, step in enumerate(run["steps"])]
    # Of one moment: what made the run go on stands before what it went on with, and a cancellation behind all.
    turns = [(entry["time"], len(happened) if entry["type"] == "run.cancelled" else -1, told) for entry in entries
             if (told := _turn(entry)) is not None]  # fmt: skip
    for at, _, sentence in sorted((*happened, *turns), key=lambda one: (moment(one[0]), one[1])):
        after = (moment(at) - began).total_seconds()
        yield f"After {offset(after)}: {sentence}" if after > 0 else sentence
    yield from _end(run, began)


def _beginning(run: Told, first: Told, entity: str | None) -> Iterator[str]:
    event = first["event"]
    named = f", {quoted(run['entity_name'])}," if run["entity_name"] else ""
    yield f"{event.get('type')} {event.get('id')} about {event.get('subject')}{named} came in."
    chain = run["causation_chain"]
    if len(chain) > 1:
        yield f"The workflow {chain[-2]} had caused it."
    if run["rerun_of"]:
        yield f"Somebody asked for it to run again, as it did in run {run['rerun_of']}."
    trace = first.get("conditions")
    if run["status"] == "skipped":
        yield f"The conditions did not hold: {short(str(run['reason']), _LONG)}."
        yield "So the workflow did not run."
        return
    if trace is not None:
        yield f"The conditions held: {condition_sentence(trace, entity)}."
    if run["status"] == "suppressed":
        yield f"A guard kept the run from starting: {short(str(run['reason']), _LONG)}."
    elif run["shadow"]:
        yield "The workflow was in shadow: no action was performed."


def _step(step: Told) -> str:
    told = f"{step['step_id']}: {step['sentence']}"
    if step["action"] == "condition":
        result = (step["output"] or {}).get("result")
        return f"{told}? {'Yes' if result else 'No'}."
    return f"{told}: {_outcome(step)}."


def _outcome(step: Told) -> str:
    attempts, status = step["attempts"], step["status"]
    if status == "failed":
        error = step["error"] or {}
        tried = f" after {attempts} attempts" if attempts > 1 else ""
        return f"failed{tried}: {short(str(error.get('message', 'no reason was given')), 200)}"
    if status == "waiting":
        what = "waits" if step["action"] == "delay" else "is tried again"
        return f"{what}, until {_clock(step['waits_until'])}" if step["waits_until"] else what
    words = {
        "succeeded": "is over" if step["action"] == "delay" else "succeeded",
        "skipped": "was not performed, for the workflow is in shadow",
        "cancelled": "did not come to its end",
        "running": "is at work",
    }
    again = f" at attempt {attempts}" if status == "succeeded" and attempts > 1 else ""
    return f"{words.get(status, status)}{again}"


def _turn(entry: Entry) -> str | None:
    data, kind = entry["data"], entry["type"]
    if kind == "run.cancelled":
        return f"{who(data.get('by') or {})} cancelled the run."
    if kind == "run.restarted":
        return f"{who(data.get('by') or {})} began the run again, from its first step."
    if kind == "run.resumed":
        version = (data.get("workflow") or {}).get("version")
        under = f" under version {version}" if version else ""
        place = f" from step {data['from']}" if data.get("from") else ""
        return f"{who(data.get('by') or {})} had the run go on{place}{under}."
    return None


def who(by: Told) -> str:
    """Who or what changed a run's course."""
    event = by.get("event")
    if isinstance(event, Mapping):
        return f"{event.get('type')} {event.get('id')}"
    reason = f" ({short(str(by['reason']), 200)})" if by.get("reason") else ""
    replay = f", by {by['replay']}," if by.get("replay") else ""
    return f"{by.get('person', 'Somebody')}{reason}{replay}"


def _end(run: Told, began: dt.datetime) -> Iterator[str]:
    status = run["status"]
    if status == "waiting":
        if run["waits_until"]:
            yield f"It waits until {_clock(run['waits_until'])}."
        return
    if status == "running":
        yield "It is running."
        return
    yield from (f"{one['step']} was not reached: {one['why']}." for one in run["not_reached"])
    lasted = (moment(run["finished_at"]) - began).total_seconds() if run["finished_at"] else 0.0
    reason = f": {short(str(run['error']), _LONG)}" if status == "failed" and run["error"] else ""
    yield f"The run {_ENDED.get(status, status)}{f' after {offset(lasted)}' if lasted > 0 else ''}{reason}."


def _clock(at: str) -> str:
    return f"{moment(at).astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def moment(given: str | dt.datetime) -> dt.datetime:
    """A time of the run log."""
    return dt.datetime.fromisoformat(given) if isinstance(given, str) else given
