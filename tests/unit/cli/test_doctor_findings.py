"""Checks are independent and bounded, and what is found is judged by what it means."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.doctor.clocks import judged
from cli.doctor.definitions import secrets
from cli.doctor.finding import Finding, in_thread, ok, run
from cli.doctor.installation import settings_
from runtime.settings import Settings


async def test_a_check_that_hangs_or_fails_is_a_fault_of_its_own_and_hides_no_other() -> None:
    never = threading.Event()

    async def fine() -> Sequence[Finding]:
        return [ok("fine", "All is well.")]

    async def hangs() -> Sequence[Finding]:
        await asyncio.Event().wait()
        return []

    async def blocks() -> Sequence[Finding]:
        await in_thread(never.wait)
        return []

    async def fails() -> Sequence[Finding]:
        message = "postgresql://someone:hunter2@host/db"
        raise ValueError(message)

    async def is_cancelled() -> Sequence[Finding]:
        task = asyncio.ensure_future(asyncio.Event().wait())
        task.cancel()
        await task
        return []

    checks = {"hangs": hangs, "fine": fine, "blocks": blocks, "fails": fails, "cancelled": is_cancelled}
    found = await run(checks, 0.2)
    assert [(one.check, one.level) for one in found] == [
        ("hangs", "fault"), ("fine", "ok"), ("blocks", "fault"), ("fails", "fault"), ("cancelled", "fault"),
    ]  # fmt: skip
    assert all(one.todo for one in found if one.level != "ok")
    assert "hunter2" not in str(found)
    never.set()


@pytest.mark.parametrize(
    ("skew", "accuracy", "level"),
    [(0.4, 0.6, "ok"), (-0.5, 0.01, "ok"), (1.5, 0.6, "ok"), (2.0, 0.6, "warning"), (-45.0, 0.1, "fault")],
)
def test_a_clock_is_judged_by_what_is_certain(skew: float, accuracy: float, level: str) -> None:
    assert judged("Its", skew, accuracy).level == level


def test_the_same_secret_is_missed_once_and_its_name_is_told() -> None:
    step = {"id": "call", "action": "webhook", "with": {"url": "https://x.example", "secret": "secret:NOWHERE"}}
    bodies = {"acme/a": {"steps": [step]}, "acme/b": {"steps": [step]}}
    (found,) = secrets(Settings(), bodies)
    assert (found.level, found.check) == ("fault", "secrets")
    assert "acme/a names the secret 'NOWHERE'" in found.detail


def test_an_organisations_own_secret_is_there_for_it_alone(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    own = tmp_path / "acme" / "CHAT"
    own.write_text("https://chat.example/hook")
    own.chmod(0o640)
    step = {"id": "tell", "action": "webhook", "with": {"url": "secret:CHAT"}}
    settings = Settings(secrets_dir=tmp_path)
    assert [one.level for one in secrets(settings, {"acme/a": {"steps": [step]}})] == ["ok"]
    (missing,) = secrets(settings, {"globex/a": {"steps": [step]}})
    assert (missing.level, "globex/CHAT" in (missing.todo or "")) == ("fault", True)
    own.chmod(0o644)
    assert [one.level for one in secrets(settings, {})] == ["warning"]


async def test_an_allow_list_that_opens_a_door_is_told() -> None:
    async def levels(network: str) -> set[str]:
        found = await settings_(Settings(webhook_allow=(ipaddress.ip_network(network),)))
        return {one.level for one in found}

    assert await levels("10.1.2.0/24") == {"ok"}
    assert await levels("127.0.0.0/8") == {"warning"}
    assert await levels("10.0.0.0/8") == {"warning"}
    assert await levels("169.254.0.0/16") == {"fault"}
    assert await levels("0.0.0.0/0") == {"fault"}
    assert await levels("::/0") == {"fault"}
