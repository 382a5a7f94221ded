"""Who calls, and what they may do."""

from hub.access.caller import Caller
from hub.access.roles import (
    AUDIT,
    KEYS,
    PERMISSIONS,
    READ,
    ROLES,
    RUN,
    WRITE,
    Role,
    allowed,
)
from hub.access.rules import Rule, anyone, needs

__all__ = [
    "AUDIT",
    "KEYS",
    "PERMISSIONS",
    "READ",
    "ROLES",
    "RUN",
    "WRITE",
    "Caller",
    "Role",
    "Rule",
    "allowed",
    "anyone",
    "needs",
]
