"""The mail server stand-in: takes every message and keeps it."""

from __future__ import annotations

import asyncio
import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP

from sandbox.modules.ledger import Ledger

MODULE = "mail"
_LARGEST = 16 * 2**20  # bytes of a message


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as it came."""

    to: tuple[str, ...]
    subject: str
    text: str
    headers: dict[str, str]


class MailSink:
    """An SMTP server without authentication; refuses what the ledger's rules for module `mail` say (path `/`)."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._server: asyncio.Server | None = None
        self.messages: list[Mail] = []

    async def start(self, host: str, port: int) -> None:
        """Listen."""
        self._server = await asyncio.get_running_loop().create_server(self._session, host, port)

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    def _session(self) -> SMTP:
        return SMTP(
            self,
            data_size_limit=_LARGEST,
            enable_SMTPUTF8=True,
            hostname="mail.sandbox",
            loop=asyncio.get_running_loop(),
        )

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802, ARG002 - aiosmtpd's hook
        """Take one message."""
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        if not isinstance(message, EmailMessage):
            return "554 this is no message"
        key = str(message.get("Message-ID") or "").strip()
        self._ledger.delivered[MODULE, key] += 1
        rule = self._ledger.fault(MODULE, "/")
        if rule is not None:
            await asyncio.sleep(rule.delay)
            if rule.status is not None:
                self._ledger.answers[MODULE, "DATA", rule.status] += 1
                return f"{rule.status if 400 <= rule.status < 600 else 451} out of order, as the sandbox was told to be"
        part = message.get_body(("plain", "html"))
        text = part.get_content() if part is not None else ""
        headers = {name: str(value) for name, value in message.items()}
        self.messages.append(Mail(tuple(envelope.rcpt_tos), str(message["Subject"] or ""), text, headers))
        self._ledger.performed[MODULE, key] += 1
        self._ledger.answers[MODULE, "DATA", 250] += 1
        return "250 OK"
