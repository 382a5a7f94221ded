"""Whoever a request comes from, once that is proven."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["token", "key", "development"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody of one organisation; `person` is what goes into audit log and run log as who did it."""

    org: str
    person: str
    kind: Kind
    role: str | None
    permissions: frozenset[str]
    expires_at: datetime | None = None
    key_id: str | None = None
    """The API key's id, where it is one."""

    def may(self, permission: str) -> bool:
        """Whether the caller has this permission."""
        return permission in self.permissions
