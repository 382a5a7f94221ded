"""The fourteen event types: which module sends each, about which entity, with which data."""

from __future__ import annotations

from typing import Final

from schemas.events.entities import Alert, Backup, Company, Conflict, Contact, Data, Deal, Device, Invoice, Ticket


class TicketEvent(Data):
    """Data of an event about a ticket."""

    ticket: Ticket


class AlertEvent(Data):
    """Data of an event about an alert."""

    alert: Alert


class DeviceEvent(Data):
    """Data of an event about a device."""

    device: Device


class TicketCreated(TicketEvent):
    """A new ticket is created."""


class TicketUpdated(TicketEvent):
    """A ticket field changes; `previous` holds the changed fields' old values."""


class TicketSlaBreach(TicketEvent):
    """A ticket exceeds its SLA threshold."""


class AlertTriggered(AlertEvent):
    """A monitoring alert fires."""


class AlertResolved(AlertEvent):
    """A monitoring alert is cleared."""


class DeviceOffline(DeviceEvent):
    """An endpoint stops checking in."""


class DeviceOnline(DeviceEvent):
    """An endpoint resumes check-in."""


class BackupFailed(Data):
    """A backup job fails."""

    backup: Backup


class InvoiceOverdue(Data):
    """An invoice passes its due date."""

    invoice: Invoice


class InvoicePaid(Data):
    """An invoice is paid."""

    invoice: Invoice


class ContactCreated(Data):
    """A new contact is added."""

    contact: Contact


class DealStageChanged(Data):
    """A deal moves to a different pipeline stage."""

    deal: Deal


class CompanyCreated(Data):
    """A new company is added to the PSA."""

    company: Company


class EntitySyncConflict(Data):
    """Entity Sync detects a conflict."""

    conflict: Conflict


EVENT_TYPES: Final[dict[str, type[Data]]] = {
    "ticket.created": TicketCreated,
    "ticket.updated": TicketUpdated,
    "ticket.sla_breach": TicketSlaBreach,
    "alert.triggered": AlertTriggered,
    "alert.resolved": AlertResolved,
    "device.offline": DeviceOffline,
    "device.online": DeviceOnline,
    "backup.failed": BackupFailed,
    "invoice.overdue": InvoiceOverdue,
    "invoice.paid": InvoicePaid,
    "contact.created": ContactCreated,
    "deal.stage_changed": DealStageChanged,
    "company.created": CompanyCreated,
    "entity.sync_conflict": EntitySyncConflict,
}
"""The model of `data` by event type."""

SOURCES: Final[dict[str, tuple[str, ...]]] = {
    "ticket.created": ("psa",),
    "ticket.updated": ("psa",),
    "ticket.sla_breach": ("psa",),
    "alert.triggered": ("rmm", "security"),
    "alert.resolved": ("rmm", "security"),
    "device.offline": ("rmm",),
    "device.online": ("rmm",),
    "backup.failed": ("backups",),
    "invoice.overdue": ("books",),
    "invoice.paid": ("books",),
    "contact.created": ("crm",),
    "deal.stage_changed": ("crm",),
    "company.created": ("psa",),
    "entity.sync_conflict": ("hub",),
}
"""The modules that send each type."""


def entity_of(event_type: str) -> str:
    """The name under which the triggering entity stands in `data`: `ticket` for `ticket.sla_breach`."""
    return "conflict" if event_type == "entity.sync_conflict" else event_type.partition(".")[0]
