"""The product page's "Creating a Workflow", done as a person would."""

from __future__ import annotations

import time

from playwright.sync_api import expect

from tests.web.person import Person
from tests.web.scenes import alert


def test_a_workflow_drawn_from_nothing_by_mouse_runs_on_a_real_event_and_its_trace_appears(person: Person) -> None:
    page = person.page
    person.goto("/workflows")
    expect(page.get_by_role("heading", name="No workflows yet")).to_be_visible()
    person.picture("1-empty")
    person.click(person.link("New workflow"))
    person.click(person.option("Alert triggered"))
    person.click(person.option("Only if"))
    person.picture("2-condition")
    person.click(person.button("Next step"))
    person.click(person.option("Create ticket"))
    expect(page.get_by_text("Ready", exact=True)).to_be_visible()
    person.picture("3-action")
    person.click(person.button("Save & enable"))
    expect(page.get_by_text("Enabled", exact=True).first).to_be_visible()
    person.counted("from nothing")
    assert (person.clicks, person.keys) <= (10, 20)

    person.changed = time.monotonic()
    person.click(person.link("History"))
    expect(page.get_by_text("No run", exact=False).first).to_be_visible()
    person.emit("alert.triggered", alert("drawn-1"))
    row = page.locator("main a[href^='/runs/']:not([href^='/runs/filtered'])").first
    expect(row).to_be_visible()
    expect(page.get_by_text("Completed").first).to_be_visible()
    person.picture("4-history")
    person.click(row)
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("Create ticket")
    expect(person.card("trigger")).to_be_visible()
    person.picture("5-run")
    [run] = person.api("GET", "/runs")["items"]
    assert (run["status"], run["entity_key"]) == ("completed", f"{person.org}/alert/drawn-1")


def test_a_name_and_a_description_are_given_and_save_keeps_a_draft(person: Person) -> None:
    page = person.page
    person.goto("/workflows")
    person.click(person.link("New workflow"))
    name = page.get_by_role("textbox", name="Name of the workflow")
    name.fill("Tell the team")
    person.click(person.button("Add a description"))
    page.get_by_role("textbox", name="Description").fill("Says who called.")
    person.press("Escape")
    person.click(person.card("trigger"))
    person.click(person.option("Contact created"))
    person.click(person.button("Save"))
    expect(page.get_by_text("Draft", exact=True).first).to_be_visible()
    expect(person.button("Saved")).to_be_visible()
    [made] = person.api("GET", "/workflows")["items"]
    assert (made["name"], made["state"], made["trigger_type"]) == ("Tell the team", "draft", "contact.created")
    assert made["description"] == "Says who called."


def test_the_triggers_of_the_product_page_are_there_to_select(person: Person) -> None:
    person.goto("/workflows/new")
    expect(person.option("Alert triggered")).to_be_visible()
    texts = person.page.get_by_role("option").all_text_contents()
    told = {one["title"] for one in person.api("GET", "/catalogue")["triggers"]}
    assert len(told) >= 12
    assert {title for title in told if not any(title in text for text in texts)} == set()


def test_an_unfinished_workflow_is_not_enabled_but_told_what_it_lacks(person: Person) -> None:
    page = person.page
    # Whoever is quicker than the check while one types is refused by the Hub.
    person.expected = ("422",)
    person.goto("/workflows/new")
    person.click(person.option("Ticket created"))
    person.press("Escape")
    person.click(person.button("Save & enable"))
    expect(
        page.get_by_role("complementary", name="To look at").or_(page.get_by_role("region", name="To look at")).first
    ).to_be_visible()
    person.picture("problems")
    assert person.api("GET", "/workflows")["items"] == []
