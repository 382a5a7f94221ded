"""The product page's "Using the Visual Designer", as a person would: with the mouse, and with the keyboard alone."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Dialog, expect

from tests.web.person import Person
from tests.web.scenes import alert_to_ticket, branching


def _steps(person: Person, id: str) -> list[str]:
    return [step["id"] for step in person.api("GET", f"/workflows/{id}")["definition"]["steps"]]


def _saved(person: Person) -> None:
    expect(person.button("Saved")).to_be_visible()


def test_the_workflow_is_shown_as_a_flowchart_with_its_branches(person: Person) -> None:
    person.workflow(branching())
    person.goto("/workflows/branching")
    for key in ("trigger", "which", "which.then.yes", "which.else.no", "after"):
        expect(person.card(key)).to_be_visible()
    which, yes, no = (person.card(key).bounding_box() for key in ("which", "which.then.yes", "which.else.no"))
    assert which
    assert yes
    assert no
    assert yes["x"] < no["x"]
    assert yes["y"] > which["y"] + which["height"] / 2
    expect(person.page.get_by_text("Yes", exact=True).first).to_be_visible()
    person.picture("flowchart")


_WHERE_IT_WAS_SEEN = """
window.seen = new Set();
const look = () => {
  const card = document.querySelector('[data-card=which]');
  if (card && getComputedStyle(card).visibility === 'visible') {
    const { x, y, width } = card.getBoundingClientRect();
    window.seen.add([x, y, width].join(' '));
  }
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


def test_the_flowchart_is_seen_only_where_it_stays(person: Person) -> None:
    person.workflow(branching())
    person.page.add_init_script(_WHERE_IT_WAS_SEEN)
    person.goto("/workflows/branching")
    expect(person.card("which")).to_be_visible()
    person.page.wait_for_timeout(500)
    assert len(person.page.evaluate("[...window.seen]")) == 1


_SCROLLED_AT_ONCE = """
window.scrolled = 0;
const scroll = () => {
  const pane = document.querySelector('[data-placed=false] .react-flow__pane');
  if (!pane || window.scrolled === 10) return;
  window.scrolled += 1;
  pane.dispatchEvent(new WheelEvent('wheel', { deltaY: 3, bubbles: true, cancelable: true }));
};
const again = () => { scroll(); requestAnimationFrame(again); };
new MutationObserver(scroll).observe(document, { subtree: true, childList: true });
requestAnimationFrame(again);
"""


def test_whoever_scrolls_before_the_flowchart_is_there_sees_it_nevertheless(person: Person) -> None:
    person.workflow(branching())
    person.page.add_init_script(_SCROLLED_AT_ONCE)
    person.goto("/workflows/branching")
    expect(person.card("which")).to_be_visible()
    assert person.page.evaluate("window.scrolled")


def test_an_action_is_dragged_to_another_place(person: Person) -> None:
    person.workflow(alert_to_ticket(steps=[{"id": n, "action": "add_tag", "with": {"tag": n}} for n in "abc"]))
    person.goto("/workflows/alert-to-ticket")
    expect(person.card("c")).to_be_visible()
    first, third = person.card("a").bounding_box(), person.card("c").bounding_box()
    assert first
    assert third
    mouse = person.page.mouse
    mouse.move(third["x"] + 60, third["y"] + 12)
    mouse.down()
    mouse.move(third["x"] + 60, third["y"] - 40, steps=8)
    mouse.move(first["x"] + 60, first["y"] - 16, steps=20)
    person.picture("dragging")
    mouse.up()
    person.click(person.button("Save"))
    _saved(person)
    assert _steps(person, "alert-to-ticket") == ["c", "a", "b"]


def test_the_plus_between_two_steps_inserts_an_action_or_a_condition_there(person: Person) -> None:
    person.workflow(alert_to_ticket())
    person.goto("/workflows/alert-to-ticket")
    plus = person.page.get_by_role("button", name=re.compile(r"^Add a step", re.IGNORECASE))
    person.click(plus.nth(1))
    person.picture("picker")
    person.click(person.option("Add tag"))
    person.press("Escape")
    person.click(plus.nth(1))
    person.click(person.option("Condition"))
    person.press("Escape")
    person.click(person.button("Save"))
    _saved(person)
    found = person.api("GET", "/workflows/alert-to-ticket")["definition"]["steps"]
    assert [one.get("action", "condition") for one in found] == ["create_ticket", "condition", "add_tag", "create_note"]


def test_a_click_of_an_unsteady_hand_opens_a_step_and_moves_nothing(person: Person) -> None:
    person.workflow(alert_to_ticket(steps=[{"id": n, "action": "add_tag", "with": {"tag": n}} for n in "abc"]))
    person.goto("/workflows/alert-to-ticket")
    expect(person.card("b")).to_be_visible()
    person.click(person.card("a"))
    card = person.card("b").bounding_box()
    assert card
    mouse = person.page.mouse
    mouse.move(card["x"] + 60, card["y"] + 20)
    mouse.down()
    mouse.move(card["x"] + 62, card["y"] + 22)
    mouse.up()
    expect(person.card("b")).to_have_attribute("data-selected", "true")
    expect(person.button("Saved")).to_be_visible()


def test_a_click_on_a_step_opens_its_configuration(person: Person) -> None:
    person.workflow(alert_to_ticket())
    person.goto("/workflows/alert-to-ticket")
    person.click(person.card("ticket"))
    title = person.page.get_by_role("textbox", name="Title", exact=False).first
    title.fill("Look at {{device.name}}")
    person.picture("panel")
    expect(person.card("ticket")).to_contain_text("Look at")
    person.click(person.button("Save"))
    _saved(person)
    step = person.api("GET", "/workflows/alert-to-ticket")["definition"]["steps"][0]
    assert step["with"]["title"] == "Look at {{device.name}}"


def test_a_fault_is_told_in_its_place_while_one_types(person: Person) -> None:
    person.workflow(alert_to_ticket())
    person.goto("/workflows/alert-to-ticket")
    person.click(person.card("ticket"))
    person.page.get_by_role("textbox", name="Title", exact=False).first.fill("")
    expect(person.page.get_by_text(re.compile("is empty|is required", re.IGNORECASE)).first).to_be_visible()
    expect(person.button("1 to fix")).to_be_visible()
    person.picture("fault")


def test_the_test_button_plays_sample_data_through_and_lights_the_path(person: Person) -> None:
    page = person.page
    person.workflow(branching())
    person.goto("/workflows/branching")
    person.click(person.link("Test"))
    expect(person.card("which.then.yes")).to_contain_text(re.compile("Succeeded|Would run|Done"))
    expect(page.get_by_role("complementary", name="Test")).to_contain_text("critical")
    expect(page.get_by_role("complementary", name="Test")).to_contain_text("POST")
    person.picture("test")
    assert person.api("GET", "/runs")["items"] == [], "a test performs nothing"


def test_a_loop_with_another_workflow_is_drawn(person: Person) -> None:
    def sets(id: str, name: str, before: str, after: str) -> dict[str, Any]:
        steps = [{"id": "set", "action": "update_ticket", "with": {"fields": {"status": after}}}]
        condition = {"field": "ticket.status", "op": "equals", "value": before}
        return alert_to_ticket(id, name=name, steps=steps, conditions=condition, trigger={"type": "ticket.updated"})

    person.workflow(sets("one", "One", "New", "Open"))
    person.workflow(sets("two", "Two", "Open", "New"))
    person.goto("/workflows/one")
    person.click(person.page.get_by_role("button", name=re.compile("warning")))
    loop = person.page.get_by_role("region", name="A loop").first
    expect(loop).to_be_visible()
    expect(loop).to_contain_text("Two")
    person.picture("loop")


def test_the_yaml_view_works_both_ways_and_shares_undo(person: Person) -> None:
    page = person.page
    person.workflow(alert_to_ticket())
    person.goto("/workflows/alert-to-ticket")
    person.click(person.button("YAML"))
    text = page.locator(".cm-content")
    expect(text).to_contain_text("create_ticket")
    whole = person.api("GET", "/workflows/alert-to-ticket")["yaml"]
    text.click()
    person.press("Control+a")
    page.keyboard.insert_text(whole.replace("Ticket {{steps.ticket.id}}", "By hand"))
    expect(person.card("note")).to_contain_text("By hand")
    person.picture("yaml")
    person.click(person.button("YAML"))
    person.click(person.button("Undo"))
    expect(person.card("note")).not_to_contain_text("By hand")


def test_a_whole_workflow_is_built_with_the_keyboard_alone(person: Person) -> None:
    page = person.page
    person.goto("/workflows/new")
    expect(page.get_by_role("combobox", name="Search triggers")).to_be_focused()
    person.type("alert trig")
    person.press("Enter")
    expect(person.option("Only if")).to_be_visible()
    person.press("Enter")
    expect(person.card("conditions")).to_be_visible()
    expect(person.button("Next step")).to_be_focused()
    person.press("Enter")
    person.type("create t")
    person.press("Enter")
    expect(person.button("Next step")).to_be_focused()
    person.press("Enter")
    person.type("add tag")
    person.press("Enter")
    person.press("Escape")
    expect(person.card("trigger")).to_be_visible()
    # Arrows walk the steps, Alt with them reorders.
    last = page.locator("[data-card]:focus")
    expect(last).to_be_focused()
    before = last.get_attribute("data-card")
    person.press("Alt+ArrowUp")
    person.press("ArrowUp", "ArrowDown")
    person.picture("keyboard")
    person.press("Control+Enter")
    _saved(person)
    [made] = person.api("GET", "/workflows")["items"]
    assert made["state"] == "enabled"
    assert made["actions"] == ["add_tag", "create_ticket"]
    assert before is not None
    assert person.clicks == 0


def test_what_was_not_saved_is_not_lost_without_a_word(person: Person) -> None:
    person.workflow(alert_to_ticket())
    person.goto("/workflows/alert-to-ticket")
    person.click(person.card("note"))
    person.press("Delete")
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    person.page.on("dialog", refuse)
    person.click(person.link("Runs").first)
    expect(person.page).to_have_url(re.compile("/workflows/alert-to-ticket"))
    assert asked or person.page.get_by_role("dialog").count()


def test_two_who_change_the_same_workflow_do_not_overwrite_each_other(person: Person) -> None:
    person.expected = ("412",)
    person.workflow(alert_to_ticket())
    person.goto("/workflows/alert-to-ticket")
    person.click(person.card("ticket"))
    person.page.get_by_role("textbox", name="Title", exact=False).first.fill("Mine")
    whole = person.api("GET", "/workflows/alert-to-ticket")["definition"]
    person.api("PUT", "/workflows/alert-to-ticket", {**whole, "name": "Theirs"}, **{"If-Match": '"1"'})
    person.click(person.button("Save"))
    expect(person.page.get_by_text(re.compile("somebody else|elsewhere|meanwhile")).first).to_be_visible()
    person.picture("conflict")
    assert person.api("GET", "/workflows/alert-to-ticket")["definition"]["name"] == "Theirs"
