"""The database roles of the processes, and users who read the history of one organisation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Any, Final

from runtime.postgres import Connection

ROLES: Final = {
    "onestack_owner": "owns the tables: for 'onestack migrate' and 'onestack projector --rebuild'",
    "onestack_projector": "writes the history: for 'onestack projector'",
    "onestack_hub_service": "for 'onestack hub'",
    "onestack_reporting": "reads one organisation's views: for the users that 'onestack reporting add' makes",
}
"""The roles that logins are made members of, and what each is for."""
_ITERATIONS: Final = 4096
"""As Postgres itself has it (`scram_iterations`)."""


async def make_roles(connection: Connection) -> None:
    """Make the roles, and give onestack_owner all tables, views and functions. Safe to repeat."""
    async with connection.transaction():
        await connection.execute("select hub_data.make_roles()")


async def add_reporting_user(connection: Connection, name: str, org: str, password: str) -> None:
    """Make a login that sees the history views of that organisation, read-only, and nothing else.

    Raises asyncpg's errors where the name is taken or is none, or where the connection's user may not make logins.
    """
    async with connection.transaction():
        await connection.execute("select hub_data.add_reporting_user($1, $2, $3)", name, org, verifier(password))


async def remove_reporting_user(connection: Connection, name: str) -> None:
    """End its sessions and remove it. Raises asyncpg's RaiseError where it is no reporting user of this database."""
    async with connection.transaction():
        await connection.execute("select hub_data.remove_reporting_user($1)", name)


async def reporting_users(connection: Connection) -> list[dict[str, Any]]:
    """The reporting users: `name`, `org`, `added_at`."""
    rows = await connection.fetch("select name::text, org_id as org, added_at from hub_data.reporting_users order by 1")
    return [dict(row) for row in rows]


def verifier(password: str) -> str:
    """The password as Postgres keeps it (SCRAM-SHA-256, RFC 5803): so no log of a statement ever has the password."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = (base64.b64encode(one).decode() for one in (salt, stored, server))
    salted_with, key, other = parts
    return f"SCRAM-SHA-256${_ITERATIONS}:{salted_with}${key}:{other}"
