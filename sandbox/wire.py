"""Just enough of the Kafka protocol to ask, without a client library's patience, whether a broker is in service."""

from __future__ import annotations

import socket
import struct

from sandbox.kafka_security import Door

_HANDSHAKE, _AUTHENTICATE, _METADATA = 17, 36, 3
_VERSION = 1
_CLIENT = b"sandbox"
_MAX_ANSWER = 1 << 20


def answers(host: str, port: int, door: Door | None = None) -> bool:
    """True once the broker answers a metadata request with at least one live broker and a controller."""
    try:
        with socket.create_connection((host, port), 1) as plain:
            plain.settimeout(2)
            if door is None:
                return _in_service(_ask(plain, _METADATA, _VERSION, struct.pack(">i", 0)))  # no topics
            with door.context.wrap_socket(plain, server_hostname=host) as connection:
                _sign_in(connection, door)
                return _in_service(_ask(connection, _METADATA, _VERSION, struct.pack(">i", 0)))
    except (OSError, struct.error, EOFError):
        return False


def _sign_in(connection: socket.socket, door: Door) -> None:
    _ask(connection, _HANDSHAKE, 1, struct.pack(">h", 5) + b"PLAIN")
    token = b"\0".join((b"", door.user.encode(), door.password.encode()))
    (code,) = struct.unpack_from(">h", _ask(connection, _AUTHENTICATE, 0, struct.pack(">i", len(token)) + token), 4)
    if code:
        raise EOFError


def _ask(connection: socket.socket, api: int, version: int, body: bytes) -> bytes:
    request = struct.pack(">hhih", api, version, 1, len(_CLIENT)) + _CLIENT + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    (size,) = struct.unpack(">i", _read(connection, 4))
    if not 0 < size <= _MAX_ANSWER:
        raise EOFError
    return _read(connection, size)


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
