"""`onestack doctor`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Json, complain, one_line, painted, show_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.doctor.finding import Check, Finding
    from runtime.settings import Settings

_COLOURS = {"ok": "green", "warning": "yellow", "fault": "red"}


def doctor(
    at: Annotated[
        list[str] | None,
        typer.Option("--at", help="Also ask this process how it is, such as http://worker-0:9464; may be repeated."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, max=300, help="How long one check may take.")] = 20.0,
    json: Json = False,
) -> None:
    """Look at all that this installation rests on, and say what to do about what is wrong.

    Broker, topics, workers and their lag, definitions, secrets, database, history, clocks, targets, settings and
    files, as the ONESTACK_* variables of this command have them: run it where a worker runs. Nothing is changed, and
    nothing is sent that has an effect. The exit code is 1 where something is at fault, else 0.
    """
    from cli.clients import settings_for_people
    from cli.doctor.finding import run
    from schemas.errors import Refused

    try:
        settings = settings_for_people()
    except Refused as refused:
        from cli.doctor.finding import fault

        found: Sequence[Finding] = [
            fault(
                "settings", f"{one.field}: {one.reason}", f"Set {one.field} as docs/reference/configuration.md has it."
            )
            for one in refused.faults
        ]
    else:
        found = asyncio.run(run(_checks(settings, at or []), seconds))
    _show(found, json=json)
    if any(one.level == "fault" for one in found):
        raise typer.Exit(1)


def _checks(settings: Settings, at: list[str]) -> dict[str, Check]:
    from cli.doctor import clocks, database, definitions, installation, kafka, targets

    return {
        "settings": lambda: installation.settings_(settings),
        "broker": lambda: kafka.broker(settings),
        "topics": lambda: kafka.topics_(settings),
        "workers": lambda: kafka.groups(settings),
        "definitions": lambda: definitions.definitions(settings),
        "database": lambda: database.database(settings),
        "history": lambda: database.history_lag(settings),
        "clock": lambda: clocks.clocks(settings),
        "targets": lambda: targets.modules(settings),
        "processes": lambda: installation.processes(settings, at),
    }


def _show(found: Sequence[Finding], *, json: bool) -> None:
    counts = {level: sum(one.level == level for one in found) for level in _COLOURS}
    if json:
        show_json({"ok": not counts["fault"], "counts": counts, "findings": [one._asdict() for one in found]})
        return
    for one in found:
        print(
            f"{painted(one.level.ljust(7), _COLOURS[one.level])}  {one.check.ljust(11)}  {one_line(one.detail, 1000)}"
        )
        if one.todo:
            print(f"{'':22}→ {one_line(one.todo, 500)}")
    print(f"{counts['ok']} ok, {counts['warning']} warnings, {counts['fault']} faults")
    if counts["fault"]:
        complain("Something is at fault: see above for what to do.")
