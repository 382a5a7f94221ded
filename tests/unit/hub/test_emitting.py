"""Events as somebody gives them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.services.emitting import accepted, is_foreign, of_org
from schemas.errors import Fault, Refused

LIMIT = 262_144


def event(**fields: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": "ev-1", "source": "/rmm", "type": "device.offline", "subject": "device/d-17",
        "orgid": "acme", "data": {"device": {"id": "d-17"}}, **fields,
    }  # fmt: skip


def faults(*given: Any, limit: int = LIMIT, numbered: bool = True) -> tuple[Fault, ...]:
    with pytest.raises(Refused) as refused:
        accepted(given, limit, numbered=numbered)
    return refused.value.faults


def test_an_event_becomes_the_record_of_its_module_s_topic_under_its_entity() -> None:
    [(found, (topic, key, value, headers))] = accepted([event(source="/security/edr", type="device.offline")], LIMIT)
    assert (topic, key) == ("onestack.events.security", b"acme/device/d-17")
    assert orjson.loads(value or b"") == found.envelope
    assert headers == [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def test_each_bad_event_is_told_with_its_place_in_the_batch() -> None:
    told = faults(event(), event(subject=None), 7, event(data={"device": {"id": "d-17", "criticality": "high"}}))
    assert [fault.field.partition(".")[0] for fault in told] == ["[1]", "[2]", "[3]"]
    assert told[0] == Fault("[1].subject", "is required")
    assert told[1].field == "[2]"


def test_the_faults_of_a_single_event_have_no_number() -> None:
    assert faults(event(id=""), numbered=False) == (Fault("id", "is empty"),)


def test_an_event_that_is_too_large_is_refused() -> None:
    (fault,) = faults(event(data={"device": {"id": "d-17", "name": "x" * 2000}}), limit=1024)
    assert "at most 1,024 are accepted" in fault.reason


@pytest.mark.parametrize("depth", [70, 300, 1000])
def test_an_event_that_is_nested_too_deeply_is_refused_before_it_is_sent(depth: int) -> None:
    deep: Any = []
    for _ in range(depth):
        deep = [deep]
    (fault,) = faults(event(data={"device": {"id": "d-17"}, "deep": deep}))
    assert fault.field == "[0]"


def test_faults_are_not_told_without_end() -> None:
    assert len(faults(*({} for _ in range(500)))) == 100


def test_the_organisation_is_filled_in_where_it_is_missing_and_nowhere_else() -> None:
    nameless = {name: value for name, value in event().items() if name != "orgid"}
    assert of_org(nameless, "acme") == event()
    assert of_org(event(orgid=None), "acme") == event()
    assert of_org(event(orgid="globex"), "acme")["orgid"] == "globex"  # type: ignore[index]
    assert of_org([1], "acme") == [1]
    assert is_foreign(event(orgid="globex"), "acme")
    assert not is_foreign(event(orgid=7), "acme")  # a fault, and of no other organisation
