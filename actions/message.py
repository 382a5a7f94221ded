"""An e-mail message: addresses checked, headers that can't be broken out of, a stable Message-ID."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from actions.errors import CannotPerformError

_MOST_RECIPIENTS = 100
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_SPLIT = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


@dataclass(slots=True, frozen=True)
class Mail:
    """A message ready to be sent: who it is from and to on the envelope, and its bytes."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes


def compose(command_id: str, sender: Address, to: Any, subject: str, body: str, now: datetime) -> Mail:
    """A plain text mail. Raises CannotPerformError where an address is not one."""
    recipients = addresses(to)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = recipients
    # A line break from an event's data becomes a space: it can neither end the header nor stop the mail.
    message["Subject"] = _CONTROL.sub(" ", subject).strip()
    message["Date"] = now
    message["Message-ID"] = id = message_id(command_id, sender)
    message["Auto-Submitted"] = "auto-generated"
    try:
        message.set_content(body, charset="utf-8")
        content = message.as_bytes()
    except (ValueError, UnicodeError):
        raise CannotPerformError("parameters", "the text can't be written as an e-mail") from None
    return Mail(id, sender.addr_spec, tuple(one.addr_spec for one in recipients), content)


def message_id(command_id: str, sender: Address) -> str:
    """The Message-ID of a command: the same at each attempt, so that a mail sent twice can be known as one."""
    # Step paths may hold dots where the syntax has none; "+" is in no id of ours, so different ids stay different.
    head, _, path = command_id.rpartition(":")
    local = ".".join(part for part in (head.replace(":", "."), path.replace(".", "+")) if part)
    return f"<{re.sub(r'[^A-Za-z0-9+._-]', '_', local)}@{sender.domain}>"


def addresses(to: Any) -> tuple[Address, ...]:
    """The recipients in `to`: one address, several with commas, or a list. Raises CannotPerformError."""
    if isinstance(to, str):
        parts = [part for part in _SPLIT.split(to) if part.strip()]
    elif isinstance(to, list):
        parts = [part for one in to for part in (_SPLIT.split(one) if isinstance(one, str) else [one])]
    else:
        raise CannotPerformError("parameters", "to has to be an address or a list of addresses")
    found = tuple({one.addr_spec: one for one in (address(part) for part in parts)}.values())
    if not found:
        raise CannotPerformError("parameters", "to is empty: no address to send to")
    if len(found) > _MOST_RECIPIENTS:
        raise CannotPerformError("parameters", f"to has {len(found)} addresses; at most {_MOST_RECIPIENTS} are sent to")
    return found


def address(text: Any) -> Address:
    """One address, `a@b.example` or `Name <a@b.example>`. Raises CannotPerformError."""
    if not isinstance(text, str):
        raise CannotPerformError("parameters", "to has something that is not an address")
    text = text.strip()
    shown = _CONTROL.sub(" ", text)[:100]
    if not text:
        raise CannotPerformError("parameters", "to has an empty address")
    if _CONTROL.search(text):
        raise CannotPerformError("parameters", f"to has a line break or control character in an address: {shown!r}")
    named = _NAMED.fullmatch(text)
    name, bare = (named["name"].strip().strip('"').strip(), named["address"].strip()) if named else ("", text)
    local, at, domain = bare.rpartition("@")
    domain = _ascii_domain(domain)
    if not at or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain) or len(local) > 64 or len(domain) > 253:
        raise CannotPerformError("parameters", f"to has something that is not an address: {shown!r}")
    return Address(display_name=name, username=local, domain=domain)


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return ""
