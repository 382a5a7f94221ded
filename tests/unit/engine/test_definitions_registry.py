"""The definitions in force, as the definitions topic makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.registry import Accepted, Deleted, RefusedDefinition, Registry, Unchanged

Document = Callable[..., dict[str, Any]]
KEY = "acme/wf"


def names(registry: Registry, org: str = "acme", trigger: str = "device.offline") -> list[str]:
    return [workflow.id for workflow in registry.by_trigger(org, trigger)]


def refused(applied: object) -> RefusedDefinition:
    assert isinstance(applied, RefusedDefinition)
    assert applied.faults
    return applied


def test_a_valid_definition_is_in_force_and_indexed(document: Document) -> None:
    registry = Registry()
    value = orjson.dumps(document())
    applied = registry.apply(KEY, value)
    assert isinstance(applied, Accepted)
    assert applied.previous is None
    assert names(registry) == ["wf"]
    assert registry.get("acme", "wf") is applied.workflow
    assert registry.snapshot() == {KEY: value}
    assert registry.in_force(KEY) == registry.in_force(KEY.encode()) == value
    assert len(registry) == 1


def test_keys_may_come_as_bytes(document: Document) -> None:
    registry = Registry()
    assert isinstance(registry.apply(KEY.encode(), orjson.dumps(document())), Accepted)
    assert list(registry.snapshot()) == [KEY]


def test_a_higher_version_replaces(document: Document) -> None:
    registry = Registry()
    first = registry.apply(KEY, orjson.dumps(document()))
    second = registry.apply(KEY, orjson.dumps(document(version=5, trigger={"type": "device.online"})))
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert second.previous is first.workflow
    assert names(registry) == []
    assert names(registry, trigger="device.online") == ["wf"]


@pytest.mark.parametrize(("version", "name"), [(2, "W"), (3, "another name")])
def test_a_version_that_is_not_higher_is_refused_with_what_is_in_force(
    document: Document, version: int, name: str
) -> None:
    registry = Registry()
    value = orjson.dumps(document(version=3))
    registry.apply(KEY, value)
    applied = refused(registry.apply(KEY, orjson.dumps(document(version=version, name=name))))
    assert applied.in_force == value
    assert applied.faults[0].field == "version"
    assert "version 3 is in force" in applied.faults[0].reason
    assert isinstance(registry.apply(KEY, applied.in_force), Unchanged)


def test_the_same_version_with_the_same_body_is_nothing_to_do(document: Document) -> None:
    registry = Registry()
    applied = registry.apply(KEY, orjson.dumps(document()))
    assert isinstance(applied, Accepted)
    again = orjson.dumps(dict(reversed(document().items())), option=orjson.OPT_INDENT_2)
    assert registry.apply(KEY, again) == Unchanged(applied.workflow)
    assert registry.in_force(KEY) == orjson.dumps(document())


def test_after_a_deletion_any_version_may_come(document: Document) -> None:
    registry = Registry()
    registry.apply(KEY, orjson.dumps(document(version=9)))
    deleted = registry.apply(KEY, None)
    assert isinstance(deleted, Deleted)
    assert deleted.previous is not None
    assert (names(registry), registry.get("acme", "wf"), registry.snapshot()) == ([], None, {})
    assert isinstance(registry.apply(KEY, orjson.dumps(document(version=1))), Accepted)


@pytest.mark.parametrize("key", [KEY, "never/was", "nonsense", b"\xff\xfe", ""])
def test_a_null_is_always_a_deletion(key: str | bytes) -> None:
    assert Registry().apply(key, None) == Deleted(None)


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("acme/other", "id"),
        ("globex/wf", "org"),
        ("wf", "key"),
        ("acme/wf/x", "key"),
        ("/wf", "key"),
        ("acme/", "key"),
        ("", "key"),
        ("acme/ä", "key"),
        (b"\xff/wf", "key"),
    ],
)
def test_a_key_that_is_not_the_body_s_is_refused_with_nothing_in_force(
    document: Document, key: str | bytes, field: str
) -> None:
    registry = Registry()
    applied = refused(registry.apply(key, orjson.dumps(document())))
    assert applied.faults[0].field == field
    assert applied.in_force is None
    assert len(registry) == 0


BAD = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"3",
    b"\xff\xfe",
    b"[" * 2000,
    b'{"a":' * 500 + b"1" + b"}" * 500,
    b"{}",
    b'{"id":"wf"}',
    b"x" * 600_000,
]


@pytest.mark.parametrize("value", BAD)
def test_what_is_no_definition_changes_nothing(document: Document, value: bytes) -> None:
    registry = Registry()
    good = orjson.dumps(document())
    registry.apply(KEY, good)
    assert refused(registry.apply(KEY, value)).in_force == good
    assert names(registry) == ["wf"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"steps": []}, "steps"),
        ({"trigger": {"type": "moon.full"}}, "trigger.type"),
        ({"version": 0}, "version"),
        ({"version": "2"}, "version"),
        ({"state": "on"}, "state"),
        ({"surprise": 1}, "surprise"),
        ({"steps": [{"id": "x", "action": "explode"}]}, "steps[0].action"),
        ({"steps": [{"id": "x", "action": "create_ticket", "with": {}}]}, "steps[0].with.title"),
        ({"steps": [{"id": "x", "action": "add_tag", "with": {"tag": "{% x %}"}}]}, "steps[0].with.tag"),
        ({"steps": [{"id": "x", "action": "delay", "with": {"for": "soon"}}]}, "steps[0].with.for"),
    ],
)
def test_a_refusal_names_the_field(document: Document, fields: dict[str, Any], field: str) -> None:
    applied = refused(Registry().apply(KEY, orjson.dumps({**document(), **fields})))
    assert field in [fault.field for fault in applied.faults]


@pytest.mark.parametrize(
    ("state", "indexed"), [("enabled", ["wf"]), ("shadow", ["wf"]), ("disabled", []), ("draft", [])]
)
def test_only_workflows_that_are_enabled_or_in_shadow_are_started(
    document: Document, state: str, indexed: list[str]
) -> None:
    registry = Registry()
    registry.apply(KEY, orjson.dumps(document()))
    assert isinstance(registry.apply(KEY, orjson.dumps(document(version=2, state=state))), Accepted)
    assert names(registry) == indexed
    assert len(registry) == 1


def test_an_unfinished_draft_is_kept_but_never_started() -> None:
    registry = Registry()
    draft = orjson.dumps({"id": "wf", "org": "acme", "version": 1, "state": "draft"})
    assert isinstance(registry.apply(KEY, draft), Accepted)
    assert names(registry) == []
    assert registry.in_force(KEY) == draft


def test_organisations_do_not_see_each_other(document: Document) -> None:
    registry = Registry()
    registry.apply("acme/wf", orjson.dumps(document()))
    registry.apply("globex/wf", orjson.dumps(document(org="globex")))
    registry.apply("acme/a", orjson.dumps(document(id="a")))
    assert names(registry) == ["a", "wf"]
    assert names(registry, "globex") == ["wf"]
    assert names(registry, "initech") == []
    registry.apply("globex/wf", None)
    assert names(registry) == ["a", "wf"]


def test_what_cancels_or_restarts_is_watched_for_as_long_as_runs_may_wait(document: Document) -> None:
    registry = Registry()
    assert registry.watched("acme") == frozenset()
    watching = document(cancel_on=[{"type": "device.online"}], restart_on=[{"type": "device.offline"}])
    registry.apply(KEY, orjson.dumps(watching))
    assert registry.watched("acme") == {"device.online", "device.offline"}
    assert registry.watched("globex") == frozenset()
    registry.apply(KEY, orjson.dumps(document(version=2, state="disabled", cancel_on=[{"type": "alert.resolved"}])))
    registry.apply(KEY, None)
    assert registry.watched("acme") == {"device.online", "device.offline", "alert.resolved"}
    registry.apply("acme/b", orjson.dumps(document(id="b", state="disabled", restart_on=[{"type": "backup.failed"}])))
    assert "backup.failed" in registry.watched("acme")


def test_what_is_in_force_under_no_key_is_nothing() -> None:
    assert Registry().in_force(b"\xff") is None
    assert Registry().in_force("acme/wf") is None


RECORDS = st.tuples(
    st.sampled_from(["acme/a", "acme/b", "globex/a", "bad"]),
    st.none()
    | st.just(b"{")
    | st.tuples(
        st.sampled_from(["acme", "globex"]),
        st.sampled_from("ab"),
        st.integers(1, 4),
        st.sampled_from(["enabled", "disabled"]),
    ),
)


def _value(given: Any) -> bytes | None:
    if given is None or isinstance(given, bytes):
        return given
    org, name, version, state = given
    step = {"id": "tag", "action": "add_tag", "with": {"tag": "x"}}
    return orjson.dumps(
        {
            "id": name,
            "org": org,
            "version": version,
            "name": "W",
            "state": state,
            "steps": [step],
            "trigger": {"type": "device.offline"},
        }
    )


@settings(deadline=None)
@given(st.lists(RECORDS, max_size=12))
def test_the_topic_with_its_repairs_comes_down_to_what_is_in_force(records: list[tuple[str, Any]]) -> None:
    """With what was refused published over, a compacted topic read from the start gives the same registry."""
    registry, topic = Registry(), {}
    for key, what in records:
        value = _value(what)
        topic[key] = value
        applied = registry.apply(key, value)
        if isinstance(applied, RefusedDefinition):
            topic[key] = applied.in_force
            assert isinstance(registry.apply(key, applied.in_force), Unchanged | Deleted)
    reader = Registry()
    for key, value in topic.items():
        assert not isinstance(reader.apply(key, value), RefusedDefinition)
    fetched = {key: orjson.loads(value) for key, value in reader.snapshot().items()}
    assert fetched == {key: orjson.loads(value) for key, value in registry.snapshot().items()}
    for org in ("acme", "globex"):
        found = [workflow.digest for workflow in reader.by_trigger(org, "device.offline")]
        assert found == [workflow.digest for workflow in registry.by_trigger(org, "device.offline")]
        assert all(workflow.org == org for workflow in registry.by_trigger(org, "device.offline"))


def test_workflows_are_told_by_id_however_they_came_changed_and_went(document: Document) -> None:
    registry = Registry()
    for name in ("c", "a", "b"):
        registry.apply(f"acme/{name}", orjson.dumps(document(id=name)))
        assert names(registry) == sorted(names(registry))
    assert registry.by_trigger("acme", "device.offline") is registry.by_trigger("acme", "device.offline")
    registry.apply("acme/a", orjson.dumps(document(id="a", version=9, name="New")))
    assert next(iter(registry.by_trigger("acme", "device.offline"))).name == "New"
    registry.apply("acme/b", orjson.dumps(document(id="b", version=9, state="disabled")))
    registry.apply("acme/c", None)
    assert names(registry) == ["a"]
    registry.apply("acme/a", None)
    assert registry.by_trigger("acme", "device.offline") == ()
