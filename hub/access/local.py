"""What can only come from, or lead to, this machine."""

from __future__ import annotations

import ipaddress
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import Request

_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def is_loopback(host: str) -> bool:
    """Whether this host or address, without a port, can only mean this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_local(request: Request) -> bool:
    """Whether the request was made on this machine, by an address that only this machine understands."""
    peer: Any = request.client
    host = urlsplit("//" + request.headers.get("host", "")).hostname or ""
    forwarded = any(name in request.headers for name in _FORWARDED)
    return peer is not None and is_loopback(peer.host) and is_loopback(host) and not forwarded
