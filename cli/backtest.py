"""`onestack backtest`: a draft against the events of the past, with nothing performed."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.output import Json, one_line, painted, short_json, show_json, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.workflow import Workflow

_COUNTS: Final = {
    "runs": "runs",
    "completed": "  completed",
    "failed": "  failed",
    "cancelled": "  cancelled",
    "skipped": "skipped: conditions false",
    "throttled": "suppressed: throttle",
    "loop": "suppressed: loop",
    "storm": "suppressed: storm",
}
_TITLES: Final = {
    "only_draft": "Only the draft runs on",
    "only_in_force": "Only the version in force runs on",
    "different_actions": "Both run, but do not do the same, on",
}
_SHORT: Final = 120


def backtest(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The draft, YAML or JSON; '-' is stdin.")],
    since: Annotated[str, typer.Option(help="On events of the last 30d, or since a time.")] = "30d",
    until: Annotated[str | None, typer.Option(help="On events before: 1d (ago), or a time [now].")] = None,
    id: Annotated[str | None, typer.Option(help="Of several definitions in the file, the one with this id.")] = None,
    org: Annotated[str | None, typer.Option(help="For this organisation, whatever the file says.")] = None,
    samples: Annotated[int, typer.Option(min=0, max=1000, help="How many examples of each kind.")] = 5,
    full: Annotated[bool, typer.Option("--full", help="Print long values whole.")] = False,
    json: Json = False,
) -> None:
    """Try a draft on the real events of the past, without performing anything.

    Tells how many runs a day it would have started, what they would have done, and what differs from the version in
    force. Reads the events of the history, and from Kafka those that are not there yet.
    """
    from cli.drafts import one_workflow

    workflow = one_workflow(file, id, org)
    report = asyncio.run(_backtest(workflow, since, until, samples))
    if json:
        show_json(report)
        return
    for line in _tell(report, _SHORT if not full else 1_000_000):
        print(line)
    _days(report)


async def _backtest(workflow: Workflow, since: str, until: str | None, samples: int) -> dict[str, Any]:
    from cli.clients import postgres, settings_for_people
    from cli.history import moment
    from cli.past import of_history, of_topics
    from engine.backtest import Backtest
    from hub.services.backtesting import feed, version_in_force
    from hub.services.rules import calendars_of, rules_of

    settings = settings_for_people()
    # What happens from now on is not of the past; a producer's clock may be ahead of ours.
    begin = moment(since) or dt.datetime.now(dt.UTC)
    end = moment(until) or dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    async with postgres(settings) as connection:
        calendars = await calendars_of(connection, workflow.org)
        in_force = await version_in_force(connection, workflow.org, workflow.id)
        test = Backtest(
            workflow,
            in_force,
            rules=rules_of(settings, calendars),
            samples=samples,
            storm_limit=settings.storm_limit,
        )
        asked = (workflow.org, test.types, begin, end)
        read = {
            "history": await feed(test, of_history(connection, *asked)),
            "topics": await feed(test, of_topics(settings, connection, *asked)),
        }
    name = workflow.name or workflow.id
    return {"name": name, "trigger": workflow.trigger_type, "since": begin, "until": until and end, "read": read} | (
        test.report()
    )


def _tell(report: dict[str, Any], most: int) -> Iterator[str]:
    draft, in_force, read = report["draft"], report["in_force"], report["read"]
    about = f"{report['workflow']}, version {draft['version']}, {draft['state']}"
    yield f"Backtest of {one_line(report['name'])} ({about}) of {report['org']}"
    yield f"  trigger   {report['trigger']}; nothing was performed"
    yield f"  events    {report['events']:,} since {report['since']:%Y-%m-%d %H:%M} UTC"
    yield f"            ({read['history']:,} read from the history, {read['topics']:,} that only the topics have)"
    if in_force is None:
        yield "  in force  none under this id"
    else:
        off = " (taken as if it were enabled)" if in_force["state"] != "enabled" else ""
        yield f"  in force  version {in_force['version']}, {in_force['state']}{off}"
    yield ""
    yield from _totals(report)
    yield from _actions(report["totals"]["draft"])
    yield from _samples("Samples of what the draft would do", report["samples"], "draft", most)
    yield from _differences(report["differences"], most)


def _totals(report: dict[str, Any]) -> Iterator[str]:
    sides = list(report["totals"])
    titles = ["draft", "in force"][: len(sides)]
    yield f"{'':<26}" + "".join(f"{title:>12}" for title in titles)
    for name, title in _COUNTS.items():
        counts = [report["totals"][side][name] for side in sides]
        if any(counts) or name == "runs":
            yield f"{title:<26}" + "".join(f"{count:>12,}" for count in counts)
    cut = [report["totals"][side]["cut_short"] for side in sides]
    if any(cut):
        yield f"{'(played to their end early)':<26}" + "".join(f"{count:>11,}" for count in cut)


def _actions(totals: dict[str, Any]) -> Iterator[str]:
    if not totals["actions"]:
        return
    yield ""
    yield "The draft's steps would have been performed"
    width = max(len(one["step"]) for one in totals["actions"])
    for one in totals["actions"]:
        yield f"  {one['step']:<{width}}  {one['action']}  {one['times']:,} times"


def _samples(title: str, samples: list[dict[str, Any]], side: str, most: int) -> Iterator[str]:
    if not samples:
        return
    yield ""
    yield title
    for one in samples:
        yield _event(one)
        yield from _did(one[side], most, "    ")


def _event(one: dict[str, Any]) -> str:
    event = one["event"]
    return f"  {event['time'] or 'at an unknown time'}  {event['id']}  {event['subject']}"


def _did(side: dict[str, Any], most: int, indent: str) -> Iterator[str]:
    if side["verdict"] == "skipped":
        from engine.why import leaves, tell_leaf

        told = "; ".join(tell_leaf(leaf) for leaf in leaves(side["conditions"] or {}))
        yield f"{indent}skipped: {one_line(told, most * 2)}"
    elif side["verdict"] == "other_trigger":
        yield f"{indent}is not triggered by it"
    elif side["verdict"] != "ran":
        yield f"{indent}suppressed: {one_line(side.get('reason') or side['verdict'], most * 2)}"
    else:
        if side["status"] != "completed":
            yield f"{indent}ends {painted(side['status'], 'yellow')}"
        for action in side["actions"]:
            error = f"  fails: {one_line(action['error']['message'], most)}" if "error" in action else ""
            yield f"{indent}{action['step']}  {action['action']}  {short_json(action['input'], most)}{error}"


def _differences(differences: dict[str, Any] | None, most: int) -> Iterator[str]:
    if differences is None:
        return
    yield ""
    counts = {kind: differences[kind]["runs"] for kind in _TITLES}
    if not any(counts.values()):
        yield f"No difference from the version in force: {differences['same']:,} events, the same runs"
        return
    yield f"Differences from the version in force ({differences['same']:,} events with the same run)"
    for kind, title in _TITLES.items():
        if not counts[kind]:
            continue
        yield f"  {title} {counts[kind]:,} event{'' if counts[kind] == 1 else 's'}"
        for one in differences[kind]["samples"]:
            yield f"  {_event(one)}"
            if kind == "different_actions":
                yield from _changes(one["in_force"], one["draft"], most)
                continue
            for side, word in (("draft", "draft"), ("in_force", "in force")):
                yield f"      {word}:"
                yield from _did(one[side], most, "        ")


def _changes(before: dict[str, Any], after: dict[str, Any], most: int) -> Iterator[str]:
    """What one of the two does and the other does not, with - for the version in force and + for the draft."""
    if before["status"] != after["status"]:
        yield f"      - ends {before['status']}"
        yield f"      + ends {after['status']}"
    mine, other = ([(one["action"], one["input"]) for one in side["actions"]] for side in (before, after))
    told = [
        *(("-", one) for one in before["actions"] if (one["action"], one["input"]) not in other),
        *(("+", one) for one in after["actions"] if (one["action"], one["input"]) not in mine),
    ]
    for sign, one in told:
        text = f"{sign} {one['step']}  {one['action']}  {short_json(one['input'], most)}"
        yield f"      {painted(text, 'red' if sign == '-' else 'green')}"
    if not told and before["status"] == after["status"]:
        yield "      the same actions in another order"


def _days(report: dict[str, Any]) -> None:
    if not report["days"]:
        return
    print()
    sides = list(report["totals"])
    columns = ["day", "events", "draft runs", "draft suppressed"]
    columns += ["in force runs"] if len(sides) > 1 else []
    rows = []
    for day in report["days"]:
        draft = day["draft"]
        suppressed = draft["throttled"] + draft["loop"] + draft["storm"]
        more = [day["in_force"]["runs"]] if len(sides) > 1 else []
        rows.append((day["day"], day["events"], draft["runs"], suppressed, *more))
    table(columns, rows, "")
