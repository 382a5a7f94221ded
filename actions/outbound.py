"""Calls to places that the customer names: webhooks and chats, behind the guard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from multidict import CIMultiDict

from actions.errors import CannotPerformError
from actions.exchange import Exchange
from actions.guard import Guard
from runtime.secrets import Secrets, UnknownSecretError, is_reference, url_forms
from schemas.outcomes import Outcome


class Outbound:
    """POSTs to guarded URLs. `exchanges` are by scheme, since by plain http less may be reached than by https."""

    def __init__(self, guard: Guard, exchanges: Mapping[str, Exchange], secrets: Secrets) -> None:
        self._guard = guard
        self._exchanges = exchanges
        self._secrets = secrets

    def reveal(self, reference: str, org: str) -> str:
        """The value that a `secret:NAME` has for an organisation. Raises CannotPerformError."""
        try:
            return self._secrets.resolve(reference, org)
        except UnknownSecretError as error:
            raise CannotPerformError("secret", str(error)) from None

    async def post(
        self,
        url: object,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        hidden: Iterable[str] = (),
        *,
        org: str,
        is_secret: bool = False,
    ) -> Outcome:
        """The outcome of a POST. `url` may be a `secret:NAME` of `org`.

        Raises CannotPerformError before anything is sent.

        None of `hidden` is told in the outcome, even where the other side echoes it; nor is the URL if it
        `is_secret` or comes from a secret.
        """
        text = self.reveal(str(url), org) if is_reference(url) else url
        target = self._guard.check_url(text)
        complete = CIMultiDict(headers)
        complete.setdefault("Content-Type", "application/json")
        complete.setdefault("User-Agent", "onestack-workflow-engine")
        complete["Accept-Encoding"] = "identity"
        hide = list(hidden)
        if is_secret or is_reference(url):
            hide += [str(text), str(target), *url_forms(str(text)), *url_forms(str(target))]
        return await self._exchanges[target.scheme].send(
            "POST", target, complete, body, sorted(set(hide), key=len, reverse=True)
        )
