"""A person at a browser: clicks and keys are counted, pictures are kept, and whatever goes wrong on a page fails."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect

from runtime.kafka import new_producer
from runtime.settings import load

if TYPE_CHECKING:
    from tests.web.conftest import HubHouse

ROOT: Final = Path(__file__).parents[2]
AXE: Final = ROOT / "hub" / "web" / "node_modules" / "axe-core" / "axe.min.js"
CLICKS: Final = ROOT / "build" / "web" / "clicks.json"
"""What the tests counted, for `make bench-web`."""
_PATIENCE_MS: Final = 20_000
_IN_FORCE_SECONDS: Final = 2.0
"""After which every worker has taken up a definition; what happens before may still meet the one before it."""
expect.set_options(timeout=_PATIENCE_MS)
_STILL: Final = """() => document.getAnimations().every(
  one => one.playState !== 'running' || one.effect.getComputedTiming().endTime === Infinity)"""
"""What fades in has other colours meanwhile; what turns for ever, as a sign of work, is left out."""
_RULES: Final = """async () => (await axe.run(document)).violations.map(
  one => ({rule: one.id, nodes: one.nodes.map(node => node.html)}))"""


@dataclass
class Person:
    """Somebody signed in to an organisation, with a page of their own."""

    house: HubHouse
    org: str
    context: BrowserContext
    page: Page
    pictures: Path
    clicks: int = 0
    keys: int = 0
    wrong: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Parts of what a page may complain about in this test, such as the status of a refusal that is its subject."""

    changed: float = 0.0
    """When a workflow was last changed."""

    @classmethod
    def sit_down(
        cls, browser: Browser, house: HubHouse, *, org: str, pictures: Path, role: str = "Owner", **options: Any
    ) -> Person:
        """With a fresh browser profile; 1280 × 800 and light unless `options` say otherwise."""
        usual = {"base_url": house.address, "viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}
        context = browser.new_context(**{**usual, **options})
        context.set_default_timeout(_PATIENCE_MS)
        one = cls(house, org, context, context.new_page(), pictures)
        one.page.on("console", one._heard)
        one.page.on("pageerror", lambda error: one.wrong.append(f"{error}"))
        one.page.on("request", one._asked)
        if role:
            one.sign_in(role)
        return one

    def sign_in(self, role: str) -> None:
        """As the sign-in page of `onestack up` does; that page has a test of its own."""
        body = {"org": self.org, "role": role, "person": "Robin Vale"}
        answer = self.context.request.post("/api/v1/session/development", data=body, headers={"X-Onestack": "1"})
        assert answer.ok, answer.text()

    def leave(self, *, failed: bool) -> None:
        """Close the browser; a last picture where the test failed, and a failure where a page complained."""
        if failed:
            self.picture("failed")
        self.context.close()
        if not failed:
            assert self.elsewhere == [], f"the page asked other hosts: {self.elsewhere}"
            assert self.wrong == [], f"the page complained: {self.wrong}"

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in self.expected):
            self.wrong.append(f"{message.text} {message.location.get('url', '')}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https"} and f"{parts.scheme}://{parts.netloc}" != self.house.address:
            self.elsewhere.append(request.url)

    # -- what a person does ------------------------------------------------------------------------------------------

    def goto(self, path: str) -> None:
        """Open an address of the app."""
        self.page.goto(path)

    def click(self, what: Locator) -> None:
        """One click of the mouse."""
        what.click()
        self.clicks += 1

    def press(self, *keys: str) -> None:
        """Keys, such as `Enter` and `Alt+ArrowUp`; each counts once."""
        for key in keys:
            self.page.keyboard.press(key)
            self.keys += 1

    def type(self, text: str) -> None:
        """Letters into whatever has the focus."""
        self.page.keyboard.type(text)
        self.keys += len(text)

    def button(self, name: str, *, exact: bool = True) -> Locator:
        """A button by what it is called."""
        return self.page.get_by_role("button", name=name, exact=exact)

    def link(self, name: str) -> Locator:
        """A link by its text."""
        return self.page.get_by_role("link", name=name)

    def option(self, name: str) -> Locator:
        """A choice in a list, by how it begins."""
        return self.page.get_by_role("option", name=name).first

    def card(self, key: str) -> Locator:
        """A card of the flowchart, by its step's path (or `trigger`, `conditions`)."""
        return self.page.locator(f'[data-card="{key}"]')

    def first_run(self) -> Locator:
        """The first run of a list."""
        return self.page.locator("main a[href^='/runs/']:not([href^='/runs/filtered'])").first

    def picture(self, name: str) -> Path:
        """What the browser shows now."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        file = self.pictures / f"{name}.png"
        self.page.screenshot(path=file, animations="disabled")
        return file

    def counted(self, what: str) -> None:
        """Keep the clicks and keys so far for the benchmark's table."""
        CLICKS.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(CLICKS.read_text()) if CLICKS.exists() else {}
        CLICKS.write_text(json.dumps({**known, what: {"clicks": self.clicks, "keys": self.keys}}, indent=1))

    def violations(self) -> list[dict[str, Any]]:
        """What axe-core finds wrong with the page as it stands, by its default rules, once nothing moves any more."""
        self.page.wait_for_function(_STILL)
        self.page.evaluate(AXE.read_text())
        found: list[dict[str, Any]] = self.page.evaluate(_RULES)
        return found

    # -- what happens elsewhere --------------------------------------------------------------------------------------

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The HTTP API, as this person; fails where it refuses."""
        answer = self.context.request.fetch(
            f"/api/v1{path}", method=method, data=body, headers={"X-Onestack": "1", **headers}
        )
        assert answer.ok, f"{method} {path}: {answer.status} {answer.text()}"
        return answer.json() if answer.body() else None

    def workflow(self, definition: dict[str, Any]) -> dict[str, Any]:
        """Put a workflow in force."""
        made: dict[str, Any] = self.api("POST", "/workflows", definition)
        self.changed = time.monotonic()
        return made

    def change(self, id: str, definition: dict[str, Any], version: int) -> None:
        """Put the next version of a workflow in force."""
        self.api("PUT", f"/workflows/{id}", definition, **{"If-Match": f'"{version}"'})
        self.changed = time.monotonic()

    def send_raw(self, topic: str, key: str, event: dict[str, Any]) -> None:
        """Past the Hub and the command line, as a broken module would."""

        async def send() -> None:
            producer = new_producer(load(broker=self.house.env["ONESTACK_BROKER"]))
            await producer.start()
            await producer.send_and_wait(topic, json.dumps(event).encode(), key.encode())
            await producer.stop()

        # The browser's own loop has this thread.
        thread = threading.Thread(target=lambda: asyncio.run(send()))
        thread.start()
        thread.join()

    def emit(self, kind: str, data: dict[str, Any], *, id: str | None = None) -> str:
        """A module's event, onto its Kafka topic by the command line; the event's id."""
        time.sleep(max(0.0, self.changed + _IN_FORCE_SECONDS - time.monotonic()))
        given = ["--id", id] if id else []
        told = self.house.asked("emit", kind, "--org", self.org, "--data", json.dumps(data), *given)
        found: str = (told[0] if isinstance(told, list) else told)["id"]
        return found
