"""What can only come from, or lead to, this machine."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import Request

_FORWARDED: Final = frozenset((b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"))


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Whether this host or address, without a port, can only mean this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def _names_loopback(host: str) -> bool:
    """The same of a Host header, which may have a port."""
    try:
        return is_loopback(urlsplit("//" + host).hostname or "")
    except ValueError:
        return False


def is_local(request: Request) -> bool:
    """Whether the request was made on this machine, by an address that only this machine understands."""
    peer: Any = request.client
    if peer is None or not is_loopback(peer.host):
        return False
    hosts = [value for name, value in request.scope["headers"] if name == b"host"]
    forwarded = any(name in _FORWARDED for name, _ in request.scope["headers"])
    return len(hosts) == 1 and _names_loopback(hosts[0].decode("latin-1")) and not forwarded
