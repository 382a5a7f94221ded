"""Two flaws of aiokafka 0.14 and a cost, mended where they are.

What a closed connection raises under uvloop: uvloop raises RuntimeError for a write to a transport that is closed
already; aiokafka expects an OSError there, and a RuntimeError ends its fetcher and its sender for good
(https://github.com/aio-libs/aiokafka/issues/1038). A worker would stop working when a broker is killed at the wrong
moment.

Why a broker lets nobody in: aiokafka tells a wrong password or a certificate that nobody trusts to its own log alone,
and says to its caller that it could not connect. `refusal()` remembers the reason.

What SCRAM makes of a password is made anew for each connection, thousands of hashes each time, and a worker begins with
a dozen connections. It stays the same as long as the broker's salt does, and may be kept (RFC 5802, section 5.1).
"""

from __future__ import annotations

import hashlib
import ssl
from functools import lru_cache
from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason, ScramAuthenticator
from aiokafka.errors import KafkaConnectionError, KafkaError

_plain_send = AIOKafkaConnection.send
_plain_connect = AIOKafkaConnection.connect
_refusals: list[str] = []
"""The reason of the last connection that was refused, none where one was made since."""


def mend() -> None:
    """Have every connection tell what it should; calling it again changes nothing."""
    AIOKafkaConnection.send, AIOKafkaConnection.connect = _send, _connect
    ScramAuthenticator.create_salted_password = _salt


def refusal() -> str | None:
    """Why a broker did not let this process in when it last tried: its certificate, our password, our token.

    None where it let us in, or could not be reached at all.
    """
    return _refusals[-1] if _refusals else None


def reason_of(error: BaseException) -> str:
    """The error in words, or why a broker does not let us in, which aiokafka's own error does not say."""
    refused = refusal() if isinstance(error, KafkaConnectionError) else None
    return refused or str(error) or type(error).__name__


async def _connect(self: AIOKafkaConnection) -> Any:
    try:
        made = await _plain_connect(self)
    except ssl.SSLError as error:
        told = error.reason.replace("_", " ").lower() if error.reason else str(error)
        why = f": {error.verify_message}" if isinstance(error, ssl.SSLCertVerificationError) else ""
        _refusals[:] = [f"TLS with {self.host}:{self.port} failed: {told}{why}"]
        raise
    except KafkaError as error:
        _refusals[:] = [str(error)]
        raise
    except (OSError, TimeoutError):
        _refusals.clear()
        raise
    _refusals.clear()
    return made


def _send(self: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Any:
    try:
        return _plain_send(self, request, expect_response)
    except RuntimeError as error:
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"the connection is closed: {error}") from error


def _salt(self: ScramAuthenticator, salt: bytes, iterations: int) -> None:
    self._salted_password = _salted(self._hashname, self._sasl_plain_password, salt, iterations)


# One for each broker that has a salt of its own.
_salted = lru_cache(maxsize=16)(hashlib.pbkdf2_hmac)
