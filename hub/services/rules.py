"""The rules of this installation, as workflows are tried under them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from engine.calendars import Calendar
from engine.redaction import Redaction
from engine.rules import Rules
from projections import queries
from schemas.calendars import parse_calendar

if TYPE_CHECKING:
    from runtime.postgres import Connection
    from runtime.settings import Settings

Calendars = Mapping[tuple[str, str], Calendar]
"""Business calendars by organisation and id."""


def rules_of(settings: Settings, calendars: Calendars) -> Rules:
    """The rules of this installation, with these calendars."""
    return Rules(
        chain_limit=settings.chain_limit,
        chain_repeats=settings.chain_repeats,
        redact=Redaction(settings.redact),
        calendar=lambda org, calendar: calendars.get((org, calendar)),
    )


def calendars_from(org: str, rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Calendar]:
    """The business calendars in these rows of the history. Holidays are computed: it can take a tenth of a second."""
    return {(org, row["calendar_id"]): Calendar(parse_calendar(row["definition"])) for row in rows}


async def calendars_of(connection: Connection, org: str) -> dict[tuple[str, str], Calendar]:
    """The organisation's business calendars in force."""
    return calendars_from(org, await queries.list_calendars(connection, org))
