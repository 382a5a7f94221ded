"""A real browser before the whole product, from Kafka to the Hub, and a person who sits at it."""

from __future__ import annotations

import os
import secrets
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from sandbox.process import free_port, tail
from tests.acceptance.house import House
from tests.web.person import Person

ROOT: Final = Path(__file__).parents[2]
PICTURES: Final = ROOT / "build" / "web" / "pictures"
"""What the browser showed: kept by CI."""
_FLAGS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def _chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise _missing("there is no Chromium on the PATH: on Debian, apt-get install chromium")
    return found


def _missing(reason: str) -> BaseException:
    """What to raise for a program that is missing: the test is skipped; where CI installs it, it fails."""
    if os.environ.get("CI") == "true":
        return pytest.fail.Exception(reason, pytrace=False)
    return pytest.skip.Exception(reason)


class HubHouse(House):
    """The product with its Hub, and the address that a browser opens."""

    def __init__(self) -> None:
        # The real Kafka where it can be had; else the embedded broker, which speaks the same protocol.
        super().__init__(kafka=all(map(shutil.which, ("java", "mvn"))))
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        super().start()
        self.up(
            "hub",
            ONESTACK_HUB_PORT=str(self.port),
            ONESTACK_DEVELOPMENT_SIGN_IN=secrets.token_urlsafe(24),
        )
        deadline = time.monotonic() + 60
        while not self._ready():
            assert time.monotonic() < deadline, f"the Hub is not ready: {tail(self.log('hub'), 20)}"
            time.sleep(0.2)

    def _ready(self) -> bool:
        try:
            # Of the Hub alone: worker and projector serve a /readyz too.
            with urllib.request.urlopen(f"{self.address}/sign-in", timeout=5) as page:
                page.read()
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture(scope="session")
def house() -> Iterator[HubHouse]:
    if not (ROOT / "hub" / "web" / "dist" / "index.html").exists():
        raise _missing("the web app is not built: make web")
    one = HubHouse()
    try:
        one.start()
        yield one
    finally:
        one.stop()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    one = playwright.chromium.launch(executable_path=_chromium(), args=list(_FLAGS))
    yield one
    one.close()


@pytest.fixture
def person(browser: Browser, house: HubHouse, request: pytest.FixtureRequest) -> Iterator[Person]:
    """Somebody with a browser of 1280 × 800, signed in to an organisation of this test's own."""
    one = Person.sit_down(browser, house, org=f"org-{secrets.token_hex(4)}", pictures=PICTURES / request.node.name)
    try:
        yield one
    finally:
        one.leave(failed=getattr(request.node, "failed", False))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]  # noqa: ANN201 - pytest's own generator protocol
    report = yield
    if report.when == "call":
        item.failed = report.failed  # type: ignore[attr-defined]  # read by the fixture that takes the last picture
    return report
