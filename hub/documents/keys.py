"""API keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hub.access.roles import Role
from hub.documents.times import Moment

Permission = Literal[
    "hub.workflows.read", "hub.workflows.write", "hub.workflows.run", "hub.keys.manage", "hub.audit.read"
]
_LONGEST: Final = timedelta(days=3660)


class ApiKey(BaseModel):
    """What is known of a key; the key itself is not."""

    id: str
    name: str
    prefix: str = Field(description="How the key begins, by which its holder knows it.")
    role: Role | None
    permissions: list[Permission]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")
    revoked_at: datetime | None
    revoked_by: str | None


class NewApiKey(ApiKey):
    """A key that was made."""

    key: str = Field(description="The whole of it, this once: only a hash of it is kept.")


class ApiKeys(BaseModel):
    """A page of keys, the newest first."""

    items: list[ApiKey]
    next: str | None


class KeyRequest(BaseModel):
    """A key that is to be made. It may do what its role may, or what `permissions` say, never more than its maker."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "Backup report", "role": "Viewer", "expires_at": None}]},
    )
    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    role: Role | None = None
    permissions: Annotated[list[Permission], Field(max_length=5)] | None = None
    expires_at: Moment | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.role is None and self.permissions is None:
            message = "name a role, or permissions"
            raise ValueError(message)
        now = datetime.now(UTC)
        if self.expires_at is not None and not now < self.expires_at < now + _LONGEST:
            message = "expires_at should lie ahead, ten years at most"
            raise ValueError(message)
        return self
