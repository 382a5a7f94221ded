"""Fewer connections of a process that begins, and all of them at once.

aiokafka 0.14 opens a client's connections one after the other, under one lock. So a broker that lets a connection hang
holds up those to all others, and a process that begins waits for the handshakes of TLS and SASL with each in turn. And
each client begins with a connection of its own that only asks who the brokers are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from aiokafka.client import ConnectionGroup

if TYPE_CHECKING:
    from aiokafka import AIOKafkaClient


def use_parallel_connections(client: AIOKafkaClient) -> None:
    """Have this client open connections to several brokers at once, one to each. To be called before it is started."""
    plain = client._get_conn
    turns: defaultdict[tuple[Any, Any], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(node: Any, *, group: Any = ConnectionGroup.DEFAULT, no_hint: bool = False) -> Any:
        known = client._conns.get((node, group))
        if known is not None and known.connected():
            return known
        async with turns[node, group]:
            return await plain(node, group=group, no_hint=no_hint)

    client._get_conn_lock_value = contextlib.nullcontext()
    client._get_conn = get


def begin_like(client: AIOKafkaClient, known: AIOKafkaClient) -> None:
    """Have this client begin with the brokers that another one, which was started, has heard of."""
    plain = client.bootstrap

    async def bootstrap() -> None:
        brokers = known.cluster._brokers
        if not brokers:
            await plain()
            return
        client.cluster._brokers = dict(brokers)
        if client._sync_task is None:
            client._sync_task = asyncio.create_task(client._md_synchronizer())

    client.bootstrap = bootstrap


async def reach(client: AIOKafkaClient) -> None:
    """Open the connections to all brokers; one that does not answer is left to whoever needs it."""
    await asyncio.gather(*(client.ready(broker.nodeId) for broker in client.cluster.brokers()))
