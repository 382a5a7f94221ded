"""`onestack demo`: a morning and some weeks at six service providers, and a check that all witnesses agree on them."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from runtime.postgres import Connection, connect
from sandbox.demo.evidence import LogReader, history
from sandbox.demo.play import Play, Tell
from sandbox.demo.report import scene_table, summary, verdict
from sandbox.demo.story import story
from sandbox.demo.verdict import Case, Check, same_ends
from sandbox.demo.weeks import Weeks
from sandbox.errors import SandboxError
from sandbox.stack import Stack, StackOptions
from sandbox.up import Interrupt

_SECONDS = 12.0  # in which the morning is played
_PLAIN_WIDTH = 110  # characters, where there is no terminal that knows better
_PLAIN_EVERY = 3.0  # seconds between two lines of progress where there is no terminal


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How to play. Without `data` nothing is left behind; `keep` goes on running until Ctrl-C."""

    broker: str = "embedded"
    workers: int = 1
    data: Path | None = None
    keep: bool = False
    events: int = 2000
    seed: int = 1


def demo(*, broker: str = "embedded", keep: bool = False, data_dir: Path | None = None) -> int:
    """Run the demo; 0 where all agree, 1 where they do not. Raises SandboxError where a part cannot start."""
    return asyncio.run(play(DemoOptions(broker, keep=keep, data=data_dir)))


async def play(options: DemoOptions) -> int:
    """The demo as a coroutine; 0 where all agree, 1 where they do not, 130 after Ctrl-C."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    folder = (options.data / "demo") if options.data else Path(tempfile.mkdtemp(prefix="onestack-demo-"))
    if options.data:
        shutil.rmtree(folder, ignore_errors=True)
    with Interrupt() as interrupt:
        stack = Stack(
            StackOptions(options.broker, options.workers, folder, virtual=True, hub=options.keep),
            lambda text: console.print(text, highlight=False),
        )
        found: list[Check] = []
        try:
            done = await interrupt.or_done(_play(stack, options, console, found))
            code = _told(console, stack, found, interrupted=not done)
            if done and options.keep:
                console.print(f"It goes on running until Ctrl-C. In another terminal:  . '{stack.folder / 'env'}'")
                console.print(f"The web app:  {stack.web}", highlight=False)
                await interrupt.stopped.wait()
        finally:
            await stack.stop()
            if not options.data and all(check.holds for check in found):
                shutil.rmtree(folder, ignore_errors=True)
    return code


def _told(console: Console, stack: Stack, checks: list[Check], *, interrupted: bool) -> int:
    if interrupted:
        console.print("Interrupted.")
        return 130
    wrong = [check.name for check in checks if not check.holds]
    if wrong:
        console.print(f"[bold red]They disagree about {len(wrong)}: {'; '.join(wrong)}.[/] Logs are in {stack.folder}.")
        return 1
    console.print("[bold green]All agree.[/]")
    return 0


async def _play(stack: Stack, options: DemoOptions, console: Console, found: list[Check]) -> None:
    began = time.monotonic()
    console.print(f"Starting {'Apache Kafka' if options.broker == 'kafka' else 'Tansu'}, Postgres and the modules …")
    await stack.start()
    log = LogReader(stack.bootstrap, int(stack.environment.get("ONESTACK_FETCH_MAX_WAIT_MS", "200")))
    await log.start()
    connection = await connect(stack.postgres_url)
    try:
        act = Play(stack, log, connection, options.seed, options.events)
        console.print(
            f"Ready after {time.monotonic() - began:.0f} s. Putting {len(act.definitions)} workflows in force …"
        )
        await act.put_in_force()
        settled = await _morning(act, console)
        mails, channels = await _notifications(connection)
        case = Case(act.events, act.bad, stack.modules, log.seen, await history(connection), mails, channels)
        found += case.checks()
        if not settled:
            found.append(Check("all came to an end", 0, ("nothing moved any more for 20 s while runs were missing",)))
        await _show(console, connection, act, stack)
        found += await _weeks(Weeks(stack, connection, options.seed), console)
        found.append(same_ends(log.seen, await history(connection)))
        verdict(console, found)
        console.print(f"Took {time.monotonic() - began:.0f} s.", highlight=False)
    finally:
        await log.stop()
        await connection.close()


async def _morning(act: Play, console: Console) -> bool:
    columns = (TextColumn("{task.description:<22}"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        published = progress.add_task("events published", total=act.total)
        finished = progress.add_task("runs finished", total=None)
        kept = progress.add_task("runs in the history", total=None)
        told = time.monotonic()

        def tell(events: int, runs: int, rows: int) -> None:
            nonlocal told
            wanted = act.runs_wanted()
            progress.update(published, completed=events)
            progress.update(finished, completed=runs, total=wanted)
            progress.update(kept, completed=rows, total=wanted)
            if not console.is_terminal and (time.monotonic() - told > _PLAIN_EVERY or events < 1):
                told = time.monotonic()
                console.print(f"{events:,} of {act.total:,} events, {runs:,} runs finished, {rows:,} in the history")

        return await _through(act, tell)


async def _through(act: Play, tell: Tell) -> bool:
    await act.publish(_SECONDS, tell)
    return await act.settle(tell)


async def _weeks(weeks: Weeks, console: Console) -> list[Check]:
    console.print()
    console.print("[bold]Ten templates are filled in and put in force; then weeks pass, as the clock is set forward[/]")
    await weeks.put_in_force()
    checks = await weeks.play(lambda at, seen: console.print(scene_table(at, seen)))
    console.print(f"\nWhy an alert opened no ticket: {await weeks.why_suppressed()}\n", highlight=False)
    return checks


async def _notifications(connection: Connection) -> tuple[set[str], Counter[str]]:
    rows = await connection.fetch(
        "select input ->> 'channel', output ->> 'message_id' from history.steps "
        "where action = 'send_notification' and status = 'succeeded'"
    )
    return {mail for channel, mail in rows if channel == "email"}, Counter(channel for channel, _ in rows)


async def _show(console: Console, connection: Connection, act: Play, stack: Stack) -> None:
    console.print()
    await summary(console, connection, act.events, stack.modules)
    console.print()
    told = await story(connection, "security-incident-response", "completed")
    if told is None:
        raise SandboxError("the history has no run whose story could be told")
    console.print(told)
