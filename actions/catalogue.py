"""All actions by name, and the connections that they share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver

from actions.action import Action
from actions.add_tag import AddTag
from actions.create_note import CreateNote
from actions.create_ticket import CreateTicket
from actions.escalate_on_call import EscalateOnCall
from actions.exchange import Exchange, new_session
from actions.guard import Guard, NameService
from actions.module_api import ModuleApi
from actions.outbound import Outbound
from actions.run_script import RunScript
from actions.send_notification import SendNotification
from actions.smtp import Mailer, MailServer
from actions.update_field import UpdateField
from actions.update_ticket import UpdateTicket
from actions.webhook import Webhook
from runtime.secrets import Secrets
from runtime.settings import Settings

__all__ = ["Action", "Services", "build_actions", "open_services"]


@dataclass(slots=True, frozen=True)
class Services:
    """What the actions work with: connections to modules, to places outside, and to the mail server."""

    modules: ModuleApi
    outbound: Outbound
    mailer: Mailer | None
    mail_from: str
    secrets: Secrets


@asynccontextmanager
async def open_services(
    settings: Settings, *, environ: Mapping[str, str] | None = None, resolver: AbstractResolver | None = None
) -> AsyncIterator[Services]:
    """The services, for as long as the context lasts; connections are made when they are needed.

    `environ` is where secrets are looked up (by default the process's environment), `resolver` what turns the names
    of webhooks into addresses (by default the system).
    """
    seconds = settings.action_timeout
    token = settings.module_token.get_secret_value() if settings.module_token else None
    server, password = _mail_server(settings)
    secrets = Secrets(settings.secrets_dir, environ, [value for value in (token, password) if value])
    async with AsyncExitStack() as stack:
        # 4 s: Node and uvicorn close idle connections after 5, and a POST must not run into that.
        pool = aiohttp.TCPConnector(limit=256, keepalive_timeout=4.0)
        session = await stack.enter_async_context(new_session(pool, seconds))
        guard, names = Guard(settings.webhook_allow), resolver or NameService()
        exchanges = {}
        for scheme in ("https", "http"):
            guarded = await stack.enter_async_context(new_session(guard.connector(scheme, names), seconds))
            exchanges[scheme] = Exchange(guarded, secrets, seconds, secret_paths=True)
        stack.push_async_callback(names.close)
        mailer = Mailer(server, secrets, seconds) if server else None
        if mailer:
            stack.push_async_callback(mailer.close)
        bases = {
            "ONESTACK_PSA_URL": settings.psa_url,
            "ONESTACK_RMM_URL": settings.rmm_url,
            "ONESTACK_HUB_URL": settings.hub_url,
            "ONESTACK_ONCALL_URL": settings.oncall_url,
        }
        yield Services(
            modules=ModuleApi(Exchange(session, secrets, seconds), bases, token),
            outbound=Outbound(guard, exchanges, secrets),
            mailer=mailer,
            mail_from=settings.mail_from,
            secrets=secrets,
        )


def build_actions(services: Services) -> dict[str, Action]:
    """Every action but `delay`, which is a timer of the engine's, by its name in definitions."""
    modules, outbound = services.modules, services.outbound
    actions: list[Action] = [
        CreateTicket(modules),
        UpdateTicket(modules),
        SendNotification(modules, outbound, services.mailer, services.mail_from),
        EscalateOnCall(modules),
        UpdateField(modules),
        RunScript(modules),
        CreateNote(modules),
        AddTag(modules),
        Webhook(outbound),
    ]
    return {action.name: action for action in actions}


def _mail_server(settings: Settings) -> tuple[MailServer | None, str | None]:
    if settings.smtp_url is None:
        return None, None
    try:
        server = MailServer.from_url(settings.smtp_url.get_secret_value())
    except ValueError:
        return None, settings.smtp_url.get_secret_value()
    return server, server.password
