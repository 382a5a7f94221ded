"""send_notification: an e-mail, a push notification, or a message in Teams or Slack."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.headerregistry import Address
from typing import Any

import orjson

from actions.errors import CannotPerformError
from actions.message import address, compose
from actions.module_api import ModuleApi
from actions.outbound import Outbound
from actions.smtp import Mailer
from schemas.chats import slack_message, teams_message
from schemas.outcomes import Call, Outcome
from schemas.requests import push

_CHATS: dict[str, Callable[[str, str], dict[str, Any]]] = {"teams": teams_message, "slack": slack_message}


class SendNotification:
    """SMTP, `POST {HUB}/v1/push`, or a POST to the incoming webhook that `to` names."""

    name = "send_notification"

    def __init__(self, modules: ModuleApi, outbound: Outbound, mailer: Mailer | None, mail_from: str) -> None:
        self._modules = modules
        self._outbound = outbound
        self._mailer = mailer
        self._mail_from = mail_from

    async def perform(self, call: Call) -> Outcome:
        """The Hub's or chat's answer; of a mail its `message_id` and the `accepted` addresses."""
        channel = call.input.get("channel")
        try:
            if channel == "email":
                return await self._mail(call)
            if channel == "push":
                return await self._modules.perform(call, push)
            if isinstance(channel, str) and channel in _CHATS:
                return await self._chat(call, _CHATS[channel])
            raise CannotPerformError("parameters", "channel has to be email, push, teams or slack")
        except CannotPerformError as error:
            return error.failed()

    async def _mail(self, call: Call) -> Outcome:
        if self._mailer is None:
            raise CannotPerformError("refused", "ONESTACK_SMTP_URL is not set, or is not smtp://… or smtps://…")
        subject, body = _text(call.input.get("subject")), _text(call.input.get("body"))
        mail = compose(call.command_id, self._sender(), call.input.get("to"), subject, body, datetime.now(UTC))
        return await self._mailer.send(mail)

    async def _chat(self, call: Call, written: Callable[[str, str], dict[str, Any]]) -> Outcome:
        message = written(_text(call.input.get("subject")), _text(call.input.get("body")))
        return await self._outbound.post(call.input.get("to"), (), orjson.dumps(message), org=call.org, is_secret=True)

    def _sender(self) -> Address:
        try:
            return address(self._mail_from)
        except CannotPerformError:
            raise CannotPerformError("refused", "ONESTACK_MAIL_FROM is not an address") from None


def _text(value: Any) -> str:
    """A rendered parameter as text: templates of one expression keep their type."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
