from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.registry import RefusedDefinition, Registry
from engine.run import start
from engine.workflow import compile_workflow
from sandbox.demo import bad
from sandbox.demo.expect import expected, run_of
from sandbox.demo.morning import Happening, Morning
from sandbox.modules.publisher import Publisher
from sandbox.stack import WORKFLOWS
from schemas.definitions import every_step, parse_definition
from schemas.documents import load_yaml
from schemas.errors import Refused
from schemas.events.decode import decode, from_envelope
from schemas.events.types import EVENT_TYPES
from schemas.names import ACTIONS

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DOCUMENTS = [document for file in sorted(WORKFLOWS.glob("*.yaml")) for document in load_yaml(file.read_text())]
DEFINITIONS = [parse_definition(document) for document in DOCUMENTS]


def morning(seed: int = 1, count: int = 1980) -> list[Happening]:
    return Morning(seed, count, NOW).happenings()


def published(happenings: list[Happening]) -> list[dict[str, Any]]:
    make = Publisher("nowhere:1").event
    return [make(it.type, it.org, it.data, module=it.module, id=f"m-{it.number}") for it in happenings]


def test_a_seed_makes_the_same_morning() -> None:
    assert morning() == morning()
    assert morning(2) != morning()


@pytest.mark.parametrize("count", [100, 1980, 2001])
def test_a_morning_has_exactly_the_events_asked_for(count: int) -> None:
    assert len(morning(count=count)) == count


def test_a_morning_has_all_types_repeats_events_without_a_workflow_and_six_organisations() -> None:
    happenings = morning()
    assert {it.type for it in happenings} == set(EVENT_TYPES)
    assert sum(it.repeat for it in happenings) >= 30
    assert len({it.org for it in happenings}) == 6
    assert sum(run_of(event) is None for event in published(happenings)) > 100


def test_every_event_of_a_morning_is_valid() -> None:
    for event in published(morning()):
        from_envelope(event)


def test_thirteen_workflows_use_every_action_but_delay_and_every_channel() -> None:
    steps = [step for definition in DEFINITIONS for step in every_step(definition.steps)]
    actions = Counter(step.action for step in steps if hasattr(step, "action"))
    assert len(DEFINITIONS) == 13
    assert len({definition.org for definition in DEFINITIONS}) >= 6
    assert set(actions) == set(ACTIONS) - {"delay"}
    channels = {step.with_["channel"] for step in steps if getattr(step, "action", "") == "send_notification"}
    assert channels == {"email", "push", "teams", "slack"}


def test_the_engine_starts_and_skips_the_runs_that_were_expected_by_hand() -> None:
    workflows = {(one.org, one.trigger.type): compile_workflow(one) for one in DEFINITIONS}
    events = published(morning())
    wanted = expected(events)
    outcomes = Counter(it.status for it in wanted.values())
    assert set(outcomes) == {"completed", "skipped", "failed"}
    for event in events:
        run = run_of(event)
        if run is not None:
            entries = start(workflows[event["orgid"], event["type"]], from_envelope(event), NOW)
            assert (entries[0]["type"] == "run.skipped") == (wanted[run].status == "skipped"), event


@pytest.mark.parametrize("record", bad.events("x"))
def test_each_bad_record_is_refused_with_a_reason(record: bad.Record) -> None:
    _, value, _, headers = record
    with pytest.raises(Refused) as refused:
        decode(value, headers)
    assert refused.value.reason


def test_each_bad_definition_is_refused_beside_the_one_in_force() -> None:
    accepted = next(one for one in DOCUMENTS if one["version"] > 1)
    registry = Registry()
    for definition in DOCUMENTS:
        registry.apply(f"{definition['org']}/{definition['id']}", parse_definition(definition).model_dump_json(
            by_alias=True, exclude_none=True, exclude_unset=True).encode())  # fmt: skip
    for _, value, key, _ in bad.definitions(accepted):
        assert key is not None
        assert isinstance(registry.apply(key.decode(), value), RefusedDefinition)
