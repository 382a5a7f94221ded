"""`onestack simulate`: what a workflow would do with an event, with nothing performed and nothing running."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.errors import USAGE, Failure
from cli.output import Json, show_json
from schemas.durations import parse_duration
from schemas.events import EVENT_TYPES, Event, from_envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.simulation.trial import Outcomes
    from engine.workflow import Workflow
    from hub.services.trying import Failing
    from schemas.outcomes import Failed


File = Annotated[Path, typer.Argument(metavar="FILE", help="A definition, YAML or JSON; '-' is stdin.")]
Given = Annotated[
    str, typer.Option(help="A file with a CloudEvent ('-': stdin), or an event type for sample data of that type.")
]
Id = Annotated[str | None, typer.Option(help="Of several definitions in the file, the one with this id.")]
Org = Annotated[str | None, typer.Option(help="For this organisation, whatever the file says.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change the event's data, such as alert.severity=low."),
]
Fail = Annotated[
    list[str] | None,
    typer.Option(
        metavar="STEP[=STATUS]",
        help="Let a step fail: with an HTTP status [500], or 'timeout'; tell=503x2 fails twice, then succeeds.",
    ),
]
Signals = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE|TYPE[@AFTER]",
        help="An event that arrives meanwhile: device.online@5m, or a file with one, by its time or @AFTER.",
    ),
]
Takes = Annotated[str, typer.Option(help="How long each call takes, in virtual time, such as 2s.")]
At = Annotated[str | None, typer.Option(help="When it begins, such as 2026-11-23T08:00:00Z [the event's time].")]
Calendars = Annotated[list[Path] | None, typer.Option(help="A file with business calendars that it uses.")]
Full = Annotated[bool, typer.Option("--full", help="Print long values whole.")]


def simulate(
    file: File,
    event: Given,
    id: Id = None,
    org: Org = None,
    changes: Changes = None,
    fail: Fail = None,
    signal: Signals = None,
    takes: Takes = "0s",
    at: At = None,
    calendar: Calendars = None,
    full: Full = False,
    json: Json = False,
) -> None:
    """Try a workflow on an event, without performing anything.

    Tells each condition with its values, each action as it would be sent, the branches taken, and what is missing in
    the event. Delays pass in virtual time. Needs neither Kafka nor Postgres. For example:

    onestack simulate offline.yaml --event device.offline --signal device.online@5m
    """
    from cli.drafts import calendars_in, one_workflow
    from cli.simulation import tell
    from engine.simulate import simulate as play
    from hub.services.rules import rules_of
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

    from hub.services.trying import put
    from schemas.errors import Refused

    envelope: dict[str, Any] = orjson.loads(orjson.dumps(event.envelope))
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals or not path.strip():
            raise Failure(f"--set takes PATH=VALUE, such as alert.severity=low, not {change[:60]!r}.", USAGE)
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = text
        try:
            put(envelope["data"], path, value)
        except Refused as refused:
            raise Failure(f"--set {path}: {refused.reason}.", USAGE) from None
    return from_envelope(envelope)


def _signal(given: str, trigger: Event, begins: dt.datetime) -> tuple[dt.timedelta, Event]:
    from hub.services.trying import about

    name, at, after = given.rpartition("@")
    if not at:
        name, after = given, ""
    if name in EVENT_TYPES:
        later = _duration("--signal", after) if after else dt.timedelta(minutes=1)
        return later, about(name, trigger, begins + later)
    if not Path(name).exists():
        raise Failure(f"--signal {name}: neither a file nor an event type.", USAGE)
    event = _only(name)
    if after:
        return _duration("--signal", after), event
    moment = _time_of(event)
    if moment is None:
        raise Failure(f"--signal {name}: the event has no time: write {name}@5m.", USAGE)
    return moment - begins, event


def _outcomes(workflow: Workflow, given: Sequence[str]) -> Outcomes:
    """Answers calls as --fail says, and all others with imagined success."""
    from hub.services.trying import outcomes

    return outcomes(dict(_fault(workflow, one) for one in given))


def _fault(workflow: Workflow, given: str) -> tuple[str, Failing]:
    from hub.services.trying import MOST_TIMES, Failing, callable_steps, step_named

    name, _, how = given.partition("=")
    how, _, times = how.partition("x")
    found = step_named(workflow, name)
    if found is None:
        known = ", ".join(sorted(callable_steps(workflow))) or "none"
        raise Failure(f"--fail {name}: there is no such action in {workflow.id}; its actions are {known}.", USAGE)
    if times and not (times.isdecimal() and 0 < int(times) <= MOST_TIMES):
        raise Failure(f"--fail {given}: after x comes how often it fails, such as {name}=503x2.", USAGE)
    return found, Failing(_failed(given, how or "500"), int(times) if times else None)


def _failed(given: str, how: str) -> Failed:
    from hub.services.trying import answered, unanswered

    if how == "timeout":
        return unanswered()
    if not how.isdecimal() or not 400 <= int(how) <= 599:
        raise Failure(f"--fail {given}: give an HTTP status from 400 to 599, or 'timeout'.", USAGE)
    return answered(int(how))
