"""A broker that lets a connection hang holds up no connection to another."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from aiokafka import client as aiokafka_client
from aiokafka.client import AIOKafkaClient
from aiokafka.structs import BrokerMetadata

from runtime.kafka_reach import begin_like, reach, use_parallel_connections

HANGS = "hangs"


class Connection:
    def connected(self) -> bool:
        return True

    async def close(self, reason: Any = None) -> None:
        """Nothing is open."""


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many connections were begun to each host; those to one that hangs are never made."""
    found: Counter[str] = Counter()

    async def create(host: str, _port: int, **_: Any) -> Connection:
        found[host] += 1
        await (asyncio.sleep(3600) if host == HANGS else asyncio.sleep(0.01))
        return Connection()

    monkeypatch.setattr(aiokafka_client, "create_conn", create)
    return found


def client(*hosts: str) -> AIOKafkaClient:
    """One that has heard of these brokers, numbered from 1."""
    made = AIOKafkaClient(bootstrap_servers="bootstrap:9092")
    made.cluster._brokers = {number: BrokerMetadata(number, host, 9092, None) for number, host in enumerate(hosts, 1)}
    return made


async def test_a_connection_that_hangs_holds_up_no_other(opened: Counter[str]) -> None:
    one = client(HANGS, "answers")
    use_parallel_connections(one)
    hanging = asyncio.create_task(one.ready(1))
    await asyncio.sleep(0)
    assert await asyncio.wait_for(one.ready(2), 5)
    assert not hanging.done()
    hanging.cancel()


async def test_aiokafka_itself_lets_it_hold_up_all(opened: Counter[str]) -> None:
    one = client(HANGS, "answers")
    hanging = asyncio.create_task(one.ready(1))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(one.ready(2), 0.2)
    hanging.cancel()


async def test_who_asks_for_a_broker_meanwhile_gets_the_same_connection(opened: Counter[str]) -> None:
    one = client("a", "b", "c")
    use_parallel_connections(one)
    await asyncio.gather(reach(one), reach(one), one.ready(2))
    assert opened == {"a": 1, "b": 1, "c": 1}
    assert await one._get_conn(2) is one._conns[2, aiokafka_client.ConnectionGroup.DEFAULT]


async def test_a_client_begins_with_the_brokers_that_another_knows(opened: Counter[str]) -> None:
    known, one = client("a", "b"), client()
    begin_like(one, known)
    await one.bootstrap()
    assert {broker.host for broker in one.cluster.brokers()} == {"a", "b"}
    assert not opened
    await reach(one)
    assert opened == {"a": 1, "b": 1}
    await one.close()


async def test_where_none_is_known_yet_it_asks_as_ever(opened: Counter[str]) -> None:
    asked: list[str] = []
    one = client()

    async def bootstrap() -> None:
        asked.append("plain")

    one.bootstrap = bootstrap
    begin_like(one, client())
    await one.bootstrap()
    assert asked == ["plain"]
