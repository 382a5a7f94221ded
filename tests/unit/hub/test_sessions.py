"""Signing in: the cookie, what keeps other web sites out of it, and the sign-in for developers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hub.access.development import Development, development_of
from hub.access.local import is_loopback
from hub.errors import NotConfigured
from hub.problems import Problem
from runtime.settings import load
from tests.unit.hub.conftest import Client
from tests.unit.hub.signing import token

Bearer = Callable[..., dict[str, str]]
SECRET = "s" * 43
OWN = {"x-onestack": "1"}


async def test_who_calls_is_told_with_what_they_may_do(hub: Client, bearer: Bearer) -> None:
    async with hub() as client:
        answer = await client.get("/api/v1/session", headers=bearer(role="Viewer"))
        session = answer.json()
        assert session.pop("now") < session.pop("expires_at")
        assert session == {
            "org": "acme",
            "person": "Ada (u-17)",
            "role": "Viewer",
            "kind": "token",
            "permissions": ["hub.workflows.read"],
        }
        assert (await client.get("/api/v1/session", headers=bearer(role="Billing"))).json()["permissions"] == []


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer x y", "bearer dev_x.y"])
async def test_nobody_is_nobody(hub: Client, given: str | None) -> None:
    async with hub() as client:
        answer = await client.get("/api/v1/session", headers={} if given is None else {"authorization": given})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_is_kept_in_a_cookie_that_scripts_and_other_sites_do_not_get(hub: Client) -> None:
    async with hub(host="hub.example") as client:
        answer = await client.post("/api/v1/session", json={"token": token()})
        assert answer.status_code == 200
        assert answer.json()["org"] == "acme"
        cookie = answer.headers["set-cookie"]
        for wanted in ("onestack_session=", "HttpOnly", "SameSite=strict", "Secure", "Path=/", "Max-Age=5"):
            assert wanted in cookie
        gone = (await client.delete("/api/v1/session")).headers["set-cookie"]
        assert "Max-Age=0" in gone
        assert "onestack_session=" in gone
    async with hub(host="localhost:8080") as client:
        cookie = (await client.post("/api/v1/session", json={"token": token()})).headers["set-cookie"]
        assert "Secure" not in cookie, "a developer's machine has no https"


async def test_with_the_cookie_a_change_needs_a_header_that_other_sites_cannot_send(hub: Client) -> None:
    async with hub() as client:
        client.cookies.set("onestack_session", token(role="Owner"))
        assert (await client.get("/api/v1/session")).status_code == 200
        body = {"name": "k", "role": "Viewer"}
        refused = await client.post("/api/v1/keys", json=body)
        assert (refused.status_code, "X-Onestack" in refused.json()["detail"]) == (403, True)
        for more in (
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"origin": "http://127.0.0.1:9999"},
        ):
            answer = await client.post("/api/v1/keys", json=body, headers=OWN | more)
            assert answer.status_code == 403, more
        for more in ({}, {"sec-fetch-site": "same-origin"}, {"origin": "http://127.0.0.1:8080"}):
            answer = await client.post("/api/v1/keys", json=body, headers=OWN | more)
            assert answer.status_code == 503, "past the door, and Postgres is away"


async def test_another_site_can_sign_nobody_in_or_out(hub: Client) -> None:
    async with hub(development_sign_in=SECRET) as client:
        other = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        for answer in (
            await client.post("/api/v1/session", json={"token": "x"}, headers=other),
            await client.post("/api/v1/session/development", json={"org": "acme", "role": "Owner"}, headers=other),
            await client.delete("/api/v1/session", headers=other),
        ):
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers


async def test_a_developer_signs_in_as_anyone(hub: Client) -> None:
    async with hub(development_sign_in=SECRET) as client:
        options = (await client.get("/api/v1/session/options")).json()
        assert options == {
            "development": True,
            "orgs": ["acme"],
            "roles": ["Owner", "Admin", "Member", "Billing", "Viewer"],
            "sign_in_url": None,
        }
        answer = await client.post(
            "/api/v1/session/development", json={"org": "globex", "role": "Member", "person": "Bo"}
        )
        assert answer.status_code == 200
        session = (await client.get("/api/v1/session")).json()
        assert (session["org"], session["person"], session["kind"]) == ("globex", "Bo", "development")
        for wrong in ({"org": "a/b", "role": "Owner"}, {"org": "acme", "role": "Root"}, {"org": "acme"}):
            assert (await client.post("/api/v1/session/development", json=wrong)).status_code == 422


@pytest.mark.parametrize(
    ("peer", "host", "more"),
    [
        ("192.0.2.7", "127.0.0.1:8080", {}),
        ("127.0.0.1", "hub.example", {}),
        ("127.0.0.1", "127.0.0.1.evil.example", {}),
        ("127.0.0.1", "127.0.0.1:8080", {"x-forwarded-for": "192.0.2.7"}),
        ("127.0.0.1", "127.0.0.1:8080", {"forwarded": "for=192.0.2.7"}),
        ("127.0.0.1", "127.0.0.1:8080", {"via": "1.1 proxy"}),
    ],
)
async def test_the_development_sign_in_is_for_this_machine_alone(
    hub: Client, peer: str, host: str, more: dict[str, str]
) -> None:
    body = {"org": "acme", "role": "Owner"}
    signed = Development(SECRET).sign("acme", "Owner", "Eve")
    async with hub(peer=peer, host=host, development_sign_in=SECRET) as client:
        assert (await client.get("/api/v1/session/options", headers=more)).json()["development"] is False
        answer = await client.post("/api/v1/session/development", json=body, headers=more)
        assert (answer.status_code, "set-cookie" in answer.headers) == (404, False)
        elsewhere = await client.get("/api/v1/session", headers=more | {"authorization": f"Bearer {signed}"})
        assert elsewhere.status_code == 401, "nor does a credential of it work from elsewhere"


async def test_without_its_secret_there_is_no_development_sign_in(hub: Client) -> None:
    async with hub() as client:
        assert (await client.get("/api/v1/session/options")).json()["development"] is False
        answer = await client.post("/api/v1/session/development", json={"org": "acme", "role": "Owner"})
        assert answer.status_code == 404
        signed = Development(SECRET).sign("acme", "Owner", "Eve")
        assert (await client.get("/api/v1/session", headers={"authorization": f"Bearer {signed}"})).status_code == 401


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"hub_host": "0.0.0.0"}, "ONESTACK_HUB_HOST"),
        ({"hub_host": "::"}, "ONESTACK_HUB_HOST"),
        ({"hub_host": "hub.example"}, "ONESTACK_HUB_HOST"),
        ({"hub_host": "192.168.1.4"}, "ONESTACK_HUB_HOST"),
        ({"jwks": "https://id.example/jwks"}, "ONESTACK_JWKS"),
        ({"development_sign_in": "short"}, "32 characters"),
    ],
)
def test_the_hub_does_not_start_with_the_development_sign_in_left_on(settings: dict[str, str], named: str) -> None:
    with pytest.raises(NotConfigured, match=named):
        development_of(load(**{"development_sign_in": SECRET, **settings}))


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_secret_is_none(monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
    monkeypatch.setenv("ONESTACK_DEVELOPMENT_SIGN_IN", blank)
    assert development_of(load()) is None


def test_a_development_sign_in_of_another_start_or_of_yesterday_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    mine = Development(SECRET)
    signed = mine.sign("acme", "Owner", "Ada")
    assert mine.caller(signed).person == "Ada"
    for wrong in (signed[:-1] + "x", signed.replace(".", "x."), "dev_", "dev_.", "dev_e30.", "dev_\u00e9.\u00e9"):
        with pytest.raises(Problem):
            mine.caller(wrong)
    with pytest.raises(Problem):
        Development("t" * 43).caller(signed)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 13 * 3600)
    with pytest.raises(Problem, match="over"):
        mine.caller(signed)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("[::1]", True), ("localhost", True),
        ("LOCALHOST", True), ("localhost.evil.example", False), ("0.0.0.0", False), ("::", False), ("", False),
        ("10.0.0.1", False), ("::ffff:10.0.0.1", False), ("2130706433", False),
    ],
)  # fmt: skip
def test_which_addresses_are_this_machine(host: str, own: bool) -> None:
    assert is_loopback(host) is own
