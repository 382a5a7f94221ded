"""`onestack keys`: API keys of the Hub, for those who operate it: the first key, or one when nobody can sign in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.clients import postgres, settings_for_people
from cli.errors import USAGE, Failure
from cli.output import Json, complain, show_json, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from runtime.postgres import Connection

keys = typer.Typer(help="Make, list and revoke API keys of the Hub.", no_args_is_help=True, rich_markup_mode=None)


@keys.command("create")
def create(
    org: Annotated[str, typer.Option(help="The organisation that it is for.")],
    name: Annotated[str, typer.Option(help="What it is for, such as 'nightly-export'.")],
    role: Annotated[
        str | None, typer.Option(help="What it may do: as an Owner, Admin, Member or Viewer [Viewer].")
    ] = None,
    permission: Annotated[
        list[str] | None, typer.Option(help="Instead, or of what the role may: this; several times for several.")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="After how long it ends, such as 90d; by default never.")] = None,
    json: Json = False,
) -> None:
    """Make a key, and print it.

    It can't be shown again: only a hash of it is kept.
    """
    made = asyncio.run(_create(org, name, role if role or permission else "Viewer", permission, expires))
    if json:
        show_json(made)
        return
    complain(f"A key for {org}, which may {', '.join(made['permissions']) or 'nothing'}. It can't be shown again:")
    print(made["key"])


@keys.command("list")
def list_keys(
    org: Annotated[str | None, typer.Option(help="Of this organisation alone.")] = None, json: Json = False
) -> None:
    """List the keys, the newest first; those that were revoked or have expired too."""
    rows = asyncio.run(_list(org))
    if json:
        show_json(rows)
        return
    shown = ("id", "org", "name", "role", "created_by", "created_at", "last_used_at", "state")
    table(shown, [[row[column] for column in shown] for row in rows], "There are no keys.")


@keys.command("revoke")
def revoke(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Ids, as 'onestack keys list' shows them.")],
    org: Annotated[str | None, typer.Option(help="Only keys of this organisation.")] = None,
    json: Json = False,
) -> None:
    """Take keys out of force, on every Hub within a second."""
    found = asyncio.run(_revoke(ids, org))
    if json:
        show_json({"revoked": found})
    else:
        for id in found:
            print(f"revoked {id}")
    if missing := [id for id in ids if id not in found]:
        raise Failure(f"There is no key {', '.join(missing)}: 'onestack keys list' shows them.")


async def _create(
    org: str, name: str, role: str | None, permissions: list[str] | None, expires: str | None
) -> dict[str, Any]:
    from hub.access.audit import note
    from hub.access.keys import Wanted, add
    from hub.access.roles import PERMISSIONS, ROLES, allowed
    from schemas.names import is_id

    if not is_id(org):
        raise Failure(f"--org {org!r} is no id of an organisation.", USAGE)
    if role is not None and role not in ROLES:
        raise Failure(f"--role is one of {', '.join(ROLES)}, not {role!r}.", USAGE)
    if unknown := set(permissions or ()) - set(PERMISSIONS):
        raise Failure(f"--permission is one of {', '.join(PERMISSIONS)}, not {', '.join(sorted(unknown))}.", USAGE)
    if not 0 < len(name) <= 100 or not name.isprintable():
        raise Failure("--name has 1 to 100 printable characters.", USAGE)
    who, wanted_until, may = _operator(), _until(expires), allowed(role, permissions or None)
    async with postgres(settings_for_people()) as connection, connection.transaction():
        made = await add(connection, org, Wanted(name, role, may, who, wanted_until))
        details = {"id": made.row["id"], "name": name, "role": role, "permissions": sorted(may)}
        details["expires_at"] = wanted_until
        await note(connection, org, who, "key.create", "key/new", details)
    return {**_told(made.row, org), "key": made.key}


def _until(expires: str | None) -> datetime | None:
    from datetime import UTC, datetime

    from schemas.durations import parse_duration

    if expires is None:
        return None
    try:
        after = parse_duration(expires)
        if after.total_seconds() <= 0:
            raise ValueError(expires)
        return datetime.now(UTC) + after
    except (ValueError, OverflowError):
        raise Failure(f"--expires {expires!r} is no duration, such as 90d.", USAGE) from None


async def _list(org: str | None) -> list[dict[str, Any]]:
    from hub.access.keys import COLUMNS

    query = f"""
        select org_id, {COLUMNS} from hub_data.api_keys where $1::text is null or org_id = $1
         order by created_at desc, id desc"""  # noqa: S608 - our own columns
    async with postgres(settings_for_people()) as connection:
        return [_told(row, row["org_id"]) for row in await connection.fetch(query, org)]


async def _revoke(ids: Sequence[str], of: str | None) -> list[str]:
    from hub.access.audit import note
    from hub.access.keys import revoke as take_out

    who, found = _operator(), []
    async with postgres(settings_for_people()) as connection:
        for id in dict.fromkeys(ids):
            async with connection.transaction():
                org = await _org_of(connection, id)
                if org is not None and of in (None, org):
                    await take_out(connection, id, who)
                    await note(connection, org, who, "key.revoke", f"key/{id}", {})
                    found.append(id)
    return found


async def _org_of(connection: Connection, id: str) -> str | None:
    org: str | None = await connection.fetchval("select org_id from hub_data.api_keys where id = $1", id)
    return org


def _told(row: Any, org: str) -> dict[str, Any]:
    from datetime import UTC, datetime

    found = {name: row[name] for name in row.keys() if name != "org_id"}  # noqa: SIM118 - a Record is no mapping
    ended = found["expires_at"] is not None and found["expires_at"] <= datetime.now(UTC)
    state = "revoked" if found["revoked_at"] is not None else "expired" if ended else "in force"
    return {"id": found.pop("id"), "org": org, **found, "state": state}


def _operator() -> str:
    """Who sits at this command line, as far as the machine knows."""
    import getpass

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"
    return f"{user} (operator)"
