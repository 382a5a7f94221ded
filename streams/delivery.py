"""What passes between the batch consumer and Faust: a message that is many records, and the news of a rebalance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.abc import ConsumerRebalanceListener
from faust.transport.consumer import ensure_TPset
from faust.types import ConsumerMessage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiokafka.structs import TopicPartition

    from streams.consumer import KafkaConsumer
    from streams.fair import Portion


class BatchMessage(ConsumerMessage):  # type: ignore[misc]  # its base has no types
    """What has arrived on a partition: `value` is the list of its records."""

    __slots__ = ("portion",)
    portion: Portion

    def on_final_ack(self, consumer: Any) -> bool:
        """Mark the whole batch as done; called by Faust when the event is acked."""
        consumer.finish(self)
        return True


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # its base has no types
    """Tells the consumer of a rebalance in the order that Faust expects."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> Any:
        self._consumer.app.on_rebalance_start()
        return self._consumer.on_partitions_revoked(ensure_TPset(revoked))

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        generation = self._consumer.client._coordinator.generation  # noqa: SLF001 - aiokafka has no public way to it
        self._consumer.app.consumer_generation_id = generation
        await self._consumer.on_partitions_assigned(ensure_TPset(assigned), generation)
