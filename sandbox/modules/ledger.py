"""What reached the stand-in modules, what they did, and how they are made to misbehave."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

Keyed = Counter[tuple[str, str]]
"""Counts by module and Idempotency-Key ("" where the caller gave none)."""


@dataclass(slots=True)
class Fault:
    """A rule that makes an endpoint misbehave: `times` calls, or always where it is None."""

    module: str
    path: str = "/"  # a prefix of the path
    status: int | None = 503  # None answers normally, 0 closes the connection without an answer
    times: int | None = None
    delay: float = 0.0  # seconds to wait first
    after: bool = False  # answer so only after the call was performed, as a lost answer looks to the caller
    headers: dict[str, str] = field(default_factory=dict)

    def take(self, module: str, path: str) -> bool:
        """Whether this call is one of those, counting it."""
        if module != self.module or not path.startswith(self.path) or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(slots=True)
class Answer:
    """What a call was answered, kept to answer its repeats the same."""

    status: int
    body: Any


class Ledger:
    """Counts and rules shared by all stand-ins of one process."""

    def __init__(self) -> None:
        self.delivered: Keyed = Counter()  # calls that reached a module with valid credentials
        self.performed: Keyed = Counter()  # calls that changed something
        self.answers: Counter[tuple[str, str, int]] = Counter()  # by module, endpoint and status
        self.faults: list[Fault] = []
        self.forgetful: set[str] = set()  # modules that ignore Idempotency-Key
        self._kept: dict[tuple[str, str], asyncio.Future[Answer]] = {}

    def fault(self, module: str, path: str) -> Fault | None:
        """The first rule that applies to this call."""
        return next((rule for rule in self.faults if rule.take(module, path)), None)

    def kept(self, module: str, key: str) -> asyncio.Future[Answer] | None:
        """The answer, perhaps still in the making, of an earlier call with this key."""
        return None if not key or module in self.forgetful else self._kept.get((module, key))

    def keep(self, module: str, key: str) -> asyncio.Future[Answer]:
        """Promise an answer for this key; a promise that is cancelled is forgotten."""
        promise: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._kept[module, key] = promise
        return promise

    def forget(self, module: str, key: str) -> None:
        """Let the next call with this key be performed."""
        promise = self._kept.pop((module, key), None)
        if promise is not None:
            promise.cancel()

    def keys(self, module: str) -> set[str]:
        """The keys of the calls that this module performed."""
        return {key for name, key in self.performed if name == module}

    def total(self, module: str) -> int:
        """How many calls this module performed."""
        return sum(count for (name, _), count in self.performed.items() if name == module)

    def reset(self) -> None:
        """Forget counts, rules and kept answers."""
        for counts in (self.delivered, self.performed, self.answers, self.faults, self.forgetful, self._kept):
            counts.clear()

    def summary(self) -> dict[str, Any]:
        """The counts as JSON, by module: delivered, performed, repeats, and answers by endpoint."""
        names = {name for name, _ in (*self.delivered, *self.performed)} | {name for name, _, _ in self.answers}
        return {name: self._of(name) for name in sorted(names)}

    def _of(self, module: str) -> dict[str, Any]:
        endpoints: dict[str, dict[str, int]] = {}
        for (name, endpoint, status), count in sorted(self.answers.items()):
            if name == module:
                endpoints.setdefault(endpoint, {})[str(status)] = count
        delivered = sum(count for (name, _), count in self.delivered.items() if name == module)
        twice = sum(count - 1 for (name, key), count in self.performed.items() if name == module and key)
        return {
            "delivered": delivered,
            "performed": self.total(module),
            "performed_again": twice,
            "endpoints": endpoints,
        }
