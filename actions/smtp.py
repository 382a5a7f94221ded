"""Mail delivery by SMTP over a few kept connections."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib

from actions import spans
from actions.errors import CannotPerformError
from actions.message import Mail
from runtime import tracing
from runtime.secrets import Secrets
from schemas.outcomes import ActionError, Failed, Outcome, Succeeded

_MOST_CONNECTIONS = 8
_IDLE = 30.0
"""Seconds that an unused connection is kept: mail servers close theirs after 1 to 5 minutes."""
_MOST_TOLD = 2000


@dataclass(slots=True, frozen=True)
class MailServer:
    """Where mail goes. `user` and `password` are for logging in; `tls` means from the first byte (smtps)."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None

    @property
    def is_local(self) -> bool:
        """Whether mail to it never leaves the machine."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @classmethod
    def from_url(cls, url: str) -> MailServer:
        """The server of `smtp://[user:password@]host[:port]` or `smtps://…`. Raises ValueError."""
        parts = urlsplit(url)
        host, user = parts.hostname, parts.username
        if parts.scheme not in {"smtp", "smtps"} or not host:
            raise ValueError("not an smtp:// or smtps:// URL")
        usual = 465 if parts.scheme == "smtps" else 587 if user else 25
        return cls(
            host=host,
            port=parts.port or usual,
            tls=parts.scheme == "smtps",
            user=unquote(user) if user else None,
            password=unquote(parts.password) if parts.password else None,
        )


class Mailer:
    """Sends mails, at most eight at a time, each over a connection that an earlier one has left if there is one."""

    def __init__(self, server: MailServer, secrets: Secrets, seconds: float) -> None:
        self._server = server
        self._secrets = secrets
        self._seconds = seconds
        self._idle: list[tuple[float, aiosmtplib.SMTP]] = []
        self._turns = asyncio.Semaphore(_MOST_CONNECTIONS)

    async def send(self, mail: Mail) -> Outcome:
        """The outcome of handing the mail to the server: `message_id`, `accepted` and `refused` addresses."""
        if tracing.active is None or (caller := tracing.CURRENT.get()) is None:
            return await self._sent(mail)
        with spans.mailing(caller, self._server.host, self._server.port) as span:
            outcome = await self._sent(mail)
            spans.told(span, outcome)
            return outcome

    async def _sent(self, mail: Mail) -> Outcome:
        try:
            async with asyncio.timeout(self._seconds), self._turns:
                return await self._delivered(mail)
        except CannotPerformError as error:
            return error.failed()
        except aiosmtplib.SMTPResponseException as error:
            return self._refusal(error.code, error.message)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            return self._lost("timeout", f"no answer from the mail server {self._place} in {self._seconds:g} s")
        except ssl.SSLError as error:
            return self._lost("connection", f"no TLS with the mail server {self._place}: {error.reason}")
        except (aiosmtplib.SMTPException, OSError) as error:
            reason = self._secrets.redact(str(error))[:200]
            return self._lost("connection", f"no connection to the mail server {self._place}: {reason}")

    async def close(self) -> None:
        """Closes the kept connections."""
        while self._idle:
            _, connection = self._idle.pop()
            connection.close()

    @property
    def _place(self) -> str:
        return f"{self._server.host}:{self._server.port}"

    async def _delivered(self, mail: Mail) -> Outcome:
        connection, is_kept = await self._take()
        done = False
        try:
            try:
                await connection.mail(mail.sender)
            except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPResponseException) as error:
                gone = not isinstance(error, aiosmtplib.SMTPResponseException) or error.code == 421
                if not (is_kept and gone):
                    raise
                # The server had closed the idle connection; nothing was sent yet, so a new one may try.
                connection.close()
                connection = await self._connected()
                await connection.mail(mail.sender)
            outcome = await self._transferred(connection, mail)
            done = True
            return outcome
        finally:
            self._give_back(connection) if done else connection.close()

    async def _transferred(self, connection: aiosmtplib.SMTP, mail: Mail) -> Outcome:
        accepted: list[str] = []
        refused: list[dict[str, Any]] = []
        for recipient in mail.recipients:
            try:
                await connection.rcpt(recipient)
                accepted.append(recipient)
            except aiosmtplib.SMTPRecipientRefused as error:
                told = self._secrets.redact(error.message)[:200]
                refused.append({"address": recipient, "status": error.code, "message": told})
        if not accepted:
            await connection.rset()
            # One that may be accepted later is reason enough to try again.
            first = next((one for one in refused if one["status"] < 500), refused[0])
            return self._refusal(first["status"], first["message"], first["address"])
        await connection.data(mail.content)
        output: dict[str, Any] = {"message_id": mail.id, "accepted": accepted}
        if refused:
            output["refused"] = refused
        return Succeeded(output)

    async def _take(self) -> tuple[aiosmtplib.SMTP, bool]:
        while self._idle:
            since, connection = self._idle.pop()
            if connection.is_connected and time.monotonic() - since < _IDLE:
                return connection, True
            connection.close()
        return await self._connected(), False

    def _give_back(self, connection: aiosmtplib.SMTP) -> None:
        if connection.is_connected:
            self._idle.append((time.monotonic(), connection))

    async def _connected(self) -> aiosmtplib.SMTP:
        server = self._server
        connection = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=self._seconds,
            use_tls=server.tls,
            # None: STARTTLS where it is offered. A mail server on the same machine seldom has a certificate to trust.
            start_tls=False if server.tls or server.is_local else None,
        )
        try:
            await connection.connect()
            if server.user is not None:
                if connection.get_transport_info("sslcontext") is None and not server.is_local:
                    raise CannotPerformError(
                        "refused", f"the mail server {self._place} offers no TLS: the password is not sent without it"
                    )
                await connection.login(server.user, server.password or "")
        except BaseException:
            connection.close()
            raise
        return connection

    def _refusal(self, code: int, text: str, recipient: str | None = None) -> Failed:
        about = f" {recipient}" if recipient else " the mail"
        error: ActionError = {
            "kind": "smtp",
            "message": f"the mail server {self._place} refused{about} ({code})",
            "status": code,
        }
        told = self._secrets.redact(text)[:_MOST_TOLD]
        if told:
            error["body"] = told
        return Failed(error, retryable=code < 500)

    def _lost(self, kind: Any, message: str) -> Failed:
        return Failed({"kind": kind, "message": message}, retryable=True)
