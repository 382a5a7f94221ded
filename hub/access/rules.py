"""The rule that every route has: which permission it needs. A test finds each route that has none."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request

from hub.access.caller import Caller
from hub.problems import Problem


class Rule:
    """A dependency that gives the caller, or refuses. `permission` None: anyone who has signed in."""

    def __init__(self, permission: str | None, *, public: bool = False) -> None:
        self.permission = permission
        self.public = public

    async def __call__(self, request: Request) -> Caller | None:
        """The caller; None on a public route. Raises Problem 401 or 403."""
        if self.public:
            return None
        caller: Caller = await request.app.state.access.caller(request)
        if self.permission is not None and self.permission not in caller.permissions:
            raise Problem(403, f"This needs the permission {self.permission}, which {caller.person} does not have.")
        return caller


def needs(permission: str | None) -> Any:
    """The dependency that gives a caller with this permission; with None, anyone who has signed in."""
    return Depends(Rule(permission))


def anyone() -> Any:
    """The dependency that marks a route as public."""
    return Depends(Rule(None, public=True))
