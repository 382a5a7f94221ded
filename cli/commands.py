"""Which commands there are, in the order in which a stranger meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import (
    asking,
    backtest,
    diagnose,
    health,
    keys,
    replay,
    reporting,
    retention,
    running,
    simulate,
    steer,
    telling,
    templates,
    upkeep,
    why,
)

if TYPE_CHECKING:
    from typer import Typer


def add_to(app: Typer) -> None:
    """Add every command to the command line."""
    app.command()(running.demo)
    app.command()(running.up)
    app.command()(running.worker)
    app.command()(running.projector)
    app.command()(running.hub)
    app.add_typer(keys.keys, name="keys")
    app.add_typer(running.topics, name="topics")
    app.command()(running.migrate)
    app.command()(diagnose.doctor)
    app.add_typer(reporting.reporting, name="reporting")
    app.add_typer(templates.templates, name="templates")
    app.command()(telling.validate)
    app.command()(simulate.simulate)
    app.command()(backtest.backtest)
    app.command()(telling.publish)
    app.command()(telling.emit)
    app.command()(asking.workflows)
    app.command()(asking.runs)
    app.command()(asking.show)
    app.command()(asking.tail)
    app.command()(why.why)
    app.command()(health.health)
    app.command()(steer.cancel)
    app.command()(steer.resume)
    app.command()(steer.rerun)
    app.command()(replay.replay)
    app.command()(steer.disable)
    app.command()(steer.enable)
    app.command("dead-letters")(asking.dead_letters)
    app.command()(retention.retention)
    app.add_typer(upkeep.history, name="history")
    app.command()(telling.schemas)
    app.command()(running.version)
