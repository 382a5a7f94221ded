"""`onestack migrate --roles`: a database role for each process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cli.clients import postgres
from cli.output import complain
from cli.reporting import told

if TYPE_CHECKING:
    from runtime.settings import Settings


def make(settings: Settings) -> None:
    """Make the roles, and say what they are for. Raises Failure where the database does not let us."""
    from projections.roles import ROLES, make_roles

    async def work() -> None:
        async with postgres(settings) as connection:
            await told(make_roles(connection))

    asyncio.run(work())
    for name, purpose in ROLES.items():
        complain(f"{name}: {purpose}")
    complain("Make a login for each: create role … login password '…' in role onestack_projector;")
