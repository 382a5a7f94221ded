"""`onestack keys`: what operators do when nobody can sign in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from cli.main import run
from runtime.postgres import Connection
from tests.integration.hub.conftest import Client

Command = Callable[..., str]


@pytest.fixture
def command(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`command(*arguments, code=0)`: what it printed."""
    monkeypatch.setenv("ONESTACK_POSTGRES_URL", url)

    def told(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(["keys", *arguments]) == code
        out, error = capsys.readouterr()
        return out if code == 0 else error

    return told


async def at(client: httpx.AsyncClient, key: str) -> httpx.Response:
    return await client.get("/session", headers={"authorization": f"Bearer {key}"})


async def test_a_key_is_made_listed_and_revoked(client: Client, command: Command, connection: Connection) -> None:
    key = (await asyncio.to_thread(command, "create", "--name", "first", "--org", "acme", "--role", "Owner")).strip()
    session = (await at(client(), key)).json()
    assert (session["org"], session["role"], len(session["permissions"])) == ("acme", "Owner", 5)
    (listed,) = json.loads(await asyncio.to_thread(command, "list", "--org", "acme", "--json"))
    assert (listed["name"], listed["state"], key.startswith(f"tos_{listed['id']}_")) == ("first", "in force", True)
    assert await asyncio.to_thread(command, "list", "--org", "globex") == "There are no keys.\n"
    assert "revoked" in await asyncio.to_thread(command, "revoke", listed["id"])
    await asyncio.sleep(1.0)
    assert (await at(client(), key)).status_code == 401
    assert "revoked" in await asyncio.to_thread(command, "list")
    log = [(row["action"], row["kind"], row["outcome"]) for row in (await client().get("/audit")).json()["items"]]
    assert log == [("key.revoke", "operator", "done"), ("key.create", "operator", "done")]


async def test_a_key_ends_after_the_time_that_was_said(client: Client, command: Command) -> None:
    made = json.loads(
        await asyncio.to_thread(command, "create", "--name", "short", "--org", "acme", "--expires", "90d", "--json")
    )
    assert made["expires_at"] > made["created_at"]
    assert (await at(client(), made["key"])).json()["permissions"] == ["hub.workflows.read"]


async def test_a_key_may_what_is_said_of_what_its_role_may(command: Command) -> None:
    read = ("--permission", "hub.workflows.read")
    for more, may in (
        (read, ["hub.workflows.read"]),
        ((*read, "--permission", "hub.audit.read"), ["hub.audit.read", "hub.workflows.read"]),
        ((*read, "--permission", "hub.audit.read", "--role", "Viewer"), ["hub.workflows.read"]),
        ((), ["hub.workflows.read"]),
    ):
        made = json.loads(await asyncio.to_thread(command, "create", "--name", "x", "--org", "acme", "--json", *more))
        assert made["permissions"] == may, more


async def test_a_key_of_another_organisation_is_left_alone(command: Command) -> None:
    made = json.loads(await asyncio.to_thread(command, "create", "--name", "x", "--org", "acme", "--json"))
    await asyncio.to_thread(lambda: command("revoke", "--org", "globex", made["id"], code=1))
    assert "in force" in await asyncio.to_thread(command, "list")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("create", "--name", "x", "--org", "a/b"), 2, "--org"),
        (("create", "--name", "x", "--org", "acme", "--role", "Root"), 2, "--role"),
        (("create", "--name", "", "--org", "acme"), 2, "--name"),
        (("create", "--name", "x", "--org", "acme", "--expires", "soon"), 2, "--expires"),
        (("create", "--name", "x", "--org", "acme", "--permission", "everything"), 2, "--permission"),
        (("revoke", "nothing"), 1, "nothing"),
    ],
)
async def test_what_makes_no_sense_is_told_in_a_sentence(
    command: Command, arguments: tuple[str, ...], code: int, told: str
) -> None:
    assert told in await asyncio.to_thread(lambda: command(*arguments, code=code))
