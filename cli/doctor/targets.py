"""Whether what actions call can be reached: names, ports, certificates. Nothing is sent that has an effect."""

from __future__ import annotations

import asyncio
import datetime as dt
import email.utils
import ipaddress
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from cli.doctor.finding import Finding, fault, in_thread, ok, warning
from runtime.settings import Settings

_SECONDS: Final = 5.0
_EXPIRES_DAYS: Final = 14
MODULES: Final = ("psa", "rmm", "hub", "oncall")


class Place(NamedTuple):
    """Somewhere that is called: what it is called in findings, its variable, and where it is."""

    name: str
    variable: str
    host: str
    port: int
    tls: bool


class Reached(NamedTuple):
    """A place that answered: its certificate's end, and by how many seconds its clock is ahead of ours."""

    expires: dt.datetime | None
    skew: float | None


def place_of(name: str, variable: str, url: str) -> Place:
    """The place that a URL names. Raises ValueError where it names none."""
    parts = urlsplit(url)
    tls = parts.scheme in {"https", "smtps"}
    default = {"https": 443, "http": 80, "smtps": 465, "smtp": 25}.get(parts.scheme)
    if default is None or not parts.hostname:
        raise ValueError(variable)
    return Place(name, variable, parts.hostname, parts.port or default, tls)


async def modules(settings: Settings) -> Sequence[Finding]:
    """The modules' base URLs, and the mail server."""
    urls = {name: getattr(settings, f"{name}_url") for name in MODULES}
    found = [
        warning(
            "targets", f"ONESTACK_{name.upper()}_URL is not set: actions on that module fail.", "Set it, if it is used."
        )
        for name, url in urls.items()
        if not url
    ]
    looks = [_module(name, url, settings) for name, url in urls.items() if url]
    if settings.smtp_url is not None:
        looks.append(_mail(settings.smtp_url.get_secret_value()))
    for findings in await asyncio.gather(*looks):
        found += findings
    return found


async def _module(name: str, url: str, settings: Settings) -> list[Finding]:
    variable = f"ONESTACK_{name.upper()}_URL"
    try:
        place = place_of(f"the {name} module", variable, url)
    except ValueError:
        return [fault("targets", f"{variable} is no http or https URL.", f"Set {variable} to the module's base URL.")]
    found = await look_at(place, _ask_http)
    if not place.tls and settings.module_token is not None and not _is_local(place.host):
        todo = f"Let {variable} begin with https."
        found.append(warning("targets", f"The module token goes to {place.name} unencrypted.", todo))
    return found


async def _mail(url: str) -> list[Finding]:
    try:
        place = place_of("the mail server", "ONESTACK_SMTP_URL", url)
    except ValueError:
        return [
            fault("targets", "ONESTACK_SMTP_URL is no smtp or smtps URL.", "Write smtp://host:port or smtps://host.")
        ]
    return await look_at(place, _ask_mail)


async def look_at(place: Place, ask: Any) -> list[Finding]:
    """Name, port, certificate and answer, one after the other; the first that fails is the finding."""
    check, where = "targets", f"{place.name} at {place.host}:{place.port}"
    todo = f"See whether it runs and can be reached from here, and {place.variable}."
    try:
        async with asyncio.timeout(_SECONDS):
            await in_thread(socket.getaddrinfo, place.host, place.port, 0, socket.SOCK_STREAM)
    except socket.gaierror as error:
        detail = f"{where}: the name can't be resolved ({error.strerror})."
        return [fault(check, detail, f"Mend the name in {place.variable}, or DNS.")]
    except TimeoutError:
        return [fault(check, f"{where}: DNS does not answer within {_SECONDS:.0f} s.", "Mend DNS on this machine.")]
    try:
        async with asyncio.timeout(_SECONDS + 1):
            reached: Reached = await in_thread(ask, place)
    except ssl.SSLCertVerificationError as error:
        detail = f"{where}: its certificate is not good: {error.verify_message}."
        return [fault(check, detail, "Renew it, or add its authority to the system's (SSL_CERT_FILE).")]
    except ssl.SSLError as error:
        return [fault(check, f"{where}: TLS failed: {error.reason or 'no handshake'}.", todo)]
    except TimeoutError:
        return [fault(check, f"{where}: no answer within {_SECONDS:.0f} s.", todo)]
    except (OSError, smtplib.SMTPException) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return [fault(check, f"{where} can't be reached: {reason}.", todo)]
    return _told(where, reached)


def _told(where: str, reached: Reached) -> list[Finding]:
    if reached.expires is not None:
        left = reached.expires - dt.datetime.now(dt.UTC)
        if left < dt.timedelta(days=_EXPIRES_DAYS):
            return [warning("targets", f"{where}: its certificate ends in {left.days} days.", "Renew it.")]
        return [ok("targets", f"{where} answers; its certificate is good for {left.days} days.")]
    return [ok("targets", f"{where} answers.")]


def connected(place: Place) -> tuple[socket.socket, dt.datetime | None]:
    """A connection, encrypted where the place asks for that, and when its certificate ends."""
    plain = socket.create_connection((place.host, place.port), timeout=_SECONDS)
    if not place.tls:
        return plain, None
    try:
        secured = ssl.create_default_context().wrap_socket(plain, server_hostname=place.host)
    except BaseException:
        plain.close()
        raise
    ends = (secured.getpeercert() or {}).get("notAfter")
    seconds = ssl.cert_time_to_seconds(str(ends)) if ends else None
    return secured, dt.datetime.fromtimestamp(seconds, dt.UTC) if seconds is not None else None


def _ask_http(place: Place) -> Reached:
    """HEAD / has no effect on any server that keeps to HTTP; any answer at all will do."""
    connection, expires = connected(place)
    with connection:
        sent = time.time()
        connection.sendall(f"HEAD / HTTP/1.1\r\nHost: {place.host}\r\nConnection: close\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head and len(head) < 16_384 and (part := connection.recv(4096)):
            head += part
        came = time.time()
    if not head.startswith(b"HTTP/"):
        raise ConnectionAbortedError(None, "it does not speak HTTP")
    return Reached(expires, _skew(head, (sent + came) / 2))


def _skew(head: bytes, at: float) -> float | None:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"date":
            try:
                # A Date header has whole seconds, cut off: half a second later is the middle of what it can mean.
                return email.utils.parsedate_to_datetime(value.strip().decode("ascii")).timestamp() + 0.5 - at
            except (ValueError, UnicodeDecodeError):
                return None
    return None


def _ask_mail(place: Place) -> Reached:
    """The server's greeting, and good-bye."""
    connection, expires = connected(place)
    with connection:
        greeting = connection.recv(1024)
        if not greeting.startswith(b"220"):
            raise smtplib.SMTPException("it does not greet as a mail server does")
        connection.sendall(b"QUIT\r\n")
    return Reached(expires, None)


def module_clock(place: Place) -> float | None:
    """By how many seconds a module's clock is ahead of ours, to half a second; None where it does not tell."""
    return _ask_http(place).skew


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
