"""`onestack topics check` and `apply`: the cluster's topics against those that the product needs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import FAILED
from cli.output import Json, complain, painted, show_json, table

if TYPE_CHECKING:
    from streams.topic_check import Compared
    from streams.topic_rules import Finding

_COLOURS = {"danger": "red", "warning": "yellow", "unknown": "bright_black"}


def check(
    plan: Annotated[
        Path | None,
        typer.Option(help="Write here what kafka-reassign-partitions.sh needs to make the copies that are missing."),
    ] = None,
    json: Json = False,
) -> None:
    """Compare the topics with what the product needs: partitions, copies, retention, and what else guarantees rest on.

    Tells each difference, what comes of it, and the command that mends it. The exit code is 1 where one endangers a
    guarantee (danger); what an operator may have chosen (warning) and what the broker does not tell (unknown) leave it
    at 0. Changes nothing.
    """
    from cli.clients import settings_for_people
    from cli.running import on_kafka
    from streams.topic_check import compare

    compared: Compared = on_kafka(compare(settings_for_people()))
    if plan is not None:
        _write(plan, compared)
    if json:
        show_json(
            {
                "ok": not compared.endangered,
                "brokers": len(compared.brokers),
                "replication": compared.replication,
                "findings": [asdict(one) for one in compared.findings],
            }
        )
    else:
        _tell(compared)
    if compared.endangered:
        raise typer.Exit(FAILED)


def _write(file: Path, compared: Compared) -> None:
    from cli.output import as_json
    from streams.topic_rules import plan

    file.write_text(as_json(plan(compared.findings, compared.there, compared.brokers)) + "\n")


def _tell(compared: Compared) -> None:
    counts = {name: sum(one.severity == name for one in compared.findings) for name in _COLOURS}
    rows = [
        (one.severity, one.topic, one.setting, one.wanted, one.actual, one.reason)
        for one in _briefly(compared.findings)
    ]
    if rows:
        table(("severity", "topic", "setting", "wanted", "is", "what comes of it"), rows, "")
        print()
    for one in (one for one in _briefly(compared.findings) if one.severity != "unknown"):
        print(painted(f"{one.severity}: {one.topic}: {one.setting}", _COLOURS[one.severity]))
        print(f"  {one.mend}")
    if counts["danger"]:
        many = f"{counts['danger']} difference{'s' * (counts['danger'] > 1)}"
        complain(
            f"onestack: {many} that can cost what the product guarantees; "
            "'onestack topics apply' sets what is a setting of a topic."
        )
    else:
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"
        print(f"Nothing endangers a guarantee. Other differences: {told}.")


def _briefly(findings: list[Finding]) -> list[Finding]:
    """The findings, but one row for what a broker tells of no topic at all: a test broker would fill pages with it."""
    from dataclasses import replace

    told: dict[tuple[str, str], list[Finding]] = {}
    for one in findings:
        if one.severity == "unknown":
            told.setdefault((one.setting, one.reason), []).append(one)
    short = [one for one in findings if one.severity != "unknown"]
    alike = ((group[0], len(group)) for group in told.values())
    return short + [one if count == 1 else replace(one, topic=f"{count} topics") for one, count in alike]


def apply(
    warnings: Annotated[
        bool, typer.Option("--warnings", help="Also what merely differs, such as records that are kept longer.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be set.")] = False,
    json: Json = False,
) -> None:
    """Create the topics that are missing and set what 'topics check' calls a danger.

    Partitions and copies are never changed, and settings that the product has no opinion on are kept.
    """
    from cli.clients import settings_for_people
    from cli.running import on_kafka
    from streams.topic_check import apply as set_them
    from streams.topics import create

    settings = settings_for_people()
    created: list[str] = [] if dry_run else on_kafka(create(settings))[0]
    mended: list[Finding] = on_kafka(set_them(settings, warnings=warnings, only_say=dry_run))
    if json:
        changed = [{"topic": one.topic, "setting": one.setting, "from": one.actual, "to": one.apply} for one in mended]
        show_json({"created": created, "changed": changed, "dry_run": dry_run})
        return
    for name in created:
        print(f"created {name}")
    for one in mended:
        print(f"{'would set' if dry_run else 'set'} {one.setting} of {one.topic} to {one.apply} (was {one.actual})")
    if not created and not mended:
        print("Nothing is to be changed.")
