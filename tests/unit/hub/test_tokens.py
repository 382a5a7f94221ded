"""Tokens: which are taken, and for what; every other is refused."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from hub.access import jwks as jwks_module
from hub.access.caller import Caller
from hub.access.jwks import FileKeys, SigningKey, UrlKeys, keys_of, read
from hub.access.tokens import Tokens
from hub.errors import NotConfigured
from hub.problems import Problem
from runtime.settings import load
from tests.unit.hub.signing import (
    EDWARDS,
    OTHER_RSA,
    RSA,
    SHORT_RSA,
    claims,
    jwk,
    jwks,
    token,
    write_jwks,
)


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    settings = load(jwks=str(write_jwks(tmp_path)))
    return Tokens(settings, keys_of(settings))


async def refusal(tokens: Tokens, credential: str) -> str:
    with pytest.raises(Problem) as refused:
        await tokens.caller(credential)
    assert refused.value.status == 401
    assert "www-authenticate" in refused.value.headers
    return refused.value.detail


@pytest.mark.parametrize("kid", ["rsa", "edwards"])
async def test_a_token_of_either_kind_of_key_names_its_caller(tokens: Tokens, kid: str) -> None:
    caller = await tokens.caller(token(kid))
    assert (caller.org, caller.person, caller.role, caller.kind) == ("acme", "Ada (u-17)", "Member", "token")
    assert caller.may("hub.workflows.write")
    assert not caller.may("hub.keys.manage")
    assert caller.expires_at is not None


def _dotted(data: bytes) -> str:
    return ".".join([base64.urlsafe_b64encode(data).rstrip(b"=").decode()] * 3)


class _Fixed:
    """Keys without a file."""

    generation = 0

    async def fresh(self) -> None:
        """They are."""

    async def get(self, kid: str | None) -> SigningKey | None:
        return read(jwks(jwk(RSA, None)).encode())[None]


def part(data: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], secret: bytes = b"") -> str:
    """A token that no library would make: unsigned, or signed with the public key as if that were a secret."""
    signed = f"{part(header)}.{part(claims())}"
    mac = hmac.digest(secret, signed.encode(), hashlib.sha256) if secret else b""
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


PUBLIC = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
RAW = EDWARDS.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


@pytest.mark.parametrize(
    "credential",
    [
        by_hand({"alg": "none", "kid": "rsa"}),
        by_hand({"alg": "None", "kid": "rsa"}),
        by_hand({"alg": "HS256", "kid": "rsa"}, PUBLIC),
        by_hand({"alg": "RS256", "kid": "rsa"}, PUBLIC),
        by_hand({"alg": "HS256", "kid": "edwards"}, RAW),
        by_hand({"alg": "EdDSA", "kid": "edwards"}, RAW),
        by_hand({"kid": "rsa"}),
        token("edwards", RSA),
        token("rsa", EDWARDS),
        token("rsa", OTHER_RSA),
        token("rsa", algorithm="RS512"),
        token("rsa", algorithm="PS256"),
        token("rsa").rsplit(".", 1)[0] + ".",
        token("rsa")[:-8] + "AAAAAAAA",
        "", "a.b.c", "....", "x" * 20_000, "tos", "dev_x.y", "\u00e9.\u00e9.\u00e9",
    ],
)  # fmt: skip
async def test_a_token_that_its_key_did_not_sign_in_its_one_way_is_refused(tokens: Tokens, credential: str) -> None:
    await refusal(tokens, credential)


async def test_a_changed_claim_breaks_the_signature(tokens: Tokens) -> None:
    header, _, signature = token().split(".")
    assert "Signature" in (await refusal(tokens, f"{header}.{part(claims(org='globex'))}.{signature}")).title()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"exp": None}, "exp"),
        ({"exp": "soon"}, "integer"),
        ({"org": None}, "org"),
        ({"org": "a/b"}, "org"),
        ({"org": ["acme"]}, "org"),
        ({"role": "Root"}, "role"),
        ({"role": ["Owner"]}, "role"),
        ({"permissions": {"hub.workflows.read": True}}, "permissions"),
        ({"permissions": [1]}, "permissions"),
        ({"sub": None, "name": None}, "nobody"),
    ],
)
async def test_a_claim_that_is_missing_or_wrong_is_named(tokens: Tokens, more: dict[str, Any], why: str) -> None:
    assert why in await refusal(tokens, token(**more))


@pytest.mark.parametrize(
    ("claim", "seconds", "why"), [("exp", -1, "expired"), ("nbf", 90, "not yet valid"), ("iat", 90, "not yet valid")]
)
async def test_a_token_holds_in_its_time_only(tokens: Tokens, claim: str, seconds: int, why: str) -> None:
    more: dict[str, Any] = {claim: int(time.time()) + seconds}
    assert why in await refusal(tokens, token(**more))


@pytest.mark.parametrize("claim", ["nbf", "iat"])
async def test_an_issuer_whose_clock_is_a_little_ahead_is_borne_with(tokens: Tokens, claim: str) -> None:
    more: dict[str, Any] = {claim: int(time.time()) + 20}
    assert (await tokens.caller(token(**more))).org == "acme"


async def test_issuer_and_audience_are_checked_where_they_are_set(tmp_path: Path) -> None:
    settings = load(jwks=str(write_jwks(tmp_path)), jwt_issuer="https://id.example", jwt_audience="hub")
    strict = Tokens(settings, keys_of(settings))
    assert (await strict.caller(token(iss="https://id.example", aud=["hub", "psa"]))).org == "acme"
    for more in ({}, {"iss": "https://id.example"}, {"aud": "hub"}, {"iss": "https://evil.example", "aud": "hub"},
                 {"iss": "https://id.example", "aud": "psa"}):  # fmt: skip
        await refusal(strict, token(**more))


async def test_an_audience_does_no_harm_where_none_is_set(tokens: Tokens) -> None:
    assert (await tokens.caller(token(aud="anything", iss="anyone"))).org == "acme"


async def test_a_token_has_to_name_its_key_where_there_are_several(tokens: Tokens, tmp_path: Path) -> None:
    assert "kid" in await refusal(tokens, token(None))
    assert "no key" in await refusal(tokens, token("unknown", RSA))
    (tmp_path / "one.json").write_text(jwks(jwk(RSA, None)))
    settings = load(jwks=str(tmp_path / "one.json"))
    assert (await Tokens(settings, keys_of(settings)).caller(token(None))).org == "acme"


async def test_a_header_that_demands_what_is_not_known_is_refused(tokens: Tokens) -> None:
    import jwt

    await refusal(tokens, jwt.encode(claims(), RSA, "RS256", {"kid": "rsa", "crit": ["b64"], "b64": True}))


async def test_an_end_beyond_all_calendars_is_no_failure(tokens: Tokens) -> None:
    assert (await tokens.caller(token(exp=10**18))).expires_at is not None


_SETTINGS = load()


@given(st.text() | st.tuples(st.text(), st.text(), st.text()).map(".".join) | st.binary().map(_dotted))
def test_no_text_whatsoever_is_more_than_refused(text: str) -> None:
    keys = _Fixed()
    with pytest.raises(Problem) as refused:
        asyncio.run(Tokens(_SETTINGS, keys).caller(text))
    assert refused.value.status == 401


@pytest.mark.parametrize(
    ("role", "claimed", "may"),
    [
        ("Owner", None, {"read", "write", "run", "manage", "audit"}),
        ("Admin", None, {"read", "write", "run", "manage", "audit"}),
        ("Member", None, {"read", "write", "run"}),
        ("Viewer", None, {"read"}),
        ("Billing", None, set()),
        (None, None, set()),
        (None, ["hub.workflows.read", "hub.audit.read", "books.read"], {"read", "audit"}),
        ("Viewer", ["hub.workflows.read", "hub.workflows.write"], {"read"}),
        ("Owner", ["hub.workflows.run"], {"run"}),
        ("Owner", "hub.workflows.run hub.workflows.read", {"run", "read"}),
        ("Owner", [], set()),
        ("Billing", ["hub.workflows.read"], set()),
    ],
)
async def test_a_role_is_a_ceiling_and_a_claim_can_only_take_away(
    tokens: Tokens, role: str | None, claimed: Any, may: set[str]
) -> None:
    caller = await tokens.caller(token(role=role, permissions=claimed))
    short = {"hub.keys.manage": "manage", "hub.audit.read": "audit"}
    assert {short.get(one, one.rpartition(".")[2]) for one in caller.permissions} == may


async def test_a_name_is_one_line_of_bearable_length(tokens: Tokens) -> None:
    caller = await tokens.caller(token(name="Ada\n\x00\u202e  Lovelace" + "x" * 500, sub="u\n1"))
    assert caller.person.isprintable()
    assert len(caller.person) < 200
    assert caller.person.startswith("Ada Lovelace")


async def test_without_keys_no_token_is_taken() -> None:
    settings = load()
    assert "ONESTACK_JWKS" in await refusal(Tokens(settings, keys_of(settings)), token())


async def test_a_verified_token_is_remembered_until_its_end_and_no_longer(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = []
    plain = Tokens._verify

    async def counting(self: Tokens, credential: str) -> tuple[Caller, float]:
        verified.append(credential)
        return await plain(self, credential)

    monkeypatch.setattr(Tokens, "_verify", counting)
    mine = token(exp=int(time.time()) + 60)
    for _ in range(3):
        await tokens.caller(mine)
    assert verified == [mine]
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 61)
    assert "expired" in await refusal(tokens, mine)


async def test_a_changed_file_of_keys_counts_at_once_for_remembered_tokens_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks_module, "_LOOK", 0.0)
    file = write_jwks(tmp_path)
    settings = load(jwks=f"file://{file}")
    tokens = Tokens(settings, keys_of(settings))
    old, new = token("rsa"), token("rsa", OTHER_RSA)
    assert (await tokens.caller(old)).org == "acme"
    await refusal(tokens, new)
    file.write_text(jwks(jwk(OTHER_RSA, "rsa"), jwk(EDWARDS, "edwards")))
    assert (await tokens.caller(new)).org == "acme"
    await refusal(tokens, old)
    file.write_text("{")
    os.utime(file, ns=(1, 1))
    assert (await tokens.caller(new)).org == "acme", "the last good keys stay in force"
    file.unlink()
    assert (await tokens.caller(new)).org == "acme"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keys": {}}', '{"keys": []}', '{"keys": [1, {"kty": "oct"}]}'])
def test_a_file_without_keys_is_no_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys").write_text(text)
    with pytest.raises(NotConfigured, match="ONESTACK_JWKS"):
        keys_of(load(jwks=str(tmp_path / "keys")))
    with pytest.raises(NotConfigured, match="ONESTACK_JWKS"):
        FileKeys(tmp_path / "missing")


def test_keys_come_by_https_unless_from_this_machine() -> None:
    with pytest.raises(NotConfigured, match="https"):
        keys_of(load(jwks="http://id.example/jwks"))
    for where in ("https://id.example/jwks", "http://127.0.0.1:9000/jwks", "http://localhost/jwks"):
        assert isinstance(keys_of(load(jwks=where)), UrlKeys)


def test_keys_that_are_weak_or_for_something_else_are_left_out() -> None:
    found = read(
        jwks(
            jwk(RSA, "good", use="sig", alg="RS256"),
            jwk(SHORT_RSA, "short"),
            jwk(RSA, "for encryption", use="enc"),
            jwk(RSA, "other algorithm", alg="RS512"),
            jwk(EDWARDS, "edwards", alg="EdDSA"),
            {"kty": "oct", "k": "c2VjcmV0", "kid": "symmetric"},
            {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "curve"},
            {"kty": "OKP", "crv": "X25519", "x": jwk(EDWARDS, None)["x"], "kid": "for agreement"},
            {"kty": "RSA", "n": "!", "e": "AQAB", "kid": "broken"},
        ).encode()
    )
    assert {kid: key.algorithm for kid, key in found.items()} == {"good": "RS256", "edwards": "EdDSA"}


class Issuer:
    """A web server with keys."""

    def __init__(self) -> None:
        self.keys = jwks(jwk(RSA, "rsa"))
        self.status = 200
        self.fetched = 0
        self.url = ""

    async def answer(self, _request: web.Request) -> web.Response:
        self.fetched += 1
        return web.Response(text=self.keys, status=self.status, headers={"location": "/elsewhere"})


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    found = Issuer()
    app = web.Application()
    app.router.add_get("/jwks", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/jwks"
    yield found
    await runner.cleanup()


async def test_keys_behind_a_url_are_fetched_once_for_many_tokens(issuer: Issuer) -> None:
    tokens = Tokens(load(), UrlKeys(issuer.url))
    for number in range(5):
        assert (await tokens.caller(token(sub=f"u-{number}"))).org == "acme"
    assert issuer.fetched == 1


async def test_a_key_that_is_not_known_is_asked_for_but_not_by_every_forged_token(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Tokens(load(), UrlKeys(issuer.url))
    await tokens.caller(token())
    for number in range(20):
        await refusal(tokens, token(f"forged-{number}", OTHER_RSA))
    assert issuer.fetched == 1, "ten seconds have not passed"
    monkeypatch.setattr(jwks_module, "_REFETCH", 0.0)
    issuer.keys = jwks(jwk(RSA, "rsa"), jwk(EDWARDS, "edwards"))
    assert (await tokens.caller(token("edwards"))).org == "acme"
    assert issuer.fetched == 2


@pytest.mark.parametrize("status", [500, 302, 404])
async def test_the_last_good_keys_stay_while_their_url_is_away(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    tokens = Tokens(load(), UrlKeys(issuer.url))
    await tokens.caller(token())
    monkeypatch.setattr(jwks_module, "_REFETCH", 0.0)
    issuer.status = status
    await refusal(tokens, token("edwards"))
    assert (await tokens.caller(token(sub="another"))).org == "acme"


async def test_a_url_that_never_answered_is_told_as_a_key_that_is_not_known(unused_tcp_port: int) -> None:
    tokens = Tokens(load(), UrlKeys(f"http://127.0.0.1:{unused_tcp_port}/jwks"))
    assert "no key" in await refusal(tokens, token())
