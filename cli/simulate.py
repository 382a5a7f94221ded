"""`onestack simulate`: what a workflow would do with an event, with nothing performed and nothing running."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from cli.errors import USAGE, Failure
from cli.output import show_json
from schemas.durations import parse_duration
from schemas.events import EVENT_TYPES, Event, from_envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.simulation.trial import Outcomes
    from engine.workflow import Workflow
    from schemas.outcomes import ActionError, Call, Failed, Outcome

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
_RETRIED: Final = frozenset({408, 409, 425, 429})
"""Statuses below 500 for which an action is tried again, as DESIGN.md §6 has them."""


def simulate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A definition, YAML or JSON; '-' is stdin.")],
    event: Annotated[
        str,
        typer.Option(help="A file with a CloudEvent ('-': stdin), or an event type for sample data of that type."),
    ],
    id: Annotated[str | None, typer.Option(help="Of several definitions in the file, the one with this id.")] = None,
    org: Annotated[str | None, typer.Option(help="For this organisation, whatever the file says.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change the event's data, such as alert.severity=low."),
    ] = None,
    fail: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STEP[=STATUS]",
            help="Let a step fail: with an HTTP status [500], or 'timeout'; tell=503x2 fails twice, then succeeds.",
        ),
    ] = None,
    signal: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|TYPE[@AFTER]",
            help="An event that arrives meanwhile: device.online@5m, or a file with one, by its time or @AFTER.",
        ),
    ] = None,
    takes: Annotated[str, typer.Option(help="How long each call takes, in virtual time, such as 2s.")] = "0s",
    at: Annotated[
        str | None, typer.Option(help="When it begins, such as 2026-11-23T08:00:00Z [the event's time].")
    ] = None,
    calendar: Annotated[list[Path] | None, typer.Option(help="A file with business calendars that it uses.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Print long values whole.")] = False,
    json: Json = False,
) -> None:
    """Try a workflow on an event, without performing anything.

    Tells each condition with its values, each action as it would be sent, the branches taken, and what is missing in
    the event. Delays pass in virtual time. Needs neither Kafka nor Postgres. For example:

    onestack simulate offline.yaml --event device.offline --signal device.online@5m
    """
    from cli.drafts import calendars_in, one_workflow, rules_of
    from cli.simulation import tell
    from engine.simulate import simulate as play
    from runtime.settings import load

    if str(file) == event == "-":
        raise Failure("Either the definition or the event can come from stdin, not both.", USAGE)
    workflow = one_workflow(file, id, org)
    start = _moment(at)
    trigger = _event(event, workflow.org, start or _clock(), changes or [])
    begins = start or _time_of(trigger) or _clock()
    played = play(
        workflow,
        trigger,
        begins,
        outcomes=_outcomes(workflow, fail or []),
        signals=[_signal(one, trigger, begins) for one in signal or []],
        rules=rules_of(load(), calendars_in(calendar or [])),
        takes=_duration("--takes", takes),
    )
    told = played.as_json()
    if json:
        show_json(told)
        return
    for line in tell(told, full=full):
        print(line)


def _clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def _moment(text: str | None) -> dt.datetime | None:
    from cli.history import moment

    return moment(text)


def _time_of(event: Event) -> dt.datetime | None:
    return None if event.time is None else dt.datetime.fromisoformat(event.time).astimezone(dt.UTC)


def _duration(option: str, text: str) -> dt.timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Failure(f"{option}: {error}.", USAGE) from None


def _event(given: str, org: str, now: dt.datetime, changes: Sequence[str]) -> Event:
    from engine.simulation.samples import sample_event

    if given in EVENT_TYPES:
        event = sample_event(given, org, now)
    elif given != "-" and not Path(given).exists():
        raise Failure(f"--event {given}: neither a file nor an event type; they are {', '.join(EVENT_TYPES)}.", USAGE)
    else:
        event = _only(given)
    return _changed(event, changes) if changes else event


def _only(file: str) -> Event:
    from cli.publishing import events_in

    found = events_in(Path(file))
    if len(found) != 1:
        raise Failure(f"{file} holds {len(found)} events: give a file with one.", USAGE)
    return from_envelope(found[0])


def _changed(event: Event, changes: Sequence[str]) -> Event:
    import orjson

    envelope: dict[str, Any] = orjson.loads(orjson.dumps(event.envelope))
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals or not path.strip():
            raise Failure(f"--set takes PATH=VALUE, such as alert.severity=low, not {change[:60]!r}.", USAGE)
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = text
        place = envelope["data"]
        *outer, last = path.strip().split(".")
        for name in outer:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise Failure(f"--set {path}: {name} is no object in this event.", USAGE)
        place[last] = value
    return from_envelope(envelope)


def _signal(given: str, trigger: Event, begins: dt.datetime) -> tuple[dt.timedelta, Event]:
    name, at, after = given.rpartition("@")
    if not at:
        name, after = given, ""
    if name in EVENT_TYPES:
        later = _duration("--signal", after) if after else dt.timedelta(minutes=1)
        return later, _about(name, trigger, begins + later)
    if not Path(name).exists():
        raise Failure(f"--signal {name}: neither a file nor an event type.", USAGE)
    event = _only(name)
    if after:
        return _duration("--signal", after), event
    moment = _time_of(event)
    if moment is None:
        raise Failure(f"--signal {name}: the event has no time: write {name}@5m.", USAGE)
    return moment - begins, event


def _about(event_type: str, trigger: Event, at: dt.datetime) -> Event:
    """A sample event of this type about the trigger's entity, with what the trigger knows of it."""
    from engine.simulation.samples import sample_event

    sample = sample_event(event_type, trigger.org, at, f"signal-{at:%H%M%S%f}")
    if sample.entity_type != trigger.entity_type:
        return sample
    envelope = dict(sample.envelope)
    mine = {**trigger.data[trigger.entity_type], **sample.data[sample.entity_type], "id": trigger.entity_id}
    envelope |= {"subject": trigger.subject, "data": {**sample.data, sample.entity_type: mine}}
    return from_envelope(envelope)


class _Fault(NamedTuple):
    outcome: Failed
    times: int | None


def _outcomes(workflow: Workflow, given: Sequence[str]) -> Outcomes:
    """Answers calls as --fail says, and all others with imagined success."""
    from engine.simulation.trial import all_succeed

    faults = dict(_fault(workflow, one) for one in given)
    asked: Counter[str] = Counter()

    def answer(call: Call) -> Outcome:
        fault = faults.get(call.step)
        asked[call.command_id] += 1
        if fault is None or (fault.times is not None and asked[call.command_id] > fault.times):
            return all_succeed(call)
        return fault.outcome

    return answer


def _fault(workflow: Workflow, given: str) -> tuple[str, _Fault]:
    from engine.program import Action

    name, _, how = given.partition("=")
    how, _, times = how.partition("x")
    paths = {step.path for step in workflow.steps if isinstance(step, Action) and step.action != "delay"}
    found = [path for path in paths if path == name or path.rpartition(".")[2] == name]
    if not found:
        known = ", ".join(sorted(paths)) or "none"
        raise Failure(f"--fail {name}: there is no such action in {workflow.id}; its actions are {known}.", USAGE)
    if times and not (times.isdecimal() and 0 < int(times) <= 100):
        raise Failure(f"--fail {given}: after x comes how often it fails, such as {name}=503x2.", USAGE)
    return found[0], _Fault(_failed(given, how or "500"), int(times) if times else None)


def _failed(given: str, how: str) -> Failed:
    from schemas.outcomes import Failed

    error: ActionError
    if how == "timeout":
        error = {"kind": "timeout", "message": "no answer in time"}
        return Failed(error, retryable=True)
    if not how.isdecimal() or not 400 <= int(how) <= 599:
        raise Failure(f"--fail {given}: give an HTTP status from 400 to 599, or 'timeout'.", USAGE)
    status = int(how)
    error = {"kind": "http", "message": f"HTTP {status}", "status": status}
    return Failed(error, retryable=status in _RETRIED or status >= 500)
