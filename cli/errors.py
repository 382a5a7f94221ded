"""Every failure as one sentence for the person at the terminal: what, where, and what to do about it."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from schemas.errors import Refused

if TYPE_CHECKING:
    from runtime.settings import Settings

FAILED = 1
USAGE = 2
_BUG = "internal error"
_UNREADABLE = "an address that can't be read"


class Failure(Exception):  # noqa: N818 - the word that the user reads
    """The command can't do what it was asked; the text is the sentence that the user gets."""

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code


def sentence_for(error: BaseException) -> str:
    """What the user is told of an error that no command turned into a Failure itself."""
    if isinstance(error, Failure | Refused):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {(error.strerror or 'not to be had').lower()}"
    if type(error).__module__.partition(".")[0] in {"sandbox", "projections", "actions", "streams", "engine", "hub"}:
        return str(error)
    return f"{_BUG}: {type(error).__name__}: {error}"


def is_bug(sentence: str) -> bool:
    """Whether this sentence tells of an error that nobody foresaw."""
    return sentence.startswith(_BUG)


def kafka_away(settings: Settings, error: BaseException) -> Failure:
    """Kafka can't be reached, or does not do what was asked."""
    return Failure(f"Kafka at {settings.broker} (ONESTACK_BROKER) does not answer: {_reason(error)}.")


def postgres_away(settings: Settings, error: BaseException) -> Failure:
    """Postgres can't be reached, or does not let us in; the password is never told."""
    url = settings.postgres_url.get_secret_value()
    if address_of(url) == _UNREADABLE:
        return Failure("ONESTACK_POSTGRES_URL: not a Postgres URL: write postgresql://user:password@host:port/db")
    reason = _reason(error)
    for secret in _passwords(url):
        reason = reason.replace(secret, "…")
    return Failure(f"Postgres at {address_of(url)} (ONESTACK_POSTGRES_URL) does not answer: {reason}.")


def _reason(error: BaseException) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, socket.gaierror):
        return "no such host"
    if type(error).__name__ == "KafkaConnectionError":
        from runtime.kafka_connection import refusal

        return (refusal() or "no connection to it").rstrip(".")
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        from runtime.postgres import trouble

        return trouble(error)
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def address_of(url: str) -> str:
    """Where a Postgres URL points, without user and password: `host:5432/db`, or `/socket/dir/db`."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in {"postgresql", "postgres"}:
            return _UNREADABLE
        host = parts.hostname or parse_qs(parts.query).get("host", [""])[0] or "localhost"
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return _UNREADABLE
    database = parts.path.strip("/")
    return f"{host}{port}/{database}".rstrip("/")


def _passwords(url: str) -> list[str]:
    try:
        given = [urlsplit(url).password, *parse_qs(urlsplit(url).query).get("password", [])]
    except ValueError:
        given = [url]
    return [one for one in given if one]
