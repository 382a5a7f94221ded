"""Every page in both themes and at two widths: nothing that axe-core finds fault with, nothing beside the screen."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.web.conftest import PICTURES, HubHouse
from tests.web.person import Person
from tests.web.scenes import alert, alert_to_ticket, branching, failing

PAGES = {
    "workflows": "/workflows",
    "new": "/workflows/new",
    "designer": "/workflows/branching",
    "test": "/workflows/branching?tab=test",
    "versions": "/workflows/branching/versions",
    "history": "/workflows/branching/runs",
    "runs": "/runs",
    "filtered": "/runs/filtered",
    "run": "/runs/{run}",
    "why": "/why?event={event}",
    "templates": "/templates",
    "template": "/templates/device-offline-alert",
    "health": "/health",
    "dead-letters": "/dead-letters",
    "settings": "/settings",
}


@pytest.fixture(scope="module")
def office(browser: Browser, house: HubHouse) -> dict[str, str]:
    """An organisation with something on every page."""
    org = f"pages-{secrets.token_hex(3)}"
    one = Person.sit_down(browser, house, org=org, pictures=PICTURES / "pages")
    for body in (alert_to_ticket(), branching(), failing(), {**alert_to_ticket("draft"), "state": "draft"}):
        one.workflow(body)
    event = one.emit("alert.triggered", alert("p-1"))
    one.emit("alert.triggered", alert("p-2", severity="low"))
    one.goto("/workflows/failing/runs")
    expect(one.page.get_by_role("table").get_by_text("Failed", exact=True).first).to_be_visible()
    run = one.api("GET", "/runs?workflow=failing")["items"][0]["run_id"]
    one.leave(failed=False)
    return {"org": org, "run": run, "event": event}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_violation_in_either_theme_and_nothing_lies_beside_the_screen(
    browser: Browser, house: HubHouse, office: dict[str, str], name: str, width: int
) -> None:
    options: dict[str, Any] = {"viewport": {"width": width, "height": 800}, "reduced_motion": "reduce"}
    one = Person.sit_down(browser, house, org=office["org"], pictures=PICTURES / "pages", **options)
    one.goto(PAGES[name].format(**office))
    expect(one.page.locator("main h1, main input[aria-label], main [data-card]").first).to_be_visible()
    one.page.wait_for_timeout(800)
    for theme in ("light", "dark"):
        one.page.emulate_media(color_scheme=theme)
        expect(one.page.locator("html")).to_have_attribute("data-mantine-color-scheme", theme)
        one.picture(f"{name}-{theme}-{width}")
        assert one.violations() == [], theme
        assert one.page.evaluate("document.documentElement.scrollWidth") <= width
    one.leave(failed=False)


def test_what_a_click_opens_has_no_violation_either(browser: Browser, house: HubHouse, office: dict[str, str]) -> None:
    options: dict[str, Any] = {"viewport": {"width": 390, "height": 800}, "reduced_motion": "reduce"}
    one = Person.sit_down(browser, house, org=office["org"], pictures=PICTURES / "pages", **options)
    add, variables = re.compile("^Add a step", re.IGNORECASE), re.compile("variable", re.IGNORECASE)
    opened: dict[str, tuple[str, list[Locator]]] = {
        "menu": ("/workflows", [one.button("More about Alert to Ticket").first]),
        "import": ("/workflows", [one.button("Import")]),
        "step": ("/workflows/alert-to-ticket", [one.card("ticket")]),
        "variables": (
            "/workflows/alert-to-ticket",
            [one.card("ticket"), one.page.get_by_role("button", name=variables).first],
        ),
        "conditions": ("/workflows/alert-to-ticket", [one.card("conditions")]),
        "picker": ("/workflows/alert-to-ticket", [one.page.get_by_role("button", name=add).first]),
        "yaml": ("/workflows/alert-to-ticket", [one.button("YAML")]),
        "resume": (f"/runs/{office['run']}", [one.button("Resume")]),
        "share": (f"/runs/{office['run']}", [one.button("Share and download")]),
    }
    for name, (path, clicks) in opened.items():
        one.goto(path)
        for click in clicks:
            one.click(click)
        one.page.wait_for_timeout(400)
        for theme in ("light", "dark"):
            one.page.emulate_media(color_scheme=theme)
            expect(one.page.locator("html")).to_have_attribute("data-mantine-color-scheme", theme)
            assert one.violations() == [], (name, theme)
        one.picture(f"open-{name}")
    one.leave(failed=False)


def test_the_theme_follows_the_system_and_can_be_chosen(person: Person) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    person.goto("/templates")
    light = person.page.evaluate(ground)
    person.page.emulate_media(color_scheme="dark")
    expect(person.page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    assert person.page.evaluate(ground) != light
