from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schemas.definitions import parse_definition
from schemas.documents import dump_yaml, load_yaml
from schemas.errors import Refused
from schemas.templates import FOLDER, Parameter, Template, built_in, drawn, fill, find, parse, value

PROMISES = {
    "Alert to Ticket": "Creates a PSA ticket when a critical or high-severity alert fires.",
    "Failed Backup Notification": "Sends an email to the client's primary contact when a backup fails.",
    "SLA Breach Escalation": "Escalates to On-Call when a ticket breaches its response SLA.",
    "Device Offline Alert": "Creates a ticket and notifies the assigned technician when a device goes offline for more "
    "than 15 minutes.",
    "Overdue Invoice Reminder": "Sends a reminder email 3, 7, and 14 days after an invoice becomes overdue.",
    "New Client Onboarding": "Creates a series of setup tickets when a new company is added to the PSA.",
    "Deal Won Provisioning": 'Triggers account setup tasks when a CRM deal moves to "Closed Won."',
    "Security Incident Response": "Escalates to On-Call and creates a high-priority ticket when a critical security "
    "alert fires.",
    "Duplicate Entity Review": "Notifies an admin when Entity Sync detects a potential duplicate.",
    "Stale Ticket Cleanup": "Sends a reminder to the assigned tech when a ticket has had no updates for 7 days.",
}
"""The product page, word for word."""

SMALL = """
template: {name: small, title: Small, summary: Says it., description: Says it., category: Tests}
parameters:
  - {name: board, label: Board, description: Which board., type: board, default: Alerts}
  - {name: days, label: Days, description: How many days., type: number, default: 3, least: 1}
  - {name: closed, label: Closed, description: Which statuses., type: list, default: [Closed, Resolved]}
  - {name: who, label: Who, description: Whom to ask., type: email}
definition:
  trigger: {type: ticket.created}
  conditions: {field: ticket.status, op: not_in, value: <<closed>>}
  steps:
    - {id: wait, action: delay, with: {for: <<days>>d}}
    - id: tell
      action: send_notification
      with: {channel: email, to: <<who>>, subject: "<<board>>: {{ticket.id}}", body: "Not <<closed>>, <<days>> days."}
"""


def small(old: str = "", new: str = "") -> Template:
    assert old in SMALL
    return parse(SMALL.replace(old, new) if old else SMALL)


def needed(template: Template) -> dict[str, str]:
    samples = {"team": "noc", "email": "admin@acme.example"}
    return {one.name: samples[one.type] for one in template.parameters if one.required}


def test_the_ten_of_the_product_page_are_there_with_their_promises() -> None:
    assert {one.about.title: one.about.summary for one in built_in().values()} == PROMISES
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(built_in())


@pytest.mark.parametrize("name", built_in())
def test_a_template_becomes_a_definition_without_a_warning(name: str) -> None:
    from engine.check import check

    template = find(name)
    body = fill(template, needed(template), "acme", state="enabled")
    definition = parse_definition(body)
    assert check(definition) == []
    assert (definition.id, definition.org, definition.version, definition.state) == (name, "acme", 1, "enabled")
    assert definition.name == template.about.title
    assert "<<" not in str(body)


@pytest.mark.parametrize("name", built_in())
def test_every_parameter_changes_what_comes_out(name: str) -> None:
    template = find(name)
    before = fill(template, needed(template), "acme")
    others = {
        **dict.fromkeys(("text", "board", "team", "list"), "Something else"),
        "email": "other@acme.example",
        "number": "21",
        "duration": "PT99M",
    }
    for one in template.parameters:
        other = next(c for c in one.choices if c != one.default) if one.choices else others[one.type]
        assert fill(template, {**needed(template), one.name: other}, "acme") != before, one.name


@pytest.mark.parametrize("name", built_in())
def test_what_a_template_becomes_is_written_as_yaml_and_read_again(name: str) -> None:
    template = find(name)
    body = fill(template, needed(template), "acme")
    text = dump_yaml(body)
    assert load_yaml(text) == [body]
    assert "\\n" not in text, "texts of several lines are written as such"
    assert "&id" not in text, "nothing is written as an anchor and its alias"


def test_a_lone_place_keeps_the_type_and_one_in_a_text_becomes_text() -> None:
    body = fill(small(), {"who": "Ann <ann@x.example>", "days": "2.5", "closed": "Done, Gone"}, "acme", "mine")
    assert body["id"] == "mine"
    assert body["conditions"]["value"] == ["Done", "Gone"]
    assert body["steps"][0]["with"] == {"for": "2.5d"}
    assert body["steps"][1]["with"]["subject"] == "Alerts: {{ticket.id}}"
    assert body["steps"][1]["with"]["body"] == "Not Done, Gone, 2.5 days."
    assert body["steps"][1]["with"]["to"] == "Ann <ann@x.example>"


def test_a_value_is_never_read_for_places_and_may_be_a_run_time_template() -> None:
    body = fill(small(), {"who": "{{company.primary_contact.email}}", "board": "<<who>>"}, "acme")
    assert body["steps"][1]["with"]["subject"] == "<<who>>: {{ticket.id}}"
    assert body["steps"][1]["with"]["to"] == "{{company.primary_contact.email}}"


def test_filling_leaves_the_template_as_it_was() -> None:
    template = small()
    before = template.model_copy(deep=True)
    fill(template, {"who": "a@b.example"}, "acme")["steps"].clear()
    assert template == before


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({}, "who", "is required: Whom to ask."),
        ({"who": " "}, "who", "is required"),
        ({"who": "nobody"}, "who", "no e-mail address"),
        ({"who": "a@b.example, c@d.example"}, "who", "no e-mail address"),
        ({"who": "a@b.example", "bored": "x"}, "bored", "has no such parameter; it has board, days, closed, who"),
        ({"who": "a@b.example", "days": "soon"}, "days", "should be a number, not 'soon'"),
        ({"who": "a@b.example", "days": "0"}, "days", "should be at least 1, not 0"),
        ({"who": "a@b.example", "days": True}, "days", "should be a number"),
        ({"who": "a@b.example", "days": float("nan")}, "days", "should be a number"),
        ({"who": "a@b.example", "closed": "a,,b"}, "closed", "1 to 100 texts"),
        ({"who": "a@b.example", "board": "x" * 4001}, "board", "4,001 characters"),
        ({"who": "a@b.example", "board": "a\x00b"}, "board", "control characters"),
        ({"who": "a@b.example", "board": ["x"]}, "board", "should be text"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_name(values: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        fill(small(), values, "acme")
    assert refused.value.field == field
    assert said in refused.value.reason


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(Refused) as refused:
        fill(small(), {"days": "x", "what": "y"}, "no org")
    assert [fault.field for fault in refused.value.faults] == ["what", "days", "who", "org"]


def test_an_id_that_is_none_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        fill(small(), {"who": "a@b.example"}, "acme", "no id")
    assert refused.value.field == "id"


@pytest.mark.parametrize(
    ("type", "given", "read"),
    [
        ("duration", "15m", "15m"),
        ("duration", "PT15M", "PT15M"),
        ("secret", "secret:TEAMS", "secret:TEAMS"),
        ("number", "14.0", 14),
        ("list", ["a ", "b"], ["a", "b"]),
        ("text", 7, "7"),
    ],
)
def test_a_typed_value_is_read_as_what_it_is(type: Any, given: Any, read: Any) -> None:
    parameter = Parameter(name="x", label="X", description="An x.", type=type)
    assert value(parameter, given) == read


@pytest.mark.parametrize(
    ("type", "given"), [("duration", "0s"), ("duration", "a while"), ("secret", "hunter2"), ("list", [""])]
)
def test_a_typed_value_that_is_none_is_refused(type: Any, given: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        value(Parameter(name="x", label="X", description="An x.", type=type), given)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("to: <<who>>", "to: <<whom>>", "no parameter is declared for <<whom>>"),
        ("to: <<who>>", "to: a@b.example", "no place is filled by the parameters who"),
        ("to: <<who>>", "to: << who >>", "begins no place"),
        ("<<board>>: {{ticket.id}}", "{{ticket.id | append: '<<board>>'}}", "only a number or a duration can"),
        ("type: email", "type: choice", "choices belong to a choice"),
        ("default: 3, least", "default: 0, least", "should be at least 1"),
        ("name: days", "name: board", "declared twice"),
        ("type: email", "type: pigeon", "parameters[3].type"),
        ("  steps:", "  org: acme\n  steps:", "is given when the template is used"),
        ("ticket.created", "ticket.burned", "trigger.type should be an event type"),
        ("name: small", "name: Small One", "template.name"),
    ],
)
def test_a_template_that_does_not_hold_together_is_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        small(old, new)
    assert said in str(refused.value)


def test_a_name_that_no_template_has_is_told_with_all_that_there_are() -> None:
    with pytest.raises(Refused, match=r"no template 'nothing'; the templates are alert-to-ticket, .*stale"):
        find("nothing")


def test_the_folder_of_templates_is_part_of_what_is_installed() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "templates*" in project["packages"]["find"]["include"]
    assert "*.yaml" in project["package-data"]["*"]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    # A surrogate, a NUL and what YAML takes for a line's end are refused or changed in any YAML text.
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
    | st.sampled_from(
        [
            "yes",
            "on",
            "1e3",
            "007",
            "0x1F",
            "2026-11-23",
            "~",
            "null",
            "<<",
            "a: b",
            "- a",
            "a\n",
            "\na",
            "7d",
            "1:30",
            "1_000",
        ]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab<c ", max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "null", "1", "<<"]), json_values, min_size=1, max_size=4))
def test_whatever_is_written_as_yaml_is_read_as_the_same(document: dict[str, Any]) -> None:
    text = dump_yaml(document)
    assert load_yaml(text) == [document]


def test_what_is_written_is_plain_yaml_for_others_too() -> None:
    body = fill(small(), {"who": "a@b.example", "board": "yes"}, "acme")
    assert yaml.safe_load(dump_yaml(body)) == body


@pytest.mark.parametrize("template", built_in().values(), ids=list(built_in()))
def test_a_template_is_drawn_with_its_defaults_and_open_places(template: Template) -> None:
    shown = drawn(template)
    assert shown["state"] == "draft"
    text = str(shown)
    for parameter in template.parameters:
        assert (f"<<{parameter.name}>>" in text) is parameter.required
