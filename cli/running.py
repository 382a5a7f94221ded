"""The commands that run the engine or prepare what it runs on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import processes
from cli.acls import acls
from cli.errors import USAGE, Failure, kafka_away, postgres_away
from cli.output import Json, show_json, table
from cli.topics import apply as apply_topics
from cli.topics import check as check_topics

if TYPE_CHECKING:
    from collections.abc import Coroutine


topics = typer.Typer(
    help="Create, list, check and mend the engine's topics.", no_args_is_help=True, rich_markup_mode=None
)


def worker() -> None:
    """Run a worker: events start runs, actions are performed.

    Start more of them to share the work. Creates the topics that are missing.
    Stops on SIGTERM or Ctrl-C, when what is in flight is finished.
    """
    _end(processes.worker())


def projector(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make the history anew from the beginning of the run log, and end.")
    ] = False,
    verify_only: Annotated[
        bool, typer.Option("--verify-only", help="With --rebuild: only compare; exit 1 where the history differs.")
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="With --rebuild: also where the history differs from the log.")
    ] = False,
    keep_old: Annotated[
        bool, typer.Option("--keep-old", help="With --rebuild: keep the tables that were replaced, until the next one.")
    ] = False,
) -> None:
    """Run the projector: run log into Postgres.

    One is enough; a second one takes over when the first dies. Creates the tables and views that are missing. Stops on
    SIGTERM or Ctrl-C.

    --rebuild fills tables of its own while projectors go on writing and people read, compares the history with them by
    checksum, and puts them in its place at once. Killed, it goes on where it was. What the log has no longer is kept.
    """
    if (verify_only or accept or keep_old) and not rebuild:
        raise Failure("--verify-only, --accept and --keep-old say how to --rebuild.", USAGE)
    _end(processes.projector(rebuild=rebuild, verify_only=verify_only, accept=accept, keep_old=keep_old))


def hub() -> None:
    """Run the Hub: the HTTP API and the web app.

    Listens on ONESTACK_HUB_HOST and ONESTACK_HUB_PORT, starts also while Kafka or Postgres is away, and creates topics,
    tables and views that are missing. Stops on SIGTERM or Ctrl-C, when what is in flight is finished.
    """
    _end(processes.hub())


topics.command("acls")(acls)
topics.command("check")(check_topics)
topics.command("apply")(apply_topics)


@topics.command("create")
def create(json: Json = False) -> None:
    """Create the topics that are missing, with their partitions and cleanup policies."""
    from cli.clients import settings_for_people
    from streams.topics import create as create_missing

    created, partitions = on_kafka(create_missing(settings_for_people()))
    if json:
        show_json({"created": created, "partitions": partitions})
        return
    for name in created:
        print(f"created {name}")
    if not created:
        print(f"All topics are there, with {partitions} partitions.")


@topics.command("list")
def list_topics(json: Json = False) -> None:
    """List the engine's topics, and which of them Kafka has."""
    from schemas.export.topics import TOPICS

    there = on_kafka(_partitions())
    rows = [
        {"topic": one.name, "partitions": there.get(one.name), "cleanup": one.cleanup, "holds": one.holds}
        for one in TOPICS
    ]
    if json:
        show_json(rows)
        return
    table(
        ("topic", "partitions", "cleanup", "holds"),
        [(row["topic"], row["partitions"] or "missing", row["cleanup"], row["holds"]) for row in rows],
        "",
    )


async def _partitions() -> dict[str, int]:
    from aiokafka.admin import AIOKafkaAdminClient

    from cli.clients import kafka, settings_for_people
    from runtime.kafka import client_options

    settings = settings_for_people()
    async with kafka(settings, AIOKafkaAdminClient(**client_options(settings))) as admin:
        return {one["topic"]: len(one["partitions"]) for one in await admin.describe_topics()}


def on_kafka(work: Coroutine[Any, Any, Any]) -> Any:
    """What the work returns. Raises Failure where Kafka does not answer."""
    from aiokafka.errors import KafkaError

    from cli.clients import settings_for_people

    try:
        return asyncio.run(work)
    except (KafkaError, OSError) as error:
        raise kafka_away(settings_for_people(), error) from None


def migrate(
    roles: Annotated[
        bool, typer.Option("--roles", help="Also make the database roles of the processes; takes a superuser.")
    ] = False,
    json: Json = False,
) -> None:
    """Bring Postgres to this version's tables.

    Safe to run again, and beside running processes. With --roles each process can have a database user of its own that
    may do no more than it has to: make logins, and grant each the role that is listed for it.
    """
    import asyncpg

    from cli.clients import settings_for_people
    from projections.migrations import migrate as apply

    settings = settings_for_people()
    try:
        applied = asyncio.run(apply(settings.postgres_url, patience=0))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise postgres_away(settings, error) from None
    if roles:
        from cli.privileges import make

        make(settings)
    if json:
        show_json({"applied": applied} | ({"roles": True} if roles else {}))
        return
    print(f"applied {', '.join(applied)}" if applied else "The history is up to date.")


def up(
    broker: Annotated[
        str, typer.Option(help="embedded, or kafka: a real Apache Kafka (needs Java 17 and Maven).")
    ] = "embedded",
    data: Annotated[
        Path | None, typer.Option(help="Where data is kept between starts [ONESTACK_DATA_DIR, or .onestack].")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=16, help="How many workers.")] = 1,
) -> None:
    """Run all of it on embedded parts.

    In the foreground, until Ctrl-C: broker, Postgres, stand-in modules, workers and projector; data is kept in a
    folder between starts where the part allows it. A second start beside the first picks free ports.
    """
    from sandbox.up import up as run

    run(broker=_known(broker), data_dir=data, workers=workers)


def demo(
    broker: Annotated[
        str, typer.Option(help="embedded, or kafka: a real Apache Kafka (needs Java 17 and Maven).")
    ] = "embedded",
    keep: Annotated[bool, typer.Option("--keep", help="Go on running afterwards, until Ctrl-C.")] = False,
    here: Annotated[
        bool, typer.Option("--here", help="Play its workflows and events into what 'onestack up' runs already.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Where its data is kept; by default nothing is left behind. With --here: the folder of 'up'."
        ),
    ] = None,
) -> None:
    """Run a morning and a month at service providers on embedded parts.

    Weeks pass in seconds, with the ten built-in workflows in force. Checks that modules, run log and history agree.
    Ends by itself; the exit code is 1 if they disagree. With --here it fills a running 'onestack up' instead, within
    half a minute, and checks nothing.
    """
    from sandbox.demo import demo as run
    from sandbox.demo.here import play_here

    if here and keep:
        raise Failure("--here plays into what runs already, so there is nothing to --keep.", USAGE)
    if here:
        _end(play_here(data_dir=data))
        return
    _end(run(broker=_known(broker), keep=keep, data_dir=data))


def _end(code: int) -> None:
    if code:
        raise typer.Exit(code)


def _known(broker: str) -> str:
    if broker not in {"embedded", "kafka"}:
        raise Failure(f"--broker is embedded or kafka, not {broker!r}.", USAGE)
    return broker


def version(json: Json = False) -> None:
    """Print the version."""
    from importlib.metadata import version as of

    number = of("onestack-workflow-engine")
    if json:
        show_json({"version": number})
        return
    print(f"onestack {number}")
