"""How often a failed action is tried again, and how long is waited before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import Final

from schemas.definitions import Retry
from schemas.durations import parse_duration

LONGEST_ASKED: Final = 86_400.0
"""Seconds: a day. What answers with a longer Retry-After is asked again after a day."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `max_retries` repeats; before the first `initial` seconds, each further wait `multiplier` times longer.

    No wait is longer than `cap` seconds. Each is made 0.8 to 1.2 times as long, by what is known of the call alone.
    """

    max_retries: int
    initial: float
    multiplier: float
    cap: float

    def wait(self, command: str, attempt: int, retry_after: float | None = None) -> timedelta:
        """How long to wait after this attempt (1 is the first) of this command failed.

        `retry_after` are the seconds that the other side asked for: the longer of both is waited.
        """
        seconds = min(self.initial * self.multiplier ** (attempt - 1), self.cap) * _jitter(command, attempt)
        if retry_after is not None and retry_after > seconds:
            seconds = max(seconds, min(retry_after, LONGEST_ASKED))
        return timedelta(seconds=seconds)


def _jitter(command: str, attempt: int) -> float:
    """Between 0.8 and 1.2, and the same whoever asks: replaying a decision gives the same times."""
    digest = blake2b(f"{command}:{attempt}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return 0.8 + 0.4 * (int.from_bytes(digest, "big") / 2**64)


def policy_of(workflow: Retry | None, step: Retry | None = None) -> RetryPolicy:
    """The policy of a step: what it says itself, else what its workflow says, else the defaults."""
    return _DEFAULT if workflow is None and step is None else _policy(workflow, step)


def _policy(workflow: Retry | None, step: Retry | None) -> RetryPolicy:
    said = {name: getattr(given, name) for given in (workflow, step) if given for name in given.model_fields_set}
    retry = Retry(**said)
    return RetryPolicy(
        retry.max_retries,
        parse_duration(retry.initial_interval).total_seconds(),
        float(retry.multiplier),
        parse_duration(retry.max_interval).total_seconds(),
    )


_DEFAULT: Final = _policy(None, None)
