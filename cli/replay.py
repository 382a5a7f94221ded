"""`onestack replay`: have many runs go on after an incident, one first, then the rest at a bounded rate."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import signal
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.errors import USAGE, Failure
from cli.output import Json, complain, show_json, table, when

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.replaying.drive import End
    from cli.replaying.job import Job
    from cli.replaying.preview import Preview
    from hub.services.plans import Which
    from runtime.postgres import Connection
    from runtime.settings import Settings
    from schemas.replays import ReplayCounts

_INTERRUPTED: Final = 130
_QUIET: Final = 6.0
"""Seconds in which whoever replays tells of it at least twice."""
_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|m|h))?")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class _Asked:
    """The command line."""

    org: str | None
    workflow: str | None
    since: str | None
    until: str | None
    statuses: Sequence[str]
    version: str | None
    limit: int
    rate: float | None
    stop_at: float | None
    canary_only: bool
    dry_run: bool
    yes: bool
    json: bool
    reason: str | None
    go_on: str | None


def replay(
    workflow: Annotated[str | None, typer.Option(help="The workflow (its id).")] = None,
    since: Annotated[str | None, typer.Option(help="Runs that ended not before: 2h (ago), or a time.")] = None,
    until: Annotated[str | None, typer.Option(help="Runs that ended before: 1h (ago), or a time [now].")] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(
            help="failed, cancelled: they go on; skipped, suppressed: they run anew. May be repeated [failed]."
        ),
    ] = None,
    org: Annotated[str | None, typer.Option(help="Its organisation, where more than one has such a workflow.")] = None,
    version: Annotated[
        str | None, typer.Option(help="The definition: same (as it began with), or current [same; anew: current].")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many runs at most, the latest.")] = 1000,
    rate: Annotated[str | None, typer.Option(help="Runs a second, a minute or an hour: 5/s, 30/m [5/s].")] = None,
    stop_at: Annotated[
        float | None, typer.Option(min=0, max=100, help="Stop when more than so many percent fail again [20].")
    ] = None,
    canary_only: Annotated[bool, typer.Option("--canary-only", help="Replay one run, and then pause.")] = False,
    go_on: Annotated[str | None, typer.Option("--continue", metavar="ID", help="Go on with this replay.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it is done.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why; it stands in each run's story.")] = None,
    json: Json = False,
) -> None:
    """Replay the runs that an incident broke.

    It tells first what would be done; then one run goes, and where that ends well the rest, so many a second. Actions
    that were done are not done again. It stops where too many fail again; what was stopped can be continued.

    onestack replay --workflow overdue-invoice-reminder --since 3h --reason "PSA was down"
    """
    asked = _Asked(
        org, workflow, since, until, status or ["failed"], version, limit, _rate(rate), stop_at, canary_only, dry_run,
        yes, json, reason, go_on,
    )  # fmt: skip
    if go_on is None and (workflow is None or since is None):
        raise Failure("Name a --workflow and --since when its runs ended, or a replay to --continue.", USAGE)
    if go_on is not None and (workflow or since or until or status):
        raise Failure("A replay that is continued has its runs already: name no filter.", USAGE)
    from cli.replaying.job import action_for

    if version is not None:
        _which(version)
    action_for(asked.statuses)
    asyncio.run(_replay(asked))


def _rate(text: str | None) -> float | None:
    if text is None:
        return None
    match = _RATE.fullmatch(text.strip())
    found = float(match[1]) / _SECONDS[match[2] or "s"] if match else 0.0
    if not 0.001 <= found <= 1000:
        raise Failure(
            f"--rate takes so many runs a second, a minute or an hour, such as 5/s or 30/m, not {text!r}.", USAGE
        )
    return found


async def _replay(asked: _Asked) -> None:
    from cli.clients import kafka, need_topic, postgres, settings_for_people
    from runtime.kafka import new_producer
    from schemas.names import CONTROL

    settings = settings_for_people()
    async with postgres(settings) as connection:
        if asked.go_on is not None:
            job, seq, replayed, preview = await _continued(connection, asked)
        else:
            job, preview = await _planned(connection, asked)
            seq, replayed = 0, set()
            if not _agreed(asked, job, preview):
                return
        await need_topic(settings, CONTROL)
        async with kafka(settings, new_producer(settings)) as producer:
            await _do(asked, settings, connection, producer, job, seq, replayed, preview)


async def _planned(connection: Connection, asked: _Asked) -> tuple[Job, Preview]:
    """The replay that is asked for, and what it would come to. Raises Failure where there is nothing to do."""
    from cli.history import moment
    from cli.replaying.job import Job, action_for
    from cli.replaying.preview import Previewer
    from cli.requests import person
    from projections import replays

    action = action_for(asked.statuses)
    version = _which(asked.version or ("same" if action == "resume" else "current"))
    workflow = asked.workflow or ""
    org = await _org(connection, workflow, asked.org)
    now = dt.datetime.now(dt.UTC)
    since, until = moment(asked.since) or now, moment(asked.until) or now
    runs, more = await replays.candidates(connection, org, workflow, asked.statuses, since, until, asked.limit)
    if more:
        complain(f"More than {asked.limit:,} runs fit: these are the latest; raise --limit, or replay again, for all.")
    known = {"status": list(asked.statuses), "since": since.isoformat(), "until": until.isoformat()}
    replay_id = f"replay-{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    job = Job(
        replay_id, org, workflow, action, version, known, asked.rate or 5.0,
        20.0 if asked.stop_at is None else asked.stop_at, person(), asked.reason, (),
    )  # fmt: skip
    repeated = set()
    if action == "rerun":
        repeated = await replays.rerun_already(connection, [run["run_id"] for run in runs])
    preview = await Previewer(connection, job).of(runs, repeated)
    if not preview.ready and not asked.dry_run:
        _show(asked, job, preview)
        raise Failure(f"There is no such run of {org}/{workflow} that can be replayed.")
    return replace(job, run_ids=tuple(preview.ready)), preview


def _which(text: str) -> Which:
    if text == "same":
        return "same"
    if text == "current":
        return "current"
    raise Failure(f"--version takes same or current, not {text[:40]!r}.", USAGE)


async def _org(connection: Connection, workflow: str, org: str | None) -> str:
    from projections.replays import orgs_with

    found = await orgs_with(connection, workflow)
    if org is not None:
        if org not in found:
            raise Failure(f"{org} has no workflow {workflow!r}.")
        return org
    if len(found) != 1:
        whose = "no organisation has it" if not found else f"{', '.join(found[:5])} have one: name the --org"
        raise Failure(f"Which workflow {workflow!r}? {whose}.", USAGE if found else 1)
    return found[0]


async def _continued(connection: Connection, asked: _Asked) -> tuple[Job, int, set[str], None]:
    """The replay that was begun, the number of its next entry, and which of its runs were replayed. Raises Failure."""
    from cli.replaying.job import job_of
    from projections.replays import get_replay, replayed

    name = asked.go_on or ""
    found = await get_replay(connection, name, org=asked.org)
    if found is None:
        raise Failure(f"The history has no replay {name!r}{f' of {asked.org}' if asked.org else ''}.")
    if found["status"] == "finished":
        raise Failure(f"{name} is finished: what failed again is a replay of its own.")
    if found["finished_at"] is None:
        complain(f"{name} did not end by itself: waiting {_QUIET:.0f} s to see whether somebody is at it.")
        await asyncio.sleep(_QUIET)
        again = await get_replay(connection, name) or found
        if len(again["entries"]) != len(found["entries"]) or again["finished_at"] is not None:
            raise Failure(f"Another process is at {name}.")
    job = job_of(name, found["org_id"], found["entries"], asked.rate, asked.stop_at)
    return job, len(found["entries"]), await replayed(connection, name), None


def _agreed(asked: _Asked, job: Job, preview: Preview) -> bool:
    """Tell what would be done, and ask; False where only telling was wanted. Raises Failure where it is refused."""
    if not (asked.json and not asked.dry_run):
        _show(asked, job, preview)
    if asked.dry_run:
        return False
    if asked.yes:
        return True
    runs = "1 run" if preview.runs == 1 else f"{preview.runs:,} runs"
    if not typer.confirm(f"Shall {runs} be replayed, one first?", err=True):
        raise Failure("Nothing was done.")
    return True


async def _do(
    asked: _Asked,
    settings: Settings,
    connection: Connection,
    producer: Any,
    job: Job,
    seq: int,
    replayed: set[str],
    preview: Preview | None,
) -> None:
    from aiokafka.errors import KafkaError

    from cli.errors import kafka_away
    from cli.replaying.book import Book
    from cli.replaying.drive import Drive

    book = Book(connection, producer, job, seq)
    drive = Drive(connection, producer, job, book, (lambda _: None) if asked.json else print)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        complain("stopping; what has begun goes on")
        drive.stop.set()
        loop.remove_signal_handler(signal.SIGINT)  # the second time it is ended at once

    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop)
    try:
        if seq:
            await drive.recall(replayed)
            begun = {"rate": job.rate, "stop_at": job.stop_at, "counts": drive.counts().model_dump()}
            await book.note("replay.continued", begun, wait=True)
        else:
            if not asked.json:
                print(f"{job.replay} begins")
            await book.note("replay.started", job.started(book.token), wait=True)
        end = await drive.go(canary_only=asked.canary_only)
        counts = drive.counts()
        told = {"status": end.status, "reason": end.reason, "counts": counts.model_dump()}
        await book.note("replay.ended", told, wait=True)
    except KafkaError as error:
        raise kafka_away(settings, error) from None
    _conclude(asked, job, end, counts, preview, stopped=drive.stop.is_set())


def _conclude(
    asked: _Asked, job: Job, end: End, counts: ReplayCounts, preview: Preview | None, *, stopped: bool
) -> None:
    from cli.replaying.drive import progress

    if asked.json:
        told = {"replay_id": job.replay, "status": end.status, "reason": end.reason, "runs": len(job.run_ids)}
        show_json(told | counts.model_dump() | {"preview": preview and preview.as_json(job.rate)})
    else:
        print(f"{job.replay}: {progress(counts, len(job.run_ids))}")
    why = f": {end.reason}" if end.reason else ""
    further = f" Go on with: onestack replay --continue {job.replay}"
    if end.status == "paused":
        if stopped:
            raise Failure(f"{job.replay} is paused{why}.{further}", _INTERRUPTED)
        complain(f"{job.replay} is paused{why}.{further}")
        return
    if end.status == "stopped":
        raise Failure(f"{job.replay} stopped{why}.{further}")
    bad = counts.failed + counts.refused
    if bad:
        raise Failure(
            f"{bad:,} of {len(job.run_ids):,} failed again: onestack runs --status failed --workflow {job.workflow}"
        )


def _show(asked: _Asked, job: Job, preview: Preview) -> None:
    if asked.json:
        show_json({"replay_id": None, "org": job.org, "workflow": job.workflow, "preview": preview.as_json(job.rate)})
        return
    does = "go on where they stopped" if job.action == "resume" else "begin anew, as new runs"
    since, until = (dt.datetime.fromisoformat(job.filter[name]) for name in ("since", "until"))
    statuses = " and ".join(job.filter["status"])
    print(
        f"{preview.runs:,} {statuses} runs of {job.org}/{job.workflow} on {len(preview.entities):,} entities, which "
        f"ended from {when(since)} to {when(until)} UTC, would {does}"
    )
    rows = [(step, error, number) for (step, error), number in preview.failing.most_common(10)]
    if rows:
        table(("stopped at", "why", "runs"), rows, "")
    calls = [(module, action, number) for (module, action), number in sorted(preview.todo.items())]
    table(("calls to", "action", "calls"), calls, "No action would be performed.")
    if preview.done:
        print(f"done already, and not done again: {_listed(preview.done)}")
    if preview.unsure:
        print(f"{preview.unsure:,} of these calls had no clear answer before: they may be done a second time")
    for why, number in preview.left_out.most_common(10):
        print(f"left out: {number:,}: {why}")
    for warning in sorted(preview.warnings):
        complain(f"warning: {warning}")
    print(f"at {job.rate:g} runs a second it takes about {dt.timedelta(seconds=round(preview.runs / job.rate))}")


def _listed(counted: Any) -> str:
    return ", ".join(f"{action} {number:,}" for action, number in sorted(counted.items()))
