"""What Faust asks of any consumer, answered by the aiokafka client that joined the group before there was an app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from aiokafka.errors import ConsumerStoppedError
from aiokafka.structs import TopicPartition
from faust.transport.consumer import Consumer, ensure_TP, ensure_TPset
from faust.types import TP

from streams.delivery import Listener

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiokafka import AIOKafkaConsumer

    from streams.parts import Parts


class Host(Protocol):
    """What the consumer needs of the app beside Faust's own."""

    worker_parts: Parts


class KafkaConsumer(Consumer):  # type: ignore[misc]  # its base has no types
    """A Faust consumer in the main loop; what becomes of the records is up to who inherits from it."""

    consumer_stopped_errors = (ConsumerStoppedError,)
    client: AIOKafkaConsumer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._host: Host = self.app
        self._listener = Listener(self)

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Hear what the group gives us of these topics: it was joined for them before there was an app."""
        wanted, joining = set(topics), self._host.worker_parts.joining
        if wanted != self.client.subscription():
            self.client.subscribe(topics=wanted, listener=joining)
        joining.hear(self._listener)

    # -- seeking ------------------------------------------------------------------------------------------------

    async def perform_seek(self) -> None:
        """Go to each partition's committed offset, or to its beginning where there is none."""
        for tp, offset in (await self.seek_to_committed()).items():
            self._read_offset[ensure_TP(tp)] = offset

    async def seek_to_committed(self) -> Mapping[TP, Any]:
        """Each assigned partition's committed offset, having gone there."""
        assigned = list(self.client.assignment())
        # In one request: the client's own `committed` makes one of each partition.
        found = await self.client._coordinator.fetch_committed_offsets(assigned)
        fresh = []
        for tp in assigned:
            if tp not in found:
                fresh.append(tp)
            elif not self._stands_at(tp, found[tp].offset):
                self.client.seek(tp, found[tp].offset)
        if fresh:
            await self.client.seek_to_beginning(*fresh)
        return {ensure_TP(tp): found[tp].offset if tp in found else None for tp in assigned}

    def _stands_at(self, tp: TopicPartition, offset: int) -> bool:
        """Whether a partition is read from there already: a seek would throw away what was fetched since."""
        subscription = self.client._subscription.subscription
        state = subscription.assignment.state_value(tp) if subscription and subscription.assignment else None
        return state is not None and state.has_valid_position and state.position == offset

    async def _seek(self, partition: TP, offset: int) -> None:
        self.client.seek(TopicPartition(*partition), offset)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go to these offsets."""
        for tp, offset in partitions.items():
            await self.seek(tp, offset)

    # -- what is where ------------------------------------------------------------------------------------------

    def assignment(self) -> set[TP]:
        """The partitions that are ours now."""
        if not hasattr(self, "client"):
            return set()  # Faust asks as it stops, also where something kept us from starting
        assigned: set[TP] = ensure_TPset(self.client.assignment())
        return assigned

    def highwater(self, tp: TP) -> int:
        """The end of a partition as of the last fetch."""
        return self.client.highwater(TopicPartition(*tp)) or 0

    def topic_partitions(self, topic: str) -> int | None:
        """How many partitions a topic has."""
        partitions = self.client.partitions_for_topic(topic)
        return len(partitions) if partitions else None

    async def position(self, tp: TP) -> int | None:
        """The next offset to read."""
        position: int = await self.client.position(TopicPartition(*tp))
        return position

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """The first offsets that are there."""
        found: Mapping[TP, int] = await self.client.beginning_offsets([TopicPartition(*tp) for tp in partitions])
        return found

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """The ends of the partitions."""
        found: Mapping[TP, int] = await self.client.end_offsets([TopicPartition(*tp) for tp in partitions])
        return found

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
        return await self.client.getmany(*(active_partitions or ()), timeout_ms=int(timeout * 1000))

    def _to_message(self, tp: TP, record: Any) -> Any:
        raise NotImplementedError("records are handed over in batches")

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    async def create_topic(self, topic: str, *_args: Any, **_kwargs: Any) -> None:
        """Faust declares nothing here: `streams.topics` makes the topics."""

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:  # noqa: ARG002 - Faust's signature
        """Faust's sends are not used; ours name their partition."""
        return partition

    async def verify_all_partitions_active(self) -> None:
        """Faust's watchdog looks into its own thread's consumer; the lag metric says more."""
