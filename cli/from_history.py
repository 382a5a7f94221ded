"""`onestack publish --from-history`: the definitions that were in force when their topic was lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import orjson

from cli.clients import postgres, settings_for_people
from cli.errors import Failure

if TYPE_CHECKING:
    from hub.services.checking import Document

_KNOWN: Final = """
select org_id, 'workflow' as kind, workflow_id as id, definition::text from history.workflows
 union all
select org_id, 'calendar', calendar_id, definition::text from history.calendars
 union all
select org_id, kind, id, definition::text from history.lost_definitions
 order by kind, org_id, id"""


def documents_of(org: str | None) -> list[Document]:
    """What the history knows of this organisation or of all, checked; calendars first, which workflows may name.

    Raises Failure where it knows none.
    """
    from hub.services.checking import Document, checked

    rows = [row for row in asyncio.run(_rows()) if org is None or row["org_id"] == org]
    if not rows:
        raise Failure(f"The history knows no definitions{f' of {org}' if org else ''}: there is nothing to publish.")
    return [checked(Document("history", 0, orjson.loads(row["definition"]))) for row in rows]


async def _rows() -> list[Any]:
    async with postgres(settings_for_people()) as connection:
        return list(await connection.fetch(_KNOWN))
