"""Where notifications end: Teams and Slack incoming webhooks, and a receiver of signed webhooks."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from sandbox.modules.ledger import Ledger
from sandbox.modules.service import Module, ProblemError, Route, body_of
from sandbox.modules.world import World

_CARD = "application/vnd.microsoft.card.adaptive"


class Teams(Module):
    """A Teams incoming webhook: a message with an Adaptive Card, or a MessageCard, as Microsoft documents them."""

    name = "teams"
    bearer = False

    def __init__(self, world: World, ledger: Ledger, token: str = "") -> None:
        super().__init__(world, ledger, token)
        self.messages: list[dict[str, Any]] = []

    def routes(self) -> list[Route]:
        return [("POST", "/webhookb2/{hook}", self._post)]

    async def _post(self, request: web.Request) -> tuple[int, Any]:
        if request.match_info["hook"] != self._token:
            raise ProblemError(404, "there is no such webhook")
        body = await body_of(request)
        if body.get("@type") == "MessageCard":
            if not (body.get("text") or body.get("summary")):
                raise ProblemError(400, "Summary or Text is required.")
        else:
            _check_cards(body)
        self.messages.append(body)
        return 200, "1"


class Slack(Module):
    """A Slack incoming webhook: `text`, or `blocks` of which each has a type."""

    name = "slack"
    bearer = False

    def __init__(self, world: World, ledger: Ledger, token: str = "") -> None:
        super().__init__(world, ledger, token)
        self.messages: list[dict[str, Any]] = []

    def routes(self) -> list[Route]:
        return [("POST", "/services/T0SANDBOX/B0SANDBOX/{hook}", self._post)]

    async def _post(self, request: web.Request) -> tuple[int, Any]:
        if request.match_info["hook"] != self._token:
            raise ProblemError(404, "no_service")
        body = await body_of(request)
        text, blocks = body.get("text"), body.get("blocks")
        if not (isinstance(text, str) and text.strip()) and not blocks:
            raise ProblemError(400, "no_text")
        if blocks is not None and not (
            isinstance(blocks, list) and all(isinstance(b, dict) and "type" in b for b in blocks)
        ):
            raise ProblemError(400, "invalid_blocks")
        self.messages.append(body)
        return 200, "ok"


class Receiver(Module):
    """A customer's endpoints: /hooks wants a valid Standard Webhooks signature, /open takes all, /retired is gone."""

    name = "webhook"
    bearer = False

    def __init__(self, world: World, ledger: Ledger, token: str = "") -> None:
        super().__init__(world, ledger, token)
        self.messages: list[Any] = []

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("webhook-id", "") or super().key_of(request)

    def routes(self) -> list[Route]:
        return [
            ("POST", "/hooks/{name}", self._signed),
            ("POST", "/open/{name}", self._open),
            ("POST", "/retired", self._retired),
        ]

    async def _signed(self, request: web.Request) -> tuple[int, Any]:
        raw = await request.read()
        try:
            self.messages.append(Webhook(self._token).verify(raw, dict(request.headers)))
        except WebhookVerificationError as error:
            raise ProblemError(401, f"the signature does not hold: {error}") from None
        except ValueError:
            raise ProblemError(400, "the body is not JSON") from None
        return 200, {"received": True}

    async def _open(self, request: web.Request) -> tuple[int, Any]:
        raw = await request.read()
        try:
            self.messages.append(orjson.loads(raw))
        except orjson.JSONDecodeError:
            self.messages.append(raw.decode(errors="replace"))
        return 200, {"received": True}

    async def _retired(self, _request: web.Request) -> tuple[int, Any]:
        raise ProblemError(410, "this endpoint was retired")


def _check_cards(body: dict[str, Any]) -> None:
    cards = body.get("attachments")
    if body.get("type") != "message" or not isinstance(cards, list) or not cards:
        raise ProblemError(400, "a message needs type message and attachments")
    for card in cards:
        if not isinstance(card, dict) or card.get("contentType") != _CARD or not isinstance(card.get("content"), dict):
            raise ProblemError(400, f"an attachment needs contentType {_CARD} and content")
        content = card["content"]
        if content.get("type") != "AdaptiveCard" or not content.get("version") or not content.get("body"):
            raise ProblemError(400, "an Adaptive Card needs type, version and body")
