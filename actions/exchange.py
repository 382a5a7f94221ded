"""One HTTP call and what came of it, as an outcome."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Coroutine, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson
from multidict import CIMultiDict
from yarl import URL

from actions import spans
from actions.errors import RefusedAddressError
from runtime import tracing
from runtime.secrets import Secrets
from schemas.outcomes import ActionError, ErrorKind, Failed, Outcome, Succeeded

_MOST_READ = 64 * 1024
_MOST_TOLD = 2000
_DEEPEST = 100
"""orjson writes 254 levels, and an output is kept some levels down in commands and entries."""
_RETRIED = frozenset({408, 409, 425, 429})
_LONGEST_WAIT = 7 * 86400.0
_SECONDS = re.compile(r"\d{1,12}(\.\d{1,9})?")
_TRUNCATED = {"truncated": True}


def new_session(connector: aiohttp.BaseConnector, seconds: float) -> aiohttp.ClientSession:
    """A session that keeps nothing between calls: no cookies, no proxies or passwords from the environment."""
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=seconds),
        # Answers are small, and one that was never inflated can't be a bomb.
        auto_decompress=False,
        trust_env=False,
    )


class Exchange:
    """Calls by HTTP over one session; every answer and error is cleared of secrets before it is told.

    `secret_paths` says that a URL's path may be a secret, as those of chats are: then a trace has the host alone.
    """

    def __init__(
        self, session: aiohttp.ClientSession, secrets: Secrets, seconds: float, *, secret_paths: bool = False
    ) -> None:
        self._session = session
        self._secrets = secrets
        self._seconds = seconds
        self._secret_paths = secret_paths

    def send(
        self, method: str, url: URL, headers: CIMultiDict[str], body: bytes, hidden: Sequence[str] = ()
    ) -> Coroutine[Any, Any, Outcome]:
        """The outcome of a call. `hidden` are texts of this call that must not be told, such as a secret URL."""
        if tracing.active is None or (caller := tracing.CURRENT.get()) is None:
            return self._sent(method, url, headers, body, hidden)
        return self._traced(caller, method, url, headers, body, hidden)

    async def _traced(
        self,
        caller: tracing.Span,
        method: str,
        url: URL,
        headers: CIMultiDict[str],
        body: bytes,
        hidden: Sequence[str],
    ) -> Outcome:
        with spans.calling(caller, method, url, headers, secret_path=self._secret_paths) as span:
            outcome = await self._sent(method, url, headers, body, hidden, span)
            spans.told(span, outcome)
            return outcome

    async def _sent(
        self,
        method: str,
        url: URL,
        headers: CIMultiDict[str],
        body: bytes,
        hidden: Sequence[str],
        span: tracing.Span | None = None,
    ) -> Outcome:
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                raw = await _read(response)
                status, answered = response.status, response.headers
                if span is not None:
                    span.attributes["http.response.status_code"] = status
        except Exception as error:  # noqa: BLE001 - sorted by `_not_answered`; a bug of ours is raised again there
            return self._not_answered(error, url)
        if 200 <= status < 300:
            return Succeeded(self._output(raw, hidden))
        return self._refused(url, status, raw, answered, hidden)

    def _output(self, raw: bytes | None, hidden: Sequence[str]) -> Any:
        if raw is None:
            return dict(_TRUNCATED)
        if not raw:
            return {}
        try:
            output = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return {}
        if raw.count(b"[") + raw.count(b"{") > _DEEPEST and _depth(raw) > _DEEPEST:
            return dict(_TRUNCATED)
        return self._secrets.redact_json(output, hidden) if self._secrets.may_be_in(raw, hidden) else output

    def _refused(self, url: URL, status: int, raw: bytes | None, headers: Any, hidden: Sequence[str]) -> Failed:
        host = place(url)
        if 300 <= status < 400:
            message = f"{host} answered with a redirect ({status}), and redirects are not followed"
        else:
            message = f"{host} answered {status}"
        error: ActionError = {"kind": "http", "message": message, "status": status}
        body = self._told(raw, hidden)
        if body:
            error["body"] = body
        retryable = status in _RETRIED or status >= 500
        return Failed(error, retryable, retry_after(headers.get("Retry-After")) if retryable else None)

    def _told(self, raw: bytes | None, hidden: Sequence[str]) -> str:
        """The start of an answer as text, without secrets; Postgres and people can do without NUL."""
        if not raw:
            return ""
        text = self._secrets.redact(raw.decode("utf-8", "replace"), hidden)
        if b"\\" in raw:
            # Escapes can spell a secret in many ways: only what the JSON says can tell.
            try:
                said = orjson.loads(raw)
                clean = self._secrets.redact_json(said, hidden)
                text = text if clean == said else orjson.dumps(clean).decode()
            except orjson.JSONDecodeError:
                pass
            except (RecursionError, TypeError):
                text = ""
        return text.replace("\x00", "\ufffd")[:_MOST_TOLD]

    def _not_answered(self, error: Exception, url: URL) -> Failed:
        refusal = refusal_in(error)
        if refusal is not None:
            return _failed("refused", f"{url.host}: {refusal}", retryable=False)
        if isinstance(error, asyncio.TimeoutError):
            return _failed("timeout", f"no answer from {place(url)} in {self._seconds:g} s")
        if isinstance(error, aiohttp.InvalidURL):
            return _failed("parameters", "the URL can't be called", retryable=False)
        if isinstance(error, aiohttp.ClientError | OSError):
            return _failed("connection", _lost(error, url))
        if isinstance(error, ValueError):
            # aiohttp says so of a line break in a header.
            return _failed("parameters", "a header has a character that HTTP does not allow", retryable=False)
        raise error


def _lost(error: Exception, url: URL) -> str:
    """Why there was no connection, or no answer on it."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name {url.host} can't be resolved"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"the certificate of {place(url)} is not trusted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"can't connect to {place(url)}: {_reason(error.os_error)}"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError | aiohttp.ClientOSError):
        return f"{place(url)} closed the connection before it answered"
    return f"{place(url)} did not answer as HTTP asks ({type(error).__name__})"


def place(url: URL) -> str:
    """The host and port of a URL: the part of it that may be told."""
    return f"{url.host}:{url.port}"


def retry_after(value: str | None) -> float | None:
    """The seconds that a Retry-After header asks for, from a number or an HTTP date; None where it says nothing."""
    if not value:
        return None
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), _LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(wait, 0.0), _LONGEST_WAIT)


def refusal_in(error: BaseException) -> RefusedAddressError | None:
    """The guard's refusal, if that is what stopped a connection."""
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return inner if isinstance(inner, RefusedAddressError) else None


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The answer's body, or None where it is longer than what is kept."""
    length = response.content_length
    if length is not None and length <= _MOST_READ:
        return await response.read()
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        parts.append(part)
        if size > _MOST_READ:
            response.close()
            return None if response.status < 300 else b"".join(parts)[:_MOST_READ]
    return b"".join(parts)


def _failed(kind: ErrorKind, message: str, *, retryable: bool = True) -> Failed:
    return Failed({"kind": kind, "message": message}, retryable)


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__) if error.errno else type(error).__name__


_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]')


def _depth(raw: bytes) -> int:
    """How deep a JSON document nests; brackets inside texts don't count."""
    deepest = now = 0
    for match in _BRACKETS.finditer(raw):
        if match[0] in b"[{":
            now += 1
            deepest = max(deepest, now)
        elif match[0] in b"]}":
            now -= 1
    return deepest
