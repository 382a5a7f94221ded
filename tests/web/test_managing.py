"""The product page's "Managing Workflows", and what people do to a list: find, copy, move, delete; and who may."""

from __future__ import annotations

import json
import re
import time

from playwright.sync_api import Browser, expect

from tests.web.conftest import PICTURES, HubHouse
from tests.web.person import Person
from tests.web.scenes import alert, alert_to_ticket, branching


def test_a_workflow_is_toggled_off_and_on_in_the_list_and_keeps_its_configuration(person: Person) -> None:
    page = person.page
    person.workflow(alert_to_ticket())
    before = person.api("GET", "/workflows/alert-to-ticket")["definition"]
    person.goto("/workflows")
    switch = page.get_by_role("switch", name=re.compile("Alert to Ticket"))
    expect(switch).to_be_checked()
    person.click(switch)
    expect(page.get_by_text("Disabled", exact=True).first).to_be_visible()
    expect(switch).to_be_enabled()
    person.picture("disabled")
    after = person.api("GET", "/workflows/alert-to-ticket")["definition"]
    assert after == {**before, "state": "disabled", "version": 2}
    person.changed = time.monotonic()
    person.emit("alert.triggered", alert("off-1"), id=f"off-{person.org}")
    person.click(switch)
    expect(switch).to_be_checked()
    expect(switch).to_be_enabled()
    person.changed = time.monotonic()
    person.emit("alert.triggered", alert("on-1"))
    expect(page.locator("main tbody a[href^='/runs/']")).to_have_count(1)
    told = person.api("GET", f"/why?event=off-{person.org}")["workflows"]
    assert [one["verdict"] for one in told] == ["state"]


def test_runs_appear_in_the_list_without_a_reload(person: Person) -> None:
    person.workflow(alert_to_ticket())
    person.goto("/workflows")
    expect(person.page.get_by_text("No runs yet")).to_be_visible()
    person.emit("alert.triggered", alert("live-1"))
    expect(person.page.locator("main tbody a[href^='/runs/']")).to_have_count(1)


def test_a_list_is_searched_and_filtered_and_its_state_stands_in_the_address(person: Person) -> None:
    page = person.page
    person.workflow(alert_to_ticket())
    person.workflow({**branching(), "state": "disabled"})
    person.goto("/workflows")
    expect(page.locator("main tbody tr")).to_have_count(2)
    page.get_by_role("searchbox").or_(page.get_by_label("Search by name")).first.fill("ways")
    expect(page.locator("main tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("search=ways"))
    page.reload()
    expect(page.locator("main tbody tr")).to_have_count(1)
    expect(person.link("Two Ways").first).to_be_visible()


def test_a_workflow_is_duplicated_exported_deleted_and_imported_again(person: Person) -> None:
    page = person.page
    person.workflow(alert_to_ticket())
    person.goto("/workflows")
    person.click(person.button("More about Alert to Ticket"))
    with page.expect_download() as download:
        person.click(page.get_by_role("menuitem", name="Export as YAML"))
    text = download.value.path().read_text()
    assert "create_ticket" in text
    person.click(person.button("More about Alert to Ticket"))
    person.click(page.get_by_role("menuitem", name="Delete"))
    expect(page.get_by_role("heading", name="No workflows yet")).to_be_visible()
    person.click(person.button("Import"))
    page.get_by_role("textbox", name="YAML or JSON").fill(text)
    person.picture("import")
    person.click(page.get_by_role("dialog").get_by_role("button", name=re.compile("^Import")).last)
    expect(page.locator("main tbody tr").first).to_be_visible()
    [back] = person.api("GET", "/workflows")["items"]
    assert back["id"] == "alert-to-ticket"


def test_versions_are_compared_and_an_older_one_is_restored(person: Person) -> None:
    page = person.page
    person.workflow(alert_to_ticket())
    whole = person.api("GET", "/workflows/alert-to-ticket")["definition"]
    changed = json.loads(json.dumps(whole).replace("{{alert.title}} on", "Changed on"))
    person.api("PUT", "/workflows/alert-to-ticket", changed, **{"If-Match": '"1"'})
    person.goto("/workflows/alert-to-ticket/versions")
    expect(page.get_by_text("Robin Vale").first).to_be_visible()
    expect(page.get_by_text("Changed on", exact=False).first).to_be_visible()
    person.picture("versions")
    person.click(page.get_by_role("region", name="Versions").get_by_role("button").last)
    person.click(page.get_by_role("button", name=re.compile("Restore")).first)
    expect(page.get_by_text("Version 3").first).to_be_visible()
    assert person.api("GET", "/workflows/alert-to-ticket")["definition"]["steps"] == whole["steps"]


def test_whoever_may_only_read_sees_no_button_that_changes_something(browser: Browser, house: HubHouse) -> None:
    owner = Person.sit_down(browser, house, org="readers", pictures=PICTURES / "viewer")
    owner.workflow(alert_to_ticket())
    viewer = Person.sit_down(browser, house, org="readers", pictures=PICTURES / "viewer", role="Viewer")
    viewer.goto("/workflows")
    expect(viewer.link("Alert to Ticket").first).to_be_visible()
    assert viewer.page.get_by_role("switch").count() == 0
    assert viewer.link("New workflow").count() == 0
    viewer.picture("list")
    viewer.goto("/workflows/alert-to-ticket")
    expect(viewer.card("ticket")).to_be_visible()
    assert viewer.button("Save").count() == 0
    viewer.leave(failed=False)
    owner.leave(failed=False)


def test_one_signs_in_on_a_developers_machine_by_choosing_who_to_be(browser: Browser, house: HubHouse) -> None:
    one = Person.sit_down(browser, house, org="fresh", pictures=PICTURES / "sign-in", role="")
    one.expected = ("401",)
    one.goto("/workflows")
    expect(one.page).to_have_url(re.compile("/sign-in"))
    expect(one.button("Sign in").first).to_be_visible()
    one.picture("sign-in")
    one.page.get_by_label("Organisation").first.fill("fresh")
    one.click(one.button("Sign in").first)
    expect(one.page.get_by_role("heading", name="No workflows yet")).to_be_visible()
    one.leave(failed=False)


def test_a_key_is_shown_once_and_works_until_it_is_revoked(person: Person) -> None:
    page = person.page
    person.goto("/settings")
    person.click(person.button("New key", exact=False).first)
    page.get_by_label("Name").first.fill("Nightly export")
    person.click(page.get_by_role("button", name=re.compile("Make|Create")).last)
    key = page.get_by_text(re.compile(r"tos_[A-Za-z0-9_]+")).first
    expect(key).to_be_visible()
    person.picture("key")
    [row] = person.api("GET", "/keys")["items"]
    assert row["name"] == "Nightly export"
    assert "hash" not in row
