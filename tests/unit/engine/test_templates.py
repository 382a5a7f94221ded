"""Templates: what they render to, what they refuse, and that nothing gets out of hand."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RenderError
from engine.filters import FILTERS
from engine.paths import MISSING, Scope, text_of
from engine.templates import compile_path, compile_text, compile_value
from schemas.errors import Fault, Refused

DATA = {
    "device": {"id": "d-17", "name": "SRV-01", "criticality": 4, "online": False, "load": 0.5, "note": None},
    "items": [{"x": 1}, {"x": 2}],
    "tags": ["vip", "gold"],
    "with space": {"a b": 1},
    "sizes": {"size": "XL"},
    "numbers": {"0": "zero"},
    "steps": "shadowed",
}
STEPS = {"ticket": {"id": "T-1", "tags": ["a"]}, "a.b": {"id": "dotted"}, "2": {"n": 5}, "1st": {"n": 6}, "list": [7]}


def scope() -> Scope:
    event = {"id": "ev-1", "type": "device.offline", "orgid": "acme", "subject": "device/d-17", "data": DATA}
    workflow = {"id": "w", "name": "W", "version": 3}
    return Scope(event, workflow, {"id": "r1", "started": "2026-11-23T08:00:00Z"}, STEPS)


def render(text: str) -> Any:
    return compile_text(text, "f").render(scope())


def refusal(text: str) -> str:
    with pytest.raises(Refused) as caught:
        compile_text(text, "steps[0].with.title")
    assert caught.value.field == "steps[0].with.title"
    return caught.value.reason


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{device.name}}", "SRV-01"),
        ("{{ device.name }}", "SRV-01"),
        ("{{\ndevice.name\n}}", "SRV-01"),
        ("{{device.criticality}}", 4),
        ("{{device.online}}", False),
        ("{{device.load}}", 0.5),
        ("{{device.note}}", None),
        ("{{tags}}", ["vip", "gold"]),
        ("{{items[0].x}}", 1),
        ("{{items.1.x}}", 2),
        ("{{items[-1].x}}", 2),
        ("{{items.first.x}}", 1),
        ("{{tags.last}}", "gold"),
        ("{{tags.size}}", 2),
        ("{{device.name.size}}", 6),
        ("{{device.size}}", 6),
        ("{{sizes.size}}", "XL"),
        ("{{numbers.0}}", "zero"),
        ("{{['with space']['a b']}}", 1),
        ("{{event.id}}", "ev-1"),
        ("{{event.data.device.id}}", "d-17"),
        ("{{event.subject_type}}", "device"),
        ("{{event.subject_id}}", "d-17"),
        ("{{workflow.version}}", 3),
        ("{{org}}", "acme"),
        ("{{run.id}}", "r1"),
        ("{{steps.ticket.id}}", "T-1"),
        ("{{steps.a.b.id}}", "dotted"),
        ("{{steps['a.b'].id}}", "dotted"),
        ("{{steps.2.n}}", 5),
        ("{{steps.1st.n}}", 6),
        ("{{steps.list[0]}}", 7),
        ("{{steps.ticket}}", {"id": "T-1", "tags": ["a"]}),
        ("{{'text'}}", "text"),
        ("{{42}}", 42),
        ("{{true}}", True),
        ("{{nil}}", None),
    ],
)
def test_a_lone_expression_keeps_its_type(text: str, value: Any) -> None:
    assert render(text) == value
    assert type(render(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a }} b { c }", "a }} b { c }"),
        ("{{device.name}}!", "SRV-01!"),
        ("{{device.name}}{{device.criticality}}", "SRV-014"),
        ("is {{device.online}}, {{true}}, {{device.note}}.", "is false, true, ."),
        ("tags: {{tags}}", 'tags: ["vip","gold"]'),
        ("first: {{items[0]}}", 'first: {"x":1}'),
        ("load {{device.load}}", "load 0.5"),
        ("hello {{nobody.home}}.", "hello ."),
        ('{{ "{{" }} literal', "{{ literal"),
    ],
)
def test_in_a_text_every_value_becomes_text(text: str, rendered: str) -> None:
    assert render(text) == rendered


@pytest.mark.parametrize(
    "text",
    [
        "{{nobody}}",
        "{{device.nobody}}",
        "{{device.name.deeper}}",
        "{{items[9]}}",
        "{{steps.x.y}}",
        "{{org.x}}",
        "{{tags.first.x}}",
        "{{items['x']}}",
        "{{device.id[0]}}",
        "{{steps.ticket.nope}}",
    ],
)
def test_a_missing_path_renders_to_empty_text_and_is_reported(text: str) -> None:
    template = compile_text(text, "f")
    assert template.render(scope()) == ""
    assert template.raw(scope()) is MISSING
    assert template.missing(scope()) == [text_of(template.paths[0])]


def test_an_event_cannot_shadow_what_the_engine_gives() -> None:
    assert render("{{steps.ticket.id}}") == "T-1"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{device.name | downcase}}", "srv-01"),
        ("{{'abc' | upcase | append: '!'}}", "ABC!"),
        ("{{'a' | prepend: device.name}}", "SRV-01a"),
        ("{{'hELLO you' | capitalize}}", "Hello you"),
        ("{{'  x ' | strip}}", "x"),
        ("{{'  x ' | lstrip}}|{{'  x ' | rstrip}}", "x |  x"),
        ("{{nobody | default: 'someone'}}", "someone"),
        ("{{nobody | default: 5}}", 5),
        ("{{device.online | default: 'offline'}}", "offline"),
        ("{{device.criticality | default: 1}}", 4),
        ("{{device.criticality | plus: 2}}", 6),
        ("{{'3' | times: 2}}", 6),
        ("{{0.1 | plus: 0.2}}", 0.3),
        ("{{7 | divided_by: 2}}", 3),
        ("{{7 | divided_by: 2.0}}", 3.5),
        ("{{-7 | modulo: 3}}", 2),
        ("{{-7.5 | modulo: 2}}", 0.5),
        ("{{'x' | plus: 1}}", 1),
        ("{{3.7 | round}}", 4),
        ("{{3.14159 | round: 2}}", 3.14),
        ("{{3.1 | ceil}}", 4),
        ("{{3.9 | floor}}", 3),
        ("{{-3 | abs}}", 3),
        ("{{5 | at_most: 3}}", 3),
        ("{{5 | at_least: 7}}", 7),
        ("{{5 | minus: 7}}", -2),
        ("{{tags | join: ', '}}", "vip, gold"),
        ("{{tags | size}}", 2),
        ("{{tags | first}}", "vip"),
        ("{{tags | last}}", "gold"),
        ("{{tags | reverse}}", ["gold", "vip"]),
        ("{{items | map: 'x' | join: '+'}}", "1+2"),
        ("{{items | map: 'y' | compact | size}}", 0),
        ("{{'a,b' | split: ',' | last}}", "b"),
        ("{{'abcdef' | slice: 1, 3}}", "bcd"),
        ("{{'abcdef' | slice: -2, 5}}", "ef"),
        ("{{tags | slice: 1}}", ["gold"]),
        ("{{'abcdefghij' | truncate: 6}}", "abc..."),
        ("{{'abc' | truncate: 6}}", "abc"),
        ("{{'one two three' | truncatewords: 2, '…'}}", "one two…"),
        ("{{'a-b-c' | replace: '-', '+'}}", "a+b+c"),
        ("{{'a-b' | remove: '-'}}", "ab"),
        ("{{'<b>' | escape}}", "&lt;b&gt;"),
        ("{{'a b&c' | url_encode}}", "a+b%26c"),
        ("{{'a\nb' | newline_to_br}}", "a<br />\nb"),
        ("{{'a\r\nb' | strip_newlines}}", "ab"),
        ("{{tags | json}}", '["vip","gold"]'),
        ("{{nobody | json}}", "null"),
        ("{{'2026-11-23T08:05:09Z' | date: '%d.%m.%Y %H:%M'}}", "23.11.2026 08:05"),
        ("{{'2026-11-23T08:05:09Z' | date: '%A %-d %B, %l:%M %p'}}", "Monday 23 November,  8:05 AM"),
        ("{{'2026-11-23T08:05:09+02:00' | date: '%FT%T%z %j %s %%'}}", "2026-11-23T06:05:09+0000 327 1795413909 %"),
        ("{{'2026-01-03' | date: '%-m/%-d/%y'}}", "1/3/26"),
        ("{{'now' | date: '%Y'}}", "now"),
        ("{{nobody | upcase}}", ""),
    ],
)
def test_filters(text: str, value: Any) -> None:
    assert render(text) == value
    assert type(render(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{% for x in (1..1000000000) %}x{% endfor %}", "no tags"),
        ("{% include 'x' %}", "no tags"),
        ("{{a", "'{{' without '}}'"),
        ("{{a}} {{b", "'{{' without '}}'"),
        ("{{}}", "not a template expression"),
        ("{{a b}}", "not a template expression"),
        ("{{a..b}}", "not a template expression"),
        ("{{a.}}", "ends with a dot"),
        ("{{a | }}", "not a template expression"),
        ("{{a | explode}}", "'explode' is not a filter"),
        ("{{a | plus}}", "takes 1 arguments, not 0"),
        ("{{a | upcase: 1}}", "takes 0 arguments, not 1"),
        ("{{a | default: 1, allow_false: true}}", "no named arguments"),
        ("{{a.__class__}}", "'__class__' is not a name"),
        ("{{a['__class__']}}", "'__class__' is not a name"),
        ("{{a | append: b.__init__}}", "'__init__' is not a name"),
        ("{{a[b.c]}}", "inside a path"),
        ("{{[a]}}", "inside a path"),
        ("{{(1..1000000000) | join}}", "a range"),
        ("{{a if b else c}}", "not a template expression"),
        ("{{empty}}", "not supported"),
        ("{{" + "9" * 30 + "}}", ""),
        ("{{a" + ".b" * 40 + "}}", "at most 32 parts"),
        ("{{" + "a[" * 900 + "}}", "nested too deep"),
        ("{{" + "a" * 2001 + "}}", "at most 2,000 characters"),
        ("{{a}}" * 51, "has 51 expressions"),
        ("{{a" + " | upcase" * 9 + "}}", "at most 8 filters"),
    ],
)
def test_what_cannot_be_compiled_is_refused_with_its_field_and_reason(text: str, reason: str) -> None:
    assert reason in refusal(text)


@pytest.mark.parametrize(
    "text", ["{{" * 200_000, "{{}}" * 100_000, "{{a}}" * 80_000, "{{" + "'" * 400_000, "{{" + "'" * 400_000 + "}}"]
)
def test_a_long_malicious_text_is_refused_for_one_short_reason(text: str) -> None:
    assert len(refusal(text)) < 200


@pytest.mark.parametrize("name", ["system", "now", "base64_encode", "sort", "where", "sum", "strip_html", "eval"])
def test_only_the_filters_of_the_list_are_known(name: str) -> None:
    assert "is not a filter" in refusal("{{a | " + name + "}}")


LONG = "x" * 200_000


@pytest.mark.parametrize(
    "text",
    [
        "{{long | replace: 'x', 'xxxxxxxxxxxxxxxx'}}",
        "{{long | replace: '', 'xx'}}",
        "{{long | append: long}}",
        "{{long | prepend: long}}",
        "{{long}}{{long}}",
        "{{wide}}!",
        "{{list | join: long}}",
        "{{long | split: 'x' | join: 'abc'}}",
        "{{long | escape | escape | escape}}{{long}}",
        "{{amps | escape}}",
        "{{quotes | json | json | json | json | json | json | json | json}}",
    ],
)
def test_no_template_renders_to_more_than_256_kb(text: str) -> None:
    given = scope()
    given.data = {
        "long": LONG,
        "wide": "€" * 100_000,
        "list": ["a"] * 1000,
        "amps": "&" * 100_000,
        "quotes": '"' * 60_000,
    }
    template = compile_text(text, "f")
    with pytest.raises(RenderError, match="more than"):
        template.render(given)


@pytest.mark.parametrize(
    "text",
    [
        "{{9223372036854775807 | times: 9223372036854775807}}",
        "{{1 | divided_by: 0}}",
        "{{1.5 | divided_by: 0}}",
        "{{1 | modulo: 0}}",
        "{{'1e300' | times: '1e300'}}",
        "{{'a' | split: ''}}",
        "{{'abc' | slice: 'x'}}",
        "{{'2026-11-23' | date: '%99999999d'}}",
        "{{'2026-11-23' | date: '%Q'}}",
        "{{items | map: '__class__'}}",
    ],
)
def test_a_filter_that_has_no_result_says_so(text: str) -> None:
    try:
        template = compile_text(text, "f")
    except Refused:
        return
    with pytest.raises(RenderError):
        template.render(scope())


def test_the_work_of_all_filters_of_a_step_is_bounded() -> None:
    given = scope()
    given.data = {"long": LONG}
    template = compile_text("{{long | upcase | downcase | upcase | downcase | size}}" * 10, "f")
    with pytest.raises(RenderError, match="too much to do"):
        template.render(given)


def test_a_value_is_compiled_through_and_through() -> None:
    template = compile_value({"a": ["{{device.id}}", 1, {"b": "x {{device.name}}"}], "c": None}, "with")
    assert template.render(scope()) == {"a": ["d-17", 1, {"b": "x SRV-01"}], "c": None}
    assert not template.constant
    assert [text_of(path) for path in template.paths] == ["device.id", "device.name"]


def test_a_constant_stays_the_very_same_object() -> None:
    value = {"a": [1, "b", None]}
    template = compile_value(value, "with")
    assert template.constant
    assert template.render(scope()) is value


def test_every_fault_of_a_value_is_told_with_its_path() -> None:
    with pytest.raises(Refused) as caught:
        compile_value({"a": ["{{", "fine"], "b": {"c": "{%"}}, "with")
    assert [fault.field for fault in caught.value.faults] == ["with.a[0]", "with.b.c"]


def test_a_value_nests_32_levels_deep_and_no_deeper() -> None:
    value: Any = "{{device.id}}"
    for _ in range(32):
        value = [value]
    assert not compile_value(value, "f").constant
    with pytest.raises(Refused, match="deeper than 32"):
        compile_value([value], "f")


def test_a_field_is_a_path_with_or_without_braces() -> None:
    assert compile_path("device.name", "f").render(scope()) == "SRV-01"
    assert compile_path("{{device.name}}", "f").path == ("device", "name")
    assert compile_path("{{device.name | downcase}}", "f").path is None


@pytest.mark.parametrize("text", ["'text'", "42", "device.name | upcase", "device name", "{% x %}", ""])
def test_a_field_without_braces_is_nothing_but_a_path(text: str) -> None:
    with pytest.raises(Refused):
        compile_path(text, "f")


def rendered_or_refused(text: str) -> Fault | None:
    """Renders to JSON, or fails in one of the two known ways; any other exception is a finding."""
    try:
        template = compile_text(text, "f")
    except Refused as refused:
        return refused.faults[0]
    with suppress(RenderError):
        orjson.dumps(template.render(scope()))
    return None


@given(st.text(alphabet="{}%|. :'\"[]()ab_1-,\n", max_size=40))
def test_any_text_is_compiled_or_refused_and_then_rendered_or_refused(text: str) -> None:
    rendered_or_refused(text)


ARGUMENTS = st.sampled_from(
    ["nobody", "device.note", "tags", "items", "device", "''", "'a'", "-1", "0", "3.5", "true", "nil"]
)


@given(ARGUMENTS, st.sampled_from(sorted(FILTERS)), st.lists(ARGUMENTS, max_size=2))
def test_every_filter_takes_any_value_and_gives_json_or_a_reason(left: str, name: str, arguments: list[str]) -> None:
    text = f"{{{{{left} | {name}{': ' if arguments else ''}{', '.join(arguments)}}}}}"
    fault = rendered_or_refused(text)
    assert fault is None or "arguments" in fault.reason
