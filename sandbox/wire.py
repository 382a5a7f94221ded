"""Just enough of the Kafka protocol to ask, without a client library's patience, whether a broker is in service."""

from __future__ import annotations

import socket
import struct

_METADATA = 3
_VERSION = 1
_CLIENT = b"sandbox"
_MAX_ANSWER = 1 << 20


def answers(host: str, port: int) -> bool:
    """True once the broker answers a metadata request with at least one live broker and a controller."""
    try:
        with socket.create_connection((host, port), 1) as connection:
            connection.settimeout(2)
            header = struct.pack(">hhih", _METADATA, _VERSION, 1, len(_CLIENT)) + _CLIENT
            request = header + struct.pack(">i", 0)  # no topics
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _read(connection, 4))
            return 0 < size <= _MAX_ANSWER and _in_service(_read(connection, size))
    except (OSError, struct.error, EOFError):
        return False


def _in_service(answer: bytes) -> bool:
    _, brokers = struct.unpack_from(">ii", answer)
    at = 8
    for _ in range(brokers):  # node id, host, port, rack (nullable)
        (length,) = struct.unpack_from(">h", answer, at + 4)
        at += 4 + 2 + length + 4
        (length,) = struct.unpack_from(">h", answer, at)
        at += 2 + max(length, 0)
    (controller,) = struct.unpack_from(">i", answer, at)
    return brokers > 0 and int(controller) >= 0


def _read(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
