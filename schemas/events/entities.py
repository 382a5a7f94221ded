"""What is known of the entities in an event's `data`. All is optional but typed, and unknown fields are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from schemas.names import Priority, Severity

Number = StrictFloat
"""Whole numbers fit too."""


def _text_only(given: object) -> object:
    if isinstance(given, str | datetime) or given is None:
        return given
    message = "write a time as text, such as 2026-11-23T08:00:00Z"
    raise ValueError(message)


Time = Annotated[datetime, BeforeValidator(_text_only)]
"""A time as ISO 8601 text; without an offset it is taken as UTC."""


class Known(BaseModel):
    """An object some of whose fields are known."""

    model_config = ConfigDict(extra="allow")


class Person(Known):
    """Somebody who works on it: a technician, an owner, a contact."""

    id: str | None = None
    name: str | None = None
    email: str | None = None


class Company(Known):
    """A client of the MSP."""

    id: str | None = None
    name: str | None = None
    domain: str | None = None
    primary_contact: Person | None = None
    account_manager: Person | None = None
    tags: list[str] | None = None


class Sla(Known):
    """The service level that a ticket has, and where it stands."""

    name: str | None = None
    target: str | None = None
    due_at: Time | None = None
    breached_at: Time | None = None


class Ticket(Known):
    """A PSA ticket."""

    id: str | None = None
    number: str | StrictInt | None = None
    title: str | None = None
    description: str | None = None
    board: str | None = None
    status: str | None = None
    priority: Priority | None = None
    type: str | None = None
    source: str | None = None
    assignee: Person | str | None = None
    requester: Person | str | None = None
    sla: Sla | str | None = None
    tags: list[str] | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    due_at: Time | None = None


class Alert(Known):
    """What monitoring or security found."""

    id: str | None = None
    title: str | None = None
    message: str | None = None
    severity: Severity | None = None
    status: str | None = None
    category: str | None = None
    source: str | None = None
    triggered_at: Time | None = None
    resolved_at: Time | None = None
    tags: list[str] | None = None


class Device(Known):
    """An endpoint under management."""

    id: str | None = None
    name: str | None = None
    type: str | None = None
    os: str | None = None
    ip: str | None = None
    site: str | None = None
    online: StrictBool | None = None
    criticality: Number | None = None
    last_seen_at: Time | None = None
    assigned_technician: Person | None = None
    tags: list[str] | None = None


class Backup(Known):
    """A backup job's run."""

    id: str | None = None
    job: str | None = None
    status: str | None = None
    error: str | None = None
    attempts: Number | None = None
    size_gb: Number | None = None
    started_at: Time | None = None
    finished_at: Time | None = None


class Invoice(Known):
    """An invoice of Books."""

    id: str | None = None
    number: str | StrictInt | None = None
    status: str | None = None
    amount: Number | None = None
    balance: Number | None = None
    currency: str | None = None
    days_overdue: Number | None = None
    due_at: Time | None = None
    paid_at: Time | None = None
    contact: Person | str | None = None


class Contact(Known):
    """A person at a client, or one who may become one."""

    id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    title: str | None = None
    source: str | None = None
    tags: list[str] | None = None


class Deal(Known):
    """A CRM deal."""

    id: str | None = None
    name: str | None = None
    stage: str | None = None
    pipeline: str | None = None
    value: Number | None = None
    currency: str | None = None
    owner: Person | str | None = None
    closed_at: Time | None = None


class Conflict(Known):
    """What Entity Sync could not reconcile."""

    id: str | None = None
    kind: str | None = None
    entity_type: str | None = None
    entity_id: str | None = None
    field: str | None = None
    values: list[Any] | None = None
    systems: list[str] | None = None
    score: Number | None = None


class Data(Known):
    """An event's `data`: an object for each entity, named by its type."""

    ticket: Ticket | None = None
    alert: Alert | None = None
    device: Device | None = None
    backup: Backup | None = None
    invoice: Invoice | None = None
    contact: Contact | None = None
    deal: Deal | None = None
    company: Company | None = None
    conflict: Conflict | None = None
    previous: dict[str, Any] | None = Field(None, description="An update's changed fields with their old values.")
