"""What went wrong is put right in the browser: resumed, many at once, corrected and sent again, seen on Health."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import expect

from tests.web.person import Person
from tests.web.scenes import alert, alert_to_ticket, failing


def test_a_failed_run_is_resumed_under_the_version_that_mends_it(person: Person) -> None:
    page = person.page
    broken = {**failing(), "steps": failing()["steps"][:1]}
    version = person.workflow(broken)["version"]
    person.emit("alert.triggered", alert("mend-1"))
    person.goto("/runs")
    expect(page.get_by_role("table").get_by_text("Failed", exact=True).first).to_be_visible()
    mended = json.loads(json.dumps(broken).replace("https://nobody.invalid/hook", f"{person.house.webhooks}/open/acme"))
    person.change("failing", mended, version)
    person.click(person.first_run())
    person.click(person.button("Resume"))
    dialog = page.get_by_role("dialog")
    person.click(dialog.get_by_label("The version in force now"))
    expect(dialog.get_by_role("region", name="What would be done")).to_contain_text("version 2")
    dialog.get_by_label("Reason").fill("the address was wrong")
    person.picture("resume")
    person.click(dialog.get_by_role("button", name="Resume"))
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible()
    expect(person.card("call")).to_contain_text("Succeeded")
    expect(page.get_by_text(re.compile("the address was wrong")).first).to_be_visible()
    person.picture("resumed")


def test_runs_are_selected_and_cancelled_at_once(person: Person) -> None:
    page = person.page
    person.workflow(alert_to_ticket("slow", steps=[{"id": "wait", "action": "delay", "with": {"for": "PT1H"}}]))
    for number in range(3):
        person.emit("alert.triggered", alert(f"many-{number}"))
    person.goto("/runs?status=waiting")
    expect(page.get_by_role("checkbox", name=re.compile("^Select the run about"))).to_have_count(3)
    person.click(page.get_by_role("checkbox", name="Select all that are shown"))
    bar = page.get_by_role("region", name="Selected runs")
    expect(bar).to_contain_text("3 runs selected")
    person.click(bar.get_by_role("button", name="Cancel"))
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("a drill")
    person.picture("cancel-many")
    person.click(dialog.get_by_role("button", name="Cancel 3 runs"))
    expect(dialog).to_have_count(0)
    person.goto("/runs?status=cancelled")
    expect(page.get_by_role("checkbox", name=re.compile("^Select the run about"))).to_have_count(3)
    person.click(person.first_run())
    expect(page.get_by_text(re.compile("a drill")).first).to_be_visible()


def test_a_dead_letter_is_corrected_sent_again_and_runs(person: Person) -> None:
    page = person.page
    person.workflow(alert_to_ticket())
    person.send_raw("onestack.events.rmm", f"{person.org}/alert/bad-1", _bad(person.org))
    person.goto("/dead-letters")
    letter = page.get_by_role("region", name="Dead letter", exact=True)
    expect(letter).to_contain_text("severity")
    person.click(letter.get_by_role("button", name="Correct and send"))
    value = letter.get_by_label("Corrected value")
    event = json.loads(value.input_value())
    event["data"]["alert"]["severity"] = "critical"
    value.fill(json.dumps(event, indent=2))
    person.picture("correcting")
    person.click(letter.get_by_role("button", name="Send the corrected one"))
    expect(letter.get_by_role("status")).to_contain_text("Sent again")
    person.picture("corrected")
    person.click(letter.get_by_role("link", name="What became of it"))
    expect(page.get_by_text("Alert to Ticket").first).to_be_visible()
    person.goto("/runs")
    expect(person.first_run()).to_be_visible()


def test_what_a_guard_kept_back_stands_on_the_page_of_health(person: Person) -> None:
    page = person.page
    person.workflow(alert_to_ticket(throttle={"key": "{{device.id}}", "limit": 1, "per": "PT30M"}))
    for number in range(3):
        person.emit("alert.triggered", alert(f"storm-{number}"))
    person.goto("/health")
    kept = page.get_by_role("region", name="Kept back by guards")
    expect(kept).to_contain_text("Alert to Ticket")
    expect(kept).to_contain_text("2")
    person.picture("kept-back")
    person.click(kept.get_by_role("link").first)
    expect(page.get_by_text(re.compile("at most 1 run")).first).to_be_visible()


def _bad(org: str) -> dict[str, Any]:
    """An event with a producer's mistake in it."""
    return {
        "specversion": "1.0",
        "id": "bad-1",
        "source": "/rmm",
        "type": "alert.triggered",
        "orgid": org,
        "subject": "alert/bad-1",
        "time": "2026-11-27T08:00:00Z",
        "data": {**alert("bad-1", severity=["no"])},
    }
