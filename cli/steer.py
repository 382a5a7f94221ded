"""The commands that change the course of runs: cancel, resume, rerun; and of workflows: enable, disable."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.choosing import Choice, check, chosen, named
from cli.errors import USAGE, Failure
from cli.output import Json, complain, show_json, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.plans import Plan, Which
    from cli.requests import Request
    from runtime.postgres import Connection
    from runtime.settings import Settings

Org = Annotated[str | None, typer.Option(help="Of this organisation only.")]
Reason = Annotated[str | None, typer.Option(help="Why; it stands in the run's story.")]
Run = Annotated[str | None, typer.Argument(metavar="RUN", help="The run's id, or the beginning of it.")]
Status = Annotated[list[str] | None, typer.Option(help="All runs with this status, such as failed; may be repeated.")]
Failed = Annotated[bool, typer.Option("--failed", help="All failed runs; the same as --status failed.")]
Workflow = Annotated[str | None, typer.Option(help="With a filter: of this workflow (its id) only.")]
Since = Annotated[str | None, typer.Option(help="With a filter: ended not before: 2h (ago), or a time.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="With a filter: how many at most, the latest.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="With a filter: do not ask before it is done.")]
_SAID: Final = {
    "cancelled": "is cancelled",
    "resumed": "goes on",
    "started": "runs again",
    "ended": "had come to its end before",
    "refused": "was refused",
}


def cancel(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, or the beginning of it.")],
    org: Org = None,
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Cancel a run.

    A call in flight is finished and recorded first; nothing begins after it.
    """
    told = asyncio.run(_cancel(run, org, reason))
    if json:
        show_json(told.as_json())
    _conclude([told], json=json)


async def _cancel(run: str, org: str | None, reason: str | None) -> Request:
    from cli.clients import postgres, settings_for_people
    from cli.requests import PATIENCE, ask, request

    settings = settings_for_people()
    async with postgres(settings) as connection:
        row = await named(connection, run, org)
        if row["status"] not in {"running", "waiting"}:
            raise Failure(f"Run {row['run_id']} has ended already: it is {row['status']}.")
        one = request(row, "cancel", reason)
        await ask(settings, connection, [one], PATIENCE)
    return one


def resume(
    run: Run = None,
    version: Annotated[str, typer.Option(help="The definition: same (as it began with), or current.")] = "same",
    step: Annotated[
        str | None, typer.Option(help="With a RUN: the path of the step to go on from [the failed one].")
    ] = None,
    failed: Failed = False,
    status: Status = None,
    org: Org = None,
    workflow: Workflow = None,
    since: Since = None,
    limit: Limit = 1000,
    dry_run: DryRun = False,
    yes: Yes = False,
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Let failed or cancelled runs go on.

    From the step that failed first, in the same run; what succeeded is not performed again. One RUN, or all that fit:

    onestack resume --failed --since 2h --workflow overdue-invoice-reminder --dry-run
    """
    choice = Choice(run, _statuses(failed, status), org, workflow, since, limit)
    check(choice, "--failed --since 2h")
    if step is not None and run is None:
        raise Failure("A --step is one of a RUN: name that.", USAGE)
    asyncio.run(_go("resume", choice, _which(version), step, reason, dry_run=dry_run, yes=yes, json=json))


def rerun(
    run: Run = None,
    version: Annotated[str, typer.Option(help="The definition: current (in force), or same.")] = "current",
    failed: Failed = False,
    status: Status = None,
    org: Org = None,
    workflow: Workflow = None,
    since: Since = None,
    limit: Limit = 1000,
    dry_run: DryRun = False,
    yes: Yes = False,
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Run the same event again, as a new run.

    Conditions are looked at again, and every action is performed again. One RUN, or all that fit:

    onestack rerun --failed --since 2h --workflow overdue-invoice-reminder --dry-run
    """
    choice = Choice(run, _statuses(failed, status), org, workflow, since, limit)
    check(choice, "--failed --since 2h")
    asyncio.run(_go("rerun", choice, _which(version), None, reason, dry_run=dry_run, yes=yes, json=json))


def _statuses(failed: bool, given: list[str] | None) -> list[str]:
    return [*(["failed"] if failed else []), *(given or [])]


def _which(version: str) -> Which:
    if version == "same":
        return "same"
    if version == "current":
        return "current"
    raise Failure(f"--version takes same or current, not {version[:40]!r}.", USAGE)


async def _go(
    action: str,
    choice: Choice,
    which: Which,
    step: str | None,
    reason: str | None,
    *,
    dry_run: bool,
    yes: bool,
    json: bool,
) -> None:
    from cli.clients import postgres, settings_for_people

    settings = settings_for_people()
    async with postgres(settings) as connection:
        plans, more = await _plans(connection, action, choice, which, step, reason)
        if more:
            complain(f"More than {choice.limit:,} runs fit: these are the latest; raise --limit for all.")
        if choice.run is not None and plans[0].request is None:
            raise Failure(f"Run {plans[0].run['run_id']} can't be {_done(action)}: {plans[0].does}.")
        if dry_run:
            _show_plans(plans, json=json)
            return
        if not any(plan.request for plan in plans):
            _show_plans(plans, json=json)
            raise Failure(f"There is no run that can be {_done(action)}.")
        _confirm(action, plans, asked=choice.run is None and not yes, json=json)
        await _do(settings, connection, plans, json=json)


def _done(action: str) -> str:
    return "resumed" if action == "resume" else "run again"


async def _plans(
    connection: Connection, action: str, choice: Choice, which: Which, step: str | None, reason: str | None
) -> tuple[list[Plan], bool]:
    from cli.plans import Planner

    planner = Planner(connection, which, reason)
    runs, more = await chosen(connection, choice)
    if action == "resume":
        return [await planner.resume(run, step) for run in runs], more
    return [await planner.rerun(run) for run in runs], more


def _show_plans(plans: Sequence[Plan], *, json: bool) -> None:
    if json:
        show_json(
            [
                {
                    "run_id": plan.run["run_id"],
                    "would": plan.request is not None,
                    "does": plan.does,
                    "warning": plan.warning,
                }
                for plan in plans
            ]
        )
        return
    rows = [
        (plan.run["started_at"], plan.run["run_id"], plan.run["workflow_id"], plan.run["status"], _would(plan))
        for plan in plans
    ]
    table(("started (UTC)", "run", "workflow", "status", "would"), rows, "No run is known that fits.")


def _would(plan: Plan) -> str:
    if plan.request is None:
        return f"nothing: {plan.does}"
    return plan.does + (f" ({plan.warning})" if plan.warning else "")


def _confirm(action: str, plans: Sequence[Plan], *, asked: bool, json: bool) -> None:
    for warning in sorted({plan.warning for plan in plans if plan.warning is not None and plan.request is not None}):
        complain(f"warning: {warning}")
    if not asked:
        return
    ready = sum(plan.request is not None for plan in plans)
    if not json:
        _show_plans(plans, json=False)
    runs = "1 run" if ready == 1 else f"{ready:,} runs"
    if not typer.confirm(f"Shall {runs} be {_done(action)}?", err=True):
        raise Failure("Nothing was done.")


async def _do(settings: Settings, connection: Connection, plans: Sequence[Plan], *, json: bool) -> None:
    from cli.requests import PATIENCE, ask

    requests = [plan.request for plan in plans if plan.request is not None]
    # Many take longer: they are worked off at some hundreds a second, and the history follows.
    await ask(settings, connection, requests, PATIENCE + len(requests) / 100)
    if json:
        show_json([one.as_json() for one in requests])
    _conclude(requests, json=json)


def _conclude(requests: Sequence[Request], *, json: bool) -> None:
    """Say what became of each. Raises Failure where one was refused, or shows no effect."""
    if not json:
        for one in requests:
            print(_told(one))
    bad = [one for one in requests if one.result in {None, "refused"}]
    if not bad:
        return
    if all(one.result == "refused" for one in bad):
        raise Failure(f"{len(bad)} of {len(requests)} refused." if len(requests) > 1 else "The request was refused.")
    raise Failure(
        f"Kafka has {'the request' if len(requests) == 1 else 'all requests'}, but {len(bad)} of {len(requests)} "
        "show no effect in the history yet: are a worker and a projector running?"
    )


def _told(one: Request) -> str:
    run = one.control.run_id
    if one.result is None:
        return f"run {run}: asked for; no effect shows yet"
    said = _SAID[one.result]
    if one.result == "refused":
        return f"run {run} {said}: {one.reason}"
    if one.result == "started":
        return f"run {run} {said} as {one.watched}: {one.status}"
    return f"run {run} {said}" + ("" if one.result == "cancelled" else f": {one.status}")


def disable(
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow's id.")],
    org: Annotated[str, typer.Option(help="Its organisation.")],
    cancel_running: Annotated[
        bool, typer.Option("--cancel-running", help="Cancel its runs too, until none is left.")
    ] = False,
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Keep a workflow from starting runs.

    Publishes it under the next version, as disabled. Runs that began go on, unless --cancel-running.
    """
    from cli.switching import cancel_all, switch

    told = asyncio.run(switch(org, workflow, "disabled"))
    if not json:
        print(_switched(told))
    if cancel_running:
        told["cancelled"] = asyncio.run(cancel_all(org, workflow, reason))
        if not json:
            runs = "1 run was" if told["cancelled"] == 1 else f"{told['cancelled']:,} runs were"
            print(f"{runs} cancelled; none is left")
    if json:
        show_json(told)


def enable(
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow's id.")],
    org: Annotated[str, typer.Option(help="Its organisation.")],
    json: Json = False,
) -> None:
    """Let a workflow start runs.

    Publishes it under the next version, as enabled.
    """
    from cli.switching import switch

    told = asyncio.run(switch(org, workflow, "enabled"))
    if json:
        show_json(told)
    else:
        print(_switched(told))


def _switched(told: dict[str, Any]) -> str:
    name = f"{told['org']}/{told['id']}"
    if not told["published"]:
        return f"{name} is {told['state']} already, in version {told['version']}"
    return f"{name} is {told['state']} from version {told['version']} on"
