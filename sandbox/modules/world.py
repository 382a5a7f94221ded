"""What the stand-in modules know of companies, devices and tickets, and the events that changes cause."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol

from runtime.clock import Clock

Entity = dict[str, Any]

_LOOKS: Final = 15
_LOOK_SECONDS: Final = 0.02
"""How often, and after which pauses, it is looked whether an entity's event has come."""


class Publishes(Protocol):
    """Where events go."""

    def event(self, type: str, org: str, data: Mapping[str, Any], **attributes: str) -> dict[str, Any]:
        """Make an event of now."""

    async def publish(self, event: dict[str, Any]) -> object:
        """Send it."""


class World:
    """Entities by type and id. Calls do not name their organisation: it is known from the entities they are about."""

    def __init__(self, publisher: Publishes | None = None, clock: Clock | None = None) -> None:
        self._publisher = publisher
        self._clock = clock or Clock()
        self._entities: dict[tuple[str, str], Entity] = {}
        self._orgs: dict[tuple[str, str], str] = {}
        self.listens = False

    def learn(self, org: str, data: Mapping[str, Any]) -> None:
        """Take over the entities in an event's data."""
        for kind, thing in data.items():
            if isinstance(thing, dict) and isinstance(thing.get("id"), str):
                self.put(kind, org, thing)

    def meet(self, org: str, data: Mapping[str, Any]) -> None:
        """Take over entities that nobody owns yet; what is known of them here is newer than what others tell."""
        for kind, thing in data.items():
            if isinstance(thing, dict) and isinstance(thing.get("id"), str) and (kind, thing["id"]) not in self._orgs:
                self.put(kind, org, {**thing, **self._entities.get((kind, thing["id"]), {})})

    def put(self, kind: str, org: str | None, thing: Mapping[str, Any]) -> Entity:
        """Add or change an entity, and return it whole."""
        at = kind, str(thing["id"])
        whole = self._entities.setdefault(at, {})
        whole.update(thing)
        if org is not None:
            self._orgs[at] = org
        return whole

    def find(self, kind: str, id: str) -> Entity | None:
        """An entity that was learned or made."""
        return self._entities.get((kind, id))

    def get(self, kind: str, id: str) -> Entity:
        """An entity; a stand-in takes anybody's word that it exists."""
        return self._entities.get((kind, id)) or self.put(kind, None, {"id": id})

    def all(self, kind: str) -> list[Entity]:
        """Every entity of this kind."""
        return [thing for (name, _), thing in self._entities.items() if name == kind]

    def org_of(self, kind: str, id: str | None) -> str | None:
        """The organisation that an entity belongs to, where it is known."""
        return None if id is None else self._orgs.get((kind, id))

    async def owner(self, kind: str, id: str | None) -> str | None:
        """As `org_of`, having waited a moment for the event that tells of the entity: a call may overtake it."""
        for _ in range(_LOOKS):
            if not self.listens or id is None or (kind, id) in self._orgs:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        return self.org_of(kind, id)

    def now(self) -> str:
        """The time as entities have it: RFC 3339 to the millisecond."""
        return self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def ticket_data(self, ticket: Entity) -> dict[str, Any]:
        """An event's data about a ticket: with its company, where that is known."""
        company = self.find("company", str(ticket.get("company_id")))
        return {"ticket": dict(ticket), **({"company": dict(company)} if company else {})}

    async def change_ticket(self, id: str, changes: Mapping[str, Any], caused: Mapping[str, str]) -> Entity:
        """Change a ticket, which `ticket.updated` tells with the old values unless nothing is other than before."""
        org = await self.owner("ticket", id)
        ticket = self.get("ticket", id)
        previous = {name: ticket.get(name) for name, value in changes.items() if ticket.get(name) != value}
        ticket.update(changes, id=id, updated_at=self.now())
        if previous:
            data = {**self.ticket_data(ticket), "previous": previous}
            await self.happened("ticket.updated", org, data, caused)
        return ticket

    async def happened(
        self, type: str, org: str | None, data: Mapping[str, Any], caused: Mapping[str, str]
    ) -> dict[str, Any] | None:
        """Publish an event that a change caused; without a known organisation there is none to publish for."""
        if self._publisher is None or org is None:
            return None
        self.learn(org, {name: thing for name, thing in data.items() if name != "previous"})
        event = self._publisher.event(type, org, data, **caused)
        await self._publisher.publish(event)
        return event
