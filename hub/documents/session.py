"""Signing in, and who one is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hub.access.roles import Role
from schemas.names import ID_PATTERN


class Session(BaseModel):
    """Who calls, and what they may do."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "org": "acme",
                    "person": "Ada Lovelace (u-17)",
                    "role": "Member",
                    "kind": "token",
                    "permissions": ["hub.workflows.read", "hub.workflows.run", "hub.workflows.write"],
                    "expires_at": "2026-11-27T17:00:00Z",
                    "now": "2026-11-27T09:12:00Z",
                }
            ]
        }
    )
    org: str
    person: str
    role: Role | None
    kind: Literal["token", "key", "development"]
    permissions: list[str]
    expires_at: datetime | None
    now: datetime = Field(description="What time it is for the Hub: in a demo, time may have been set forward.")


class SignIn(BaseModel):
    """A token of the issuer, or an API key, to be kept in the session cookie."""

    model_config = ConfigDict(extra="forbid")
    token: Annotated[str, Field(min_length=1, max_length=8192)]


class DevelopmentSignIn(BaseModel):
    """As whom to sign in on a developer's machine."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"org": "acme", "role": "Owner", "person": "Ada"}]}
    )
    org: Annotated[str, Field(pattern=ID_PATTERN)]
    role: Role
    person: Annotated[str, Field(min_length=1, max_length=90, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None


class SignInOptions(BaseModel):
    """How one can sign in here."""

    development: bool = Field(description="Whether anyone may sign in as anyone, which is so on this machine alone.")
    orgs: list[str] = Field(description="Organisations to choose from; only with the development sign-in.")
    roles: list[str]
    sign_in_url: str | None = Field(description="Where to go for a token.")
