"""What holds for every run of an installation, and is given to the engine with each call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.redaction import DEFAULT_REDACTION, Redaction

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta


class Calendar(Protocol):
    """An organisation's business time, in aware moments. Raises ValueError where what is asked for never comes."""

    def next_open(self, at: datetime) -> datetime:
        """The first moment within business hours that is not before `at`: `at` itself where it is within them."""

    def next_day(self, at: datetime) -> datetime:
        """When business hours begin on the first business day after that of `at`."""

    def after(self, at: datetime, business: timedelta) -> datetime:
        """The moment by which so much business time has passed since `at`."""


def no_calendars(_org: str, _calendar: str) -> Calendar | None:
    """The calendars of an installation that has none."""
    return None


@dataclass(frozen=True, slots=True)
class Rules:
    """`calendar` finds the calendar of an organisation by its id.

    A causation chain has at most `chain_limit` workflows, and in it each at most `chain_repeats` times.
    """

    chain_limit: int = 5
    chain_repeats: int = 1
    redact: Redaction = DEFAULT_REDACTION
    calendar: Callable[[str, str], Calendar | None] = no_calendars


RULES = Rules()
"""The defaults: no calendars, and nothing but the usual names redacted."""
