"""Where webhooks and chats may go: public addresses by https, and whatever the allow-list names.

An address is judged where it counts: each answer of the name service before it is used, and once more the very
address that a socket is about to be connected to. So a name that changes its answer in between gains nothing, and
no way of writing an address (decimal, octal, mapped into IPv6) escapes the check.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from actions.errors import CannotPerformError, RefusedAddressError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LONGEST_URL = 8192
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# Global in the registry, and yet never a place for a webhook: 6to4 relays and tunnels that carry an address inside.
_SPECIAL: tuple[Network, ...] = (
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv6Network("2001::/32"),
    ipaddress.IPv6Network("2002::/16"),
)


def unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (mapped, compatible, 6to4, NAT64), or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether an address belongs to the open internet."""
    real = unwrapped(address)
    if isinstance(real, ipaddress.IPv6Address) and real not in _GLOBAL_UNICAST:
        return False
    if real.is_multicast or real.is_reserved or any(real in network for network in _SPECIAL):
        return False
    return real.is_global and not real.is_private


class Guard:
    """The rule: what may be reached by https, and what by plain http."""

    def __init__(self, allow: Sequence[Network] = ()) -> None:
        self._allow = tuple(allow)

    def is_allowed(self, address: Address) -> bool:
        """Whether the allow-list names an address."""
        real = unwrapped(address)
        return any(one in network for network in self._allow for one in (address, real))

    def check_address(self, text: str, scheme: str) -> None:
        """Raises RefusedAddressError unless the address may be reached by that scheme."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise RefusedAddressError("its address can't be read") from None
        if self.is_allowed(address):
            return
        if scheme != "https":
            raise RefusedAddressError("plain http is only for addresses in ONESTACK_WEBHOOK_ALLOW: use https")
        if not is_public(address):
            raise RefusedAddressError("its address is not public, nor in ONESTACK_WEBHOOK_ALLOW")

    def check_url(self, text: object) -> URL:
        """The URL to call. Raises CannotPerformError; the message doesn't contain the URL, which may be a secret."""
        if not isinstance(text, str) or not text.strip():
            raise CannotPerformError("parameters", "the URL is empty")
        if len(text) > _LONGEST_URL:
            raise CannotPerformError("parameters", f"the URL is longer than {_LONGEST_URL} characters")
        try:
            url = URL(text.strip())
            host, port = url.raw_host, url.port
        except (ValueError, TypeError):
            raise CannotPerformError("parameters", "the URL can't be read") from None
        if url.scheme not in {"https", "http"}:
            raise CannotPerformError("refused", "the URL has to begin with https://")
        if not host or not port or not _HOST.fullmatch(host):
            raise CannotPerformError("parameters", "the URL has no host or port that can be called")
        if url.user is not None or url.password is not None:
            raise CannotPerformError("refused", "the URL contains a user or password: use a header with secret:NAME")
        if url.scheme == "http" and not self._allow:
            raise CannotPerformError("refused", f"{host}: plain http is not allowed: use https")
        self._check_literal(host, url.scheme)
        return url.with_fragment(None)

    def _check_literal(self, host: str, scheme: str) -> None:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return
        try:
            self.check_address(host, scheme)
        except RefusedAddressError as error:
            raise CannotPerformError("refused", f"{host}: {error}") from None

    def connector(self, scheme: str, resolver: AbstractResolver) -> TCPConnector:
        """A connection pool for one scheme, whose every connection has passed the check."""
        return TCPConnector(
            limit=256,
            keepalive_timeout=4.0,
            resolver=CheckedResolver(self, scheme, resolver),
            socket_factory=self._socket_factory(scheme),
        )

    def _socket_factory(self, scheme: str) -> Callable[[tuple[Any, ...]], socket.socket]:
        def checked(info: tuple[Any, ...]) -> socket.socket:
            family, kind, proto, _, address = info
            self.check_address(str(address[0]), scheme)
            return socket.socket(family=family, type=kind, proto=proto)

        return checked


class CheckedResolver(AbstractResolver):
    """Answers of a resolver, of which each address may be reached: one bad address refuses the name."""

    def __init__(self, guard: Guard, scheme: str, inner: AbstractResolver) -> None:
        self._guard = guard
        self._scheme = scheme
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises RefusedAddressError, or OSError where the name is unknown."""
        found = await self._inner.resolve(host, port, family)
        for one in found:
            self._guard.check_address(one["host"], self._scheme)
        return found

    async def close(self) -> None:
        """Closes the resolver behind."""
        await self._inner.close()


class NameService(AbstractResolver):
    """The system's name resolution on threads of its own, so that slow names hold up nobody else."""

    def __init__(self, threads: int = 16) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises OSError where the name is unknown."""
        loop = asyncio.get_running_loop()
        infos = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, proto, _, address in infos
        ]

    async def close(self) -> None:
        """Lets the threads go; a look-up under way is left to end by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
