"""`onestack reporting`: database users who read the history of their own organisation."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.clients import postgres, settings_for_people
from cli.errors import USAGE, Failure
from cli.output import Json, complain, show_json, table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from runtime.postgres import Connection

reporting = typer.Typer(
    help="Make, list and remove database users who read one organisation's history.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="The database user: small letters, digits and _.")]
_SHORTEST = 12


@reporting.command("add")
def add(
    name: Name,
    org: Annotated[str, typer.Option(help="The organisation whose history it reads.")],
    password_file: Annotated[
        Path | None, typer.Option(help="A file with its password; by default one is made and printed, once.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a database user who sees the history views of one organisation, and can't write anything.

    Takes a database user who may make others, and roles ('onestack migrate --roles').
    """
    from schemas.names import is_id

    if not is_id(org):
        raise Failure(f"{org!r} is no organisation's id.", USAGE)
    password = secrets.token_urlsafe(24) if password_file is None else _read(password_file)

    async def work(connection: Connection) -> None:
        from projections.roles import add_reporting_user

        await add_reporting_user(connection, name, org, password)

    _run(work)
    if json:
        show_json({"name": name, "org": org, **({} if password_file else {"password": password})})
    elif password_file is None:
        complain(f"{name} reads the history of {org}. Its password, which can't be shown again:")
        print(password)
    else:
        print(f"{name} reads the history of {org}.")


@reporting.command("list")
def list_users(json: Json = False) -> None:
    """List the reporting users of this database."""

    async def work(connection: Connection) -> list[dict[str, Any]]:
        from projections.roles import reporting_users

        return await reporting_users(connection)

    rows = _run(work)
    if json:
        show_json(rows)
        return
    shown = ("name", "org", "added_at")
    table(shown, [[row[column] for column in shown] for row in rows], "There are no reporting users.")


@reporting.command("remove")
def remove(name: Name) -> None:
    """Remove a reporting user, and end its sessions."""

    async def work(connection: Connection) -> None:
        from projections.roles import remove_reporting_user

        await remove_reporting_user(connection, name)

    _run(work)
    print(f"removed {name}")


def _read(file: Path) -> str:
    password = file.read_text(encoding="utf-8").strip()
    if len(password) < _SHORTEST:
        raise Failure(f"{file}: a password of fewer than {_SHORTEST} letters is too short.", USAGE)
    return password


def _run(work: Callable[[Connection], Awaitable[Any]]) -> Any:
    async def connected() -> Any:
        async with postgres(settings_for_people()) as connection:
            return await told(work(connection))

    return asyncio.run(connected())


async def told(work: Awaitable[Any]) -> Any:
    """What the work returns; what the database refuses of it is a Failure, in its own sentence."""
    import asyncpg

    try:
        return await work
    except (asyncpg.RaiseError, asyncpg.DuplicateObjectError, asyncpg.UndefinedObjectError) as error:
        raise Failure(f"{str(error).strip().rstrip('.')}.") from None
    except asyncpg.UndefinedFunctionError:
        raise Failure("The tables of this database are of an earlier version: run 'onestack migrate' first.") from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise Failure(
            f"The user of ONESTACK_POSTGRES_URL may not do that ({error}): it takes a superuser, or one who may make "
            "roles and owns the tables."
        ) from None
