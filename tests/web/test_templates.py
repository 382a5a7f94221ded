"""The product page's "Built-in Templates", done as a person would."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.web.person import Person

TITLES = (
    *("Alert to Ticket", "Failed Backup Notification", "SLA Breach Escalation", "Device Offline Alert"),
    *("Overdue Invoice Reminder", "New Client Onboarding", "Deal Won Provisioning", "Security Incident Response"),
    *("Duplicate Entity Review", "Stale Ticket Cleanup"),
)


def test_ten_templates_are_shown_each_with_its_flow_drawn(person: Person) -> None:
    person.goto("/workflows")
    person.click(person.page.get_by_role("navigation").get_by_role("link", name="Templates"))
    for title in TITLES:
        card = person.page.get_by_role("listitem").filter(has=person.page.get_by_role("heading", name=title))
        expect(card.first).to_be_visible()
        expect(card.first.locator("svg").first).to_be_visible()
    person.picture("gallery")


def test_from_the_empty_list_a_template_is_in_force_after_three_clicks(person: Person) -> None:
    person.goto("/workflows")
    person.click(person.link("Use Alert to Ticket"))
    person.picture("form")
    person.click(person.button("Save & enable"))
    expect(person.page.get_by_text("Enabled", exact=True).first).to_be_visible()
    person.counted("from a template")
    assert person.clicks <= 3
    assert person.keys == 0
    [made] = person.api("GET", "/workflows")["items"]
    assert (made["id"], made["state"]) == ("alert-to-ticket", "enabled")


@pytest.mark.parametrize("title", TITLES)
def test_a_template_is_selected_customised_and_saved(person: Person, title: str) -> None:
    page = person.page
    [template] = [one for one in person.api("GET", "/templates")["items"] if one["title"] == title]
    person.goto(f"/templates/{template['name']}")
    page.get_by_role("textbox", name="Name", exact=True).fill(f"Our {title}")
    for one in template["parameters"]:
        if one["required"]:
            example = {"email": "admin@msp.example", "number": "3", "duration": "15"}.get(one["type"], "Example")
            page.locator(f"[name={one['name']}]").first.fill(example)
    person.picture("filled")
    person.click(person.button("Save as draft"))
    expect(person.card("trigger")).to_be_visible()
    person.picture("designer")
    [made] = person.api("GET", "/workflows")["items"]
    assert (made["name"], made["state"], made["trigger_type"]) == (f"Our {title}", "draft", template["trigger"])
