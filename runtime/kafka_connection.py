"""One flaw of aiokafka 0.14 under uvloop, mended where it is: what a closed connection raises.

uvloop raises RuntimeError for a write to a transport that is closed already; aiokafka expects an OSError there, and a
RuntimeError ends its fetcher and its sender for good (https://github.com/aio-libs/aiokafka/issues/1038). A worker would
stop working when a broker is killed at the wrong moment.
"""

from __future__ import annotations

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

_plain_send = AIOKafkaConnection.send


def mend() -> None:
    """Have every connection tell a write after its end as aiokafka's own error; calling it again changes nothing."""
    AIOKafkaConnection.send = _send


def _send(self: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Any:
    try:
        return _plain_send(self, request, expect_response)
    except RuntimeError as error:
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"the connection is closed: {error}") from error
