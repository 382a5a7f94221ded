"""Who may do what at the Hub: every role at every route, with what is its organisation's and with what is another's.

The routes are read from the application itself, so that a route without a rule, or one with a parameter for which no
example is known here, fails.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi.routing import APIRoute

from hub.access.roles import PERMISSIONS, ROLES
from hub.access.rules import Rule
from hub.app import routers
from sandbox.process import free_port, tail
from tests.acceptance.house import House

MINE, OTHERS = "garnet", "opal"
MARK: Final = "zebra-9f3c"
"""Stands in everything that belongs to the other organisation."""
NOBODYS: Final = frozenset({"catalogue", "templates", "session"})
"""What is the same for all organisations, or the caller's own."""


class Route(NamedTuple):
    """A method of a route, with the rule that the route has."""

    method: str
    path: str
    rules: tuple[Rule, ...]

    @property
    def rule(self) -> Rule:
        return self.rules[0]


def _rules(dependant: Any) -> Iterator[Rule]:
    for one in dependant.dependencies:
        if isinstance(one.call, Rule):
            yield one.call
        yield from _rules(one)


ROUTES: Final = [
    Route(method, route.path, tuple(_rules(route.dependant)))
    for router in routers()
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods or ())
]
GUARDED: Final = [one for one in ROUTES if one.rules and not one.rule.public]


def _ids(route: Route) -> str:
    return f"{route.method} {route.path}"


class Answer(NamedTuple):
    status: int
    text: str


class Office(House):
    """The product with a Hub that trusts one issuer; `call` asks it as somebody of an organisation."""

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self._key = Ed25519PrivateKey.generate()
        self.examples: dict[str, dict[str, str]] = {}

    def open(self) -> None:
        self.start()
        public = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(self._key.public_key()))
        jwks = self.folder / "jwks.json"
        jwks.write_text(json.dumps({"keys": [{**public, "kid": "one", "alg": "EdDSA", "use": "sig"}]}))
        self.up("hub", ONESTACK_HUB_PORT=str(self.port), ONESTACK_JWKS=str(jwks))
        deadline = time.monotonic() + 60
        while not self._ready():
            assert time.monotonic() < deadline, f"the Hub is not ready: {tail(self.log('hub'), 20)}"
            time.sleep(0.2)

    def _ready(self) -> bool:
        try:
            return self.call("GET", "/readyz", None).status == 200
        except OSError:
            return False

    def token(self, org: str, role: str | None, permissions: list[str] | None = None) -> str:
        claims: dict[str, Any] = {"sub": "u-1", "name": "Robin", "org": org, "exp": int(time.time()) + 3600}
        claims |= {} if role is None else {"role": role}
        claims |= {} if permissions is None else {"permissions": permissions}
        return jwt.encode(claims, self._key, "EdDSA", headers={"kid": "one"})

    def call(self, method: str, path: str, token: str | None, body: Any = None, **headers: str) -> Answer:
        sent = None if body is None else json.dumps(body).encode()
        given = {"content-type": "application/json"} if sent else {}
        given |= {"authorization": f"Bearer {token}"} if token else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", sent, given, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return Answer(answer.status, "" if "/stream" in path else answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode())

    # -- two organisations with one of everything --------------------------------------------------------------------

    def furnish(self, org: str, mark: str) -> dict[str, str]:
        """A workflow, a run, an event, a dead letter and an API key of the organisation, by the segment before them."""
        owner = self.token(org, "Owner")
        workflow = {
            "id": f"wf-{mark}",
            "name": f"Name {mark}",
            "state": "enabled",
            "trigger": {"type": "alert.triggered"},
            "steps": [{"id": "note", "action": "create_note", "with": {"body": mark, "company_id": "c-1"}}],
        }
        made = self.call("POST", "/api/v1/workflows", owner, workflow)
        assert made.status == 201, made.text
        event = {
            "specversion": "1.0",
            "id": f"ev-{mark}",
            "source": "/rmm",
            "type": "alert.triggered",
            "subject": f"alert/{mark}",
            "orgid": org,
            "datacontenttype": "application/json",
            "time": "2026-11-27T08:00:00Z",
            "data": {"alert": {"id": mark, "title": mark, "severity": "high"}},
        }
        time.sleep(1.5)
        assert self.call("POST", "/api/v1/events", owner, event).status == 202
        bad = {**event, "id": f"bad-{mark}", "data": {"alert": {"id": mark, "severity": ["no"]}}}
        self._raw(org, bad)
        key = self.call("POST", "/api/v1/keys", owner, {"name": mark, "permissions": ["hub.workflows.read"]})
        assert key.status == 201, key.text
        found = {
            "workflows": f"wf-{mark}",
            "runs": self._until(f"/api/v1/runs?workflow=wf-{mark}", owner, "run_id", status="completed"),
            "events": self._until("/api/v1/events", owner, "id"),
            "dead-letters": self._until("/api/v1/dead-letters", owner, "id"),
            "keys": json.loads(key.text)["id"],
        }
        return {**found, "versions": "1", "templates": "alert-to-ticket"}

    def _raw(self, org: str, event: dict[str, Any]) -> None:
        """What no module may send, past the Hub, as a broken module would."""
        import asyncio

        from runtime.kafka import new_producer
        from runtime.settings import load

        async def send() -> None:
            producer = new_producer(load(broker=self.env["ONESTACK_BROKER"]))
            await producer.start()
            key = f"{org}/{event['subject']}".encode()
            await producer.send_and_wait("onestack.events.rmm", json.dumps(event).encode(), key)
            await producer.stop()

        asyncio.run(send())

    def _until(self, path: str, token: str, name: str, **wanted: str) -> str:
        deadline = time.monotonic() + 40
        while True:
            answer = self.call("GET", path, token)
            items = json.loads(answer.text).get("items", []) if answer.status == 200 else []
            for one in items:
                if all(one[field] == value for field, value in wanted.items()):
                    return str(one[name])
            assert time.monotonic() < deadline, f"{path}: {answer}"
            time.sleep(0.3)

    def path_of(self, route: Route, whose: str) -> str:
        """The route's path with an example of the organisation for each parameter."""
        parts = route.path.split("/")
        for at, part in enumerate(parts):
            if part.startswith("{"):
                assert parts[at - 1] in self.examples[whose], f"no example is known for {part} of {route.path}"
                parts[at] = self.examples[whose][parts[at - 1]]
        return "/".join(parts)


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    one = Office()
    try:
        one.open()
        one.examples = {MINE: one.furnish(MINE, "mine-1"), OTHERS: one.furnish(OTHERS, MARK)}
        yield one
    finally:
        one.stop()


_WORKFLOW: Final = {
    "name": "New name",
    "state": "draft",
    "trigger": {"type": "alert.triggered"},
    "steps": [{"id": "note", "action": "create_note", "with": {"body": "x", "company_id": "c-1"}}],
}


def body_of(route: Route, path: str) -> Any:
    """A body with which the route gets as far as to what its path names."""
    if route.method in {"GET", "DELETE"}:
        return None
    last = route.path.rpartition("/")[2]
    if route.method == "PUT":
        return {**_WORKFLOW, "id": path.rpartition("/")[2]}
    return {
        "fill": {"values": {}},
        "redrive": {},
        "cancel": {},
        "resume": {"dry_run": True},
        "rerun": {"dry_run": True},
    }.get(last, {})


def test_every_route_has_one_rule() -> None:
    assert ROUTES
    assert {_ids(one): len(one.rules) for one in ROUTES if len(one.rules) != 1} == {}
    assert {one.rule.permission for one in GUARDED} - {None} == set(PERMISSIONS)


@pytest.mark.parametrize("route", GUARDED, ids=_ids)
def test_nobody_gets_in_without_having_signed_in(office: Office, route: Route) -> None:
    path = office.path_of(route, MINE)
    for token in (None, "nonsense", "tos_a_b", office.token(MINE, "Owner")[:-4] + "AAAA"):
        assert office.call(route.method, path, token, body_of(route, path)).status == 401


@pytest.mark.parametrize("role", [*ROLES, "Stranger"])
@pytest.mark.parametrize("route", GUARDED, ids=_ids)
def test_a_role_does_what_it_may_and_nothing_else(office: Office, route: Route, role: str) -> None:
    needed = route.rule.permission
    if needed is None or needed in ROLES.get(role, frozenset()):
        return  # what may be done is done by the tests of each route; here nothing is to be changed
    path = office.path_of(route, MINE)
    for claim in (None, list(PERMISSIONS)):
        answer = office.call(route.method, path, office.token(MINE, role, claim), body_of(route, path))
        # A role that nobody knows is no proof of who calls.
        assert answer.status == (403 if role in ROLES else 401), answer
        assert role not in ROLES or needed in answer.text


@pytest.mark.parametrize("route", [one for one in GUARDED if one.method == "GET"], ids=_ids)
def test_whoever_may_read_a_route_can(office: Office, route: Route) -> None:
    for role, permissions in ROLES.items():
        if route.rule.permission in {None, *permissions}:
            query = (
                "?event=ev-mine-1"
                if route.path.endswith("/why")
                else "?from=1&to=1"
                if route.path.endswith("/diff")
                else ""
            )
            answer = office.call("GET", office.path_of(route, MINE) + query, office.token(MINE, role))
            assert answer.status == 200, (role, answer)


@pytest.mark.parametrize("route", GUARDED, ids=_ids)
def test_what_is_anothers_is_not_there(office: Office, route: Route) -> None:
    """An Owner here is nobody there: no status but 404 for what is named, and no word of it in any answer."""
    path = office.path_of(route, OTHERS)
    owner = office.token(MINE, "Owner")
    query = f"?org={OTHERS}&org_id={OTHERS}&limit=200&from=1&to=1"
    if route.path.endswith("/why"):
        query = f"?event=ev-{MARK}&org={OTHERS}"
    answer = office.call(route.method, path + query, owner, body_of(route, path), **{"if-match": '"1"'})
    named = any(part.startswith("{") for part in route.path.split("/"))
    if named and not NOBODYS & set(route.path.split("/")):
        assert answer.status == 404, answer
    assert answer.status not in {401, 403, 500}
    assert MARK not in answer.text.replace(path, "").replace(f"ev-{MARK}", "") or answer.status == 404
    if (
        route.path.endswith(("/workflows", "/runs", "/events", "/dead-letters", "/keys", "/audit"))
        and route.method == "GET"
        and "/insight/" not in route.path  # findings, of which there are none
    ):
        assert "mine-1" in answer.text


def test_a_body_that_names_another_organisation_is_refused(office: Office) -> None:
    owner = office.token(MINE, "Owner")
    assert office.call("POST", "/api/v1/workflows", owner, {**_WORKFLOW, "org": OTHERS}).status == 403
    event = {
        "specversion": "1.0",
        "id": "stray",
        "source": "/rmm",
        "type": "alert.triggered",
        "orgid": OTHERS,
        "subject": "alert/a",
        "data": {"alert": {"id": "a", "title": "t", "severity": "high"}},
    }
    assert office.call("POST", "/api/v1/events", owner, event).status in {403, 422}


def test_after_all_that_nothing_of_the_others_has_changed(office: Office) -> None:
    owner = office.token(OTHERS, "Owner")
    workflow = json.loads(office.call("GET", f"/api/v1/workflows/wf-{MARK}", owner).text)
    assert (workflow["version"], workflow["state"]) == (1, "enabled")
    run = json.loads(office.call("GET", f"/api/v1/runs/{office.examples[OTHERS]['runs']}", owner).text)
    assert (run["status"], run["generation"]) == ("completed", 0)
    audit = json.loads(office.call("GET", "/api/v1/audit?limit=200", owner).text)["items"]
    assert {one["who"] for one in audit} == {"Robin (u-1)"}
    keys = json.loads(office.call("GET", "/api/v1/keys", owner).text)["items"]
    assert [one["revoked_at"] for one in keys] == [None]


def test_a_key_never_does_more_than_whoever_made_it(office: Office) -> None:
    admin = office.token(MINE, "Admin", ["hub.keys.manage", "hub.workflows.read"])
    refused = office.call("POST", "/api/v1/keys", admin, {"name": "k", "permissions": ["hub.workflows.write"]})
    assert refused.status in {403, 422}
    made = json.loads(
        office.call("POST", "/api/v1/keys", admin, {"name": "k", "permissions": ["hub.workflows.read"]}).text
    )
    assert office.call("GET", "/api/v1/workflows", made["key"]).status == 200
    assert office.call("POST", "/api/v1/workflows", made["key"], _WORKFLOW).status == 403
    assert office.call("DELETE", f"/api/v1/keys/{made['id']}", admin).status == 204
    assert office.call("GET", "/api/v1/workflows", made["key"]).status == 401


def test_what_was_done_stands_in_the_audit_log(office: Office) -> None:
    owner = office.token(MINE, "Owner")
    items = json.loads(office.call("GET", "/api/v1/audit?limit=200", owner).text)["items"]
    assert {(one["action"], one["outcome"]) for one in items} >= {("workflow.create", "done"), ("key.create", "done")}
    assert "tos_" not in json.dumps(items)
