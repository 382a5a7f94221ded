"""Planning aiokafka's fetches for many partitions on few brokers, at a tenth of its own cost.

aiokafka goes over all assigned partitions whenever anything happens: a fetch was answered, records were taken. For the
192 of a worker that took longer than the hop that it served. This plans the everyday case, every partition has a
position and a leader, in one tight loop, and not at all while every broker has a fetch under way; anything else is left
to aiokafka's own plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.protocol.fetch import FetchRequest

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

Plan = tuple[list[tuple[int, FetchRequest]], dict[int, Any], float, bool, list[Any]]
"""Fetches by node, resets by node, seconds until the next look, whether metadata is stale, what wakes a pause."""


def use_fetch_planning(consumer: AIOKafkaConsumer) -> None:
    """Have this consumer plan its fetches so. To be called after it is started."""
    fetcher = consumer._fetcher
    fetcher._get_actions_per_node = Planner(fetcher)


class Planner:
    """Stands in for the fetcher's own `_get_actions_per_node`."""

    def __init__(self, fetcher: Any) -> None:
        self._fetcher = fetcher
        self._plain = fetcher._get_actions_per_node
        self._assignment: Any = None
        self._states: list[tuple[Any, Any]] = []

    def __call__(self, assignment: Any) -> Plan:
        """What to ask of which broker now."""
        fetcher = self._fetcher
        cluster = fetcher._client.cluster
        busy, wait = set(fetcher._in_flight), fetcher._fetcher_timeout
        for tp, fetched in fetcher._records.items():
            # What was just fetched is about to be taken: the next fetch waits for it, so that it can go on behind it.
            if backoff := fetched.calculate_backoff():
                busy.add(cluster.leader_for_partition(tp))
                wait = min(wait, backoff)
        brokers = {broker.nodeId for broker in cluster.brokers()}
        if brokers and brokers <= busy:
            return [], {}, wait, False, []
        requests = self._requests(assignment, busy, cluster._partitions)
        if requests is None:
            plan: Plan = self._plain(assignment)
            return plan
        return requests, {}, wait, False, []

    def _requests(self, assignment: Any, busy: set[int], leaders: Any) -> list[tuple[int, FetchRequest]] | None:
        """A fetch for each broker that has none under way; None where a partition needs more than that."""
        if assignment is not self._assignment:
            self._assignment = assignment
            self._states = [(tp, assignment.state_value(tp)) for tp in assignment.tps]
        fetcher = self._fetcher
        records, most = fetcher._records, fetcher._max_partition_fetch_bytes
        by_node: dict[int, dict[str, list[tuple[int, int, int]]]] = {}
        for tp, state in self._states:
            if tp in records:
                continue
            try:
                leader = leaders[tp.topic][tp.partition].leader
            except KeyError:
                return None
            position = state._position
            if position is None or leader == -1 or state._paused:
                return None
            if leader not in busy:
                topics = by_node.setdefault(leader, {})
                topics.setdefault(tp.topic, []).append((tp.partition, position, most))
        return [(node, self._request(topics)) for node, topics in by_node.items()]

    def _request(self, topics: dict[str, list[tuple[int, int, int]]]) -> FetchRequest:
        fetcher = self._fetcher
        return FetchRequest(
            fetcher._fetch_max_wait_ms,
            fetcher._fetch_min_bytes,
            fetcher._fetch_max_bytes,
            fetcher._isolation_level,
            list(topics.items()),
        )
