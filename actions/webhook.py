"""webhook: a POST to a URL of the customer's choice, signed as Standard Webhooks says."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Any

import orjson
from standardwebhooks import Webhook as Signer

from actions.errors import CannotPerformError
from actions.outbound import Outbound
from runtime.secrets import PREFIX, is_reference
from schemas.outcomes import Call, Outcome

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SCHEME_AND_SECRET = re.compile(r"([A-Za-z][A-Za-z0-9-]* )(secret:\S+)")
_MOST_HEADERS = 50
# What frames the message or steers proxies is not the caller's, and the signature is ours.
_RESERVED = frozenset(
    {
        *("connection", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("accept-encoding", "content-encoding", "content-length"),
        *("webhook-id", "webhook-signature", "webhook-timestamp"),
    }
)


class Webhook:
    """A guarded POST of `body` (by default the event) with `headers`, signed where there is a `secret`."""

    name = "webhook"

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def perform(self, call: Call) -> Outcome:
        """The receiver's answer."""
        given = call.input
        try:
            body, kind = _body(given.get("body"), call.event)
            headers, hidden = self._headers(given.get("headers"), call.org)
            headers.setdefault("content-type", kind)
            now = datetime.now(UTC)
            headers["webhook-id"] = call.command_id
            headers["webhook-timestamp"] = str(int(now.timestamp()))
            if given.get("secret"):
                signer, secret = self._signer(given["secret"], call.org)
                hidden.append(secret)
                headers["webhook-signature"] = signer.sign(call.command_id, now, body.decode())
            return await self._outbound.post(given.get("url"), headers.items(), body, hidden, org=call.org)
        except CannotPerformError as error:
            return error.failed()

    def _signer(self, given: Any, org: str) -> tuple[Signer, str]:
        if not is_reference(given):
            raise CannotPerformError("parameters", "secret has to be secret:NAME")
        secret = self._outbound.reveal(given, org)
        key = secret.removeprefix("whsec_")
        try:
            base64.b64decode(key + "=" * (-len(key) % 4), validate=True)
            return Signer(secret), secret
        except (binascii.Error, ValueError, RuntimeError):
            raise CannotPerformError("secret", "the signing secret is not whsec_ and base64") from None

    def _headers(self, given: Any, org: str) -> tuple[dict[str, str], list[str]]:
        """The caller's headers by their lower-case names with the secrets put in, and those secrets."""
        if given is None or given == "":
            return {}, []
        if not isinstance(given, dict) or len(given) > _MOST_HEADERS:
            raise CannotPerformError("parameters", f"headers has to be an object of at most {_MOST_HEADERS} texts")
        headers: dict[str, str] = {}
        hidden: list[str] = []
        for name, value in given.items():
            if not _TOKEN.fullmatch(name):
                raise CannotPerformError("parameters", f"headers: {name[:60]!r} is not a header's name")
            if name.lower() in _RESERVED:
                raise CannotPerformError("parameters", f"headers: {name} can't be set")
            headers[name.lower()] = self._value(name, value, org, hidden)
        return headers, hidden

    def _value(self, name: str, value: Any, org: str, hidden: list[str]) -> str:
        text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
        if not isinstance(text, str):
            raise CannotPerformError("parameters", f"headers: {name} has to be text")
        scheme = _SCHEME_AND_SECRET.fullmatch(text)
        before, reference = (scheme[1], scheme[2]) if scheme else ("", text)
        if reference.startswith(PREFIX):
            secret = self._outbound.reveal(reference, org)
            hidden.append(secret)
            text = before + secret
        if _UNSAFE.search(text):
            raise CannotPerformError("parameters", f"headers: {name} has a line break or control character")
        return text


def _body(given: Any, event: dict[str, Any]) -> tuple[bytes, str]:
    """What to send, and its media type: text that isn't JSON says so, unless the caller knows better."""
    if not isinstance(given, str):
        return orjson.dumps(event if given is None else given), "application/json"
    try:
        raw = given.encode()
    except UnicodeEncodeError:
        raise CannotPerformError("parameters", "body is not valid text") from None
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw, "text/plain; charset=utf-8"
    return raw, "application/json"
