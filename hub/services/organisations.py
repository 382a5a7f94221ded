"""Which organisations there are, for whoever develops on this machine."""

from __future__ import annotations

import asyncpg

from hub.parts import Parts
from hub.problems import Problem
from runtime.logging import logger

log = logger("hub")

_DEFAULT = "acme"
_MOST = 200
# From one organisation to the next by the index, instead of over all runs.
_KNOWN = f"""
with recursive found as (
    (select min(org_id) as org_id from history_data.runs)
     union all
    select (select min(r.org_id) from history_data.runs r where r.org_id > f.org_id) from found f
     where f.org_id is not null
)
select org_id from (select org_id from found union select org_id from history_data.workflows) known
 where org_id is not null order by org_id limit {_MOST}"""  # noqa: S608 - our own constant


async def known_organisations(parts: Parts) -> list[str]:
    """Those that have workflows or runs, and one to begin with."""
    try:
        async with parts.postgres.unbound() as connection:
            found = {row["org_id"] for row in await connection.fetch(_KNOWN)}
    except (Problem, asyncpg.PostgresError) as error:
        log.debug("the organisations are not known", error=repr(error))
        found = set()
    return sorted(found | {_DEFAULT})
