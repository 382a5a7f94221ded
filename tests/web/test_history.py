"""The product page's "Execution History" and "Error Handling", done as a person would."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Browser, Locator, expect

from tests.web.conftest import PICTURES, HubHouse
from tests.web.person import Person
from tests.web.scenes import alert, alert_to_ticket, branching, failing


def _timeline(person: Person) -> Locator:
    return person.page.get_by_role("region", name="Timeline")


def test_a_click_on_a_workflow_shows_its_runs_and_each_tells_all_of_itself(person: Person) -> None:
    page = person.page
    person.workflow(alert_to_ticket())
    person.emit("alert.triggered", alert("told-1"))
    person.goto("/workflows")
    expect(page.locator("main tbody a[href^='/runs/']")).to_have_count(1)
    person.click(page.get_by_role("rowheader").get_by_role("link", name="Alert to Ticket"))
    expect(page).to_have_url(re.compile("/workflows/alert-to-ticket/runs"))
    expect(person.first_run()).to_contain_text("Disk full")
    person.picture("1-runs")
    person.click(person.first_run())
    # Trigger event details, condition results with wanted and actual values, outcomes, duration.
    expect(_timeline(person)).to_contain_text("Create ticket")
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible()
    expect(page.get_by_text(re.compile(r"Took"))).to_be_visible()
    person.click(person.card("trigger"))
    expect(page.get_by_test_id("details")).to_contain_text("Disk full")
    person.click(person.card("conditions"))
    expect(page.get_by_test_id("details")).to_contain_text("critical")
    person.picture("2-conditions")
    person.click(person.card("ticket"))
    expect(page.get_by_test_id("details")).to_contain_text("Disk full on SRV-01")
    person.picture("3-step")


def test_path_and_timeline_are_linked(person: Person) -> None:
    page = person.page
    person.workflow(branching())
    person.emit("alert.triggered", alert("path-1"))
    person.goto("/workflows/branching/runs")
    person.click(person.first_run())
    expect(person.card("which.then.yes")).to_contain_text("Succeeded")
    expect(person.card("which.else.no")).not_to_contain_text("Succeeded")
    expect(_timeline(person)).to_contain_text("Not reached")
    person.click(_timeline(person).get_by_text("Branch").first)
    expect(page.get_by_test_id("details")).to_contain_text("severity")
    expect(page).to_have_url(re.compile("step=0"))
    person.picture("linked")


def test_a_failing_action_is_logged_in_full_tried_again_and_the_run_goes_on_and_fails(person: Person) -> None:
    page = person.page
    person.workflow(failing())
    person.emit("alert.triggered", alert("fail-1"))
    person.goto("/runs")
    expect(page.get_by_role("table").get_by_text("Failed", exact=True).first).to_be_visible()
    person.click(person.first_run())
    expect(_timeline(person)).to_contain_text("3 attempts")
    expect(person.card("note")).to_contain_text("Succeeded")
    person.click(person.card("call"))
    expect(page.get_by_test_id("details").get_by_role("note", name="Error").first).to_contain_text("nobody.invalid")
    person.picture("failed-run")
    # Run again, with a look at what that means before.
    person.click(person.button("Run again"))
    expect(page.get_by_role("dialog")).to_contain_text(re.compile("runs again|under version"))
    person.picture("run-again")
    (old,) = re.findall(r"/runs/([0-9a-f]{32})", page.url)
    person.click(page.get_by_role("dialog").get_by_role("button", name="Run again"))
    expect(page).to_have_url(re.compile(rf"/runs/(?!{old})[0-9a-f]{{32}}"))
    audit = person.api("GET", "/audit")["items"]
    assert any(one["action"].startswith("run.") and one["outcome"] == "done" for one in audit)


def test_a_waiting_run_is_seen_waiting_and_can_be_cancelled(person: Person) -> None:
    page = person.page
    person.workflow(alert_to_ticket("slow", steps=[{"id": "wait", "action": "delay", "with": {"for": "PT1H"}}]))
    person.emit("alert.triggered", alert("wait-1"))
    person.goto("/runs")
    expect(page.get_by_text("Waiting").first).to_be_visible()
    person.click(person.first_run())
    expect(person.card("wait")).to_contain_text("Waiting")
    person.picture("waiting")
    person.click(person.button("Cancel"))
    person.click(page.get_by_role("dialog").get_by_role("button", name=re.compile("^Cancel")))
    expect(page.get_by_text("Cancelled").first).to_be_visible()


def test_a_running_run_goes_on_before_ones_eyes(person: Person) -> None:
    page = person.page
    tag = {"action": "add_tag", "with": {"tag": "late"}}
    steps = [{"id": "wait", "action": "delay", "with": {"for": "PT6S"}}, {"id": "then", **tag}]
    person.workflow(alert_to_ticket("soon", steps=steps))
    person.emit("alert.triggered", alert("soon-1"))
    person.goto("/runs")
    person.click(person.first_run())
    expect(person.card("wait")).to_contain_text("Waiting")
    expect(person.card("then")).to_contain_text("Succeeded")
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible()


def test_what_did_not_run_stands_beside_with_the_reason(person: Person) -> None:
    page = person.page
    person.workflow(alert_to_ticket())
    event = person.emit("alert.triggered", alert("low-1", severity="low"), id=f"low-{person.org}")
    person.goto("/runs")
    person.click(person.link("Filtered out").first)
    expect(page.get_by_text(re.compile("severity is critical", re.IGNORECASE)).first).to_be_visible()
    expect(page.get_by_text("low").first).to_be_visible()
    person.picture("filtered")
    person.goto(f"/why?event={event}")
    expect(page.get_by_text("Alert to Ticket").first).to_be_visible()
    expect(page.get_by_text("critical").first).to_be_visible()
    person.picture("why")
    person.goto("/why?entity=alert/low-1")
    expect(page.get_by_text("Alert to Ticket").first).to_be_visible()
    person.picture("why-entity")


def test_a_run_is_downloaded_and_its_link_shows_nothing_to_another_organisation(
    person: Person, browser: Browser, house: HubHouse
) -> None:
    page = person.page
    person.workflow(alert_to_ticket())
    person.emit("alert.triggered", alert("share-1"))
    person.goto("/runs")
    person.click(person.first_run())
    expect(_timeline(person)).to_be_visible()
    person.click(person.button("Share and download"))
    with page.expect_download() as download:
        person.click(page.get_by_role("menuitem", name=re.compile("JSON|whole run", re.IGNORECASE)).first)
    assert json.loads(download.value.path().read_text())["run_id"] in page.url
    other = Person.sit_down(browser, house, org=f"{person.org}-x", pictures=PICTURES / "other")
    other.expected = ("404",)
    other.goto(page.url.removeprefix(house.address))
    expect(other.page.get_by_text("No such run")).to_be_visible()
    assert "Disk full" not in other.page.content()
    other.leave(failed=False)
