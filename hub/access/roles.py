"""Which role may do what. A role is a ceiling; a claim of permissions can only take away from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

Role = Literal["Owner", "Admin", "Member", "Billing", "Viewer"]

READ: Final = "hub.workflows.read"
"""See workflows, runs, events; validate, simulate and backtest, which change nothing."""
WRITE: Final = "hub.workflows.write"
"""Create, change, enable, disable and delete workflows."""
RUN: Final = "hub.workflows.run"
"""Cancel, resume and re-run runs, send dead letters again, and publish events."""
KEYS: Final = "hub.keys.manage"
"""Make and revoke API keys."""
AUDIT: Final = "hub.audit.read"
"""Read who did what."""

PERMISSIONS: Final = (READ, WRITE, RUN, KEYS, AUDIT)
ROLES: Final[dict[str, frozenset[str]]] = {
    "Owner": frozenset(PERMISSIONS),
    "Admin": frozenset(PERMISSIONS),
    "Member": frozenset((READ, WRITE, RUN)),
    "Billing": frozenset(),
    "Viewer": frozenset((READ,)),
}


def allowed(role: str | None, claimed: Iterable[str] | None) -> frozenset[str]:
    """What somebody with this role and this claim of permissions may do.

    Without a role the claim counts alone, without a claim the role's permissions do. A role that is not known allows
    nothing.
    """
    ceiling = frozenset(PERMISSIONS) if role is None else ROLES.get(role, frozenset())
    if claimed is None:
        return ceiling if role is not None else frozenset()
    return ceiling & frozenset(claimed)
