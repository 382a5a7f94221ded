"""Publishes events onto Kafka as One Stack modules do: CloudEvents in structured mode, keyed by the entity."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from runtime.clock import Clock
from schemas.events.types import SOURCES, entity_of
from schemas.names import EVENT_TOPICS, entity_key

HEADERS = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
_LARGEST = 2 * 2**20  # bytes; the topics take as much


@dataclass(frozen=True, slots=True)
class Sent:
    """A record that the broker acknowledged."""

    topic: str
    partition: int
    offset: int
    value: bytes | None


class Publisher:
    """A producer that numbers its events. Its default partitioner is the murmur2 of the Java client."""

    def __init__(self, bootstrap: str, clock: Clock | None = None) -> None:
        self._bootstrap = bootstrap
        # Ids must not come again in a later start on the same history.
        self._name = f"e{token_hex(4)}"
        self._numbers = 0
        self._clock = clock or Clock()
        self._producer: AIOKafkaProducer | None = None
        self.events: list[dict[str, Any]] = []
        """Every event that was acknowledged, in the order of sending, repeats included."""

    async def start(self) -> None:
        """Connect."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks="all", linger_ms=2, max_request_size=_LARGEST
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Send what is left, and disconnect."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    def event(
        self,
        type: str,
        org: str,
        data: Mapping[str, Any],
        *,
        module: str | None = None,
        id: str | None = None,
        **attributes: str,
    ) -> dict[str, Any]:
        """A CloudEvent of now about the entity that its type names."""
        self._numbers += 1
        entity = entity_of(type)
        return {
            "specversion": "1.0",
            "id": id or f"{self._name}-{self._numbers}",
            "source": f"/{module or SOURCES[type][0]}",
            "type": type,
            "subject": f"{entity}/{data[entity]['id']}",
            "time": self._clock.now().isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "orgid": org,
            "datacontenttype": "application/json",
            **attributes,
            "data": dict(data),
        }

    async def publish(self, event: dict[str, Any]) -> Sent:
        """Send an event to its module's topic, and return when the broker has it."""
        topic = EVENT_TOPICS[event["source"].strip("/")]
        key = entity_key(event["orgid"], event["subject"]).encode()
        self.events.append(event)
        return await self.raw(topic, orjson.dumps(event), key, HEADERS)

    async def raw(
        self, topic: str, value: bytes | None, key: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()
    ) -> Sent:
        """Send any record, and return where it is when the broker has it."""
        if self._producer is None:
            raise RuntimeError("the publisher has not started")
        done: asyncio.Future[Any] = await self._producer.send(topic, value, key, headers=list(headers))
        at = await done
        return Sent(topic, at.partition, at.offset, value)
