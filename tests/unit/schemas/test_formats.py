"""Which records are newer than this release reads."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from engine.errors import FoldError
from engine.evolve import evolve
from projections.errors import TooNew
from projections.records import stretches
from schemas.formats import READS, WRITES, newer_document, newer_entries, newer_header, newer_request

READ_BY_THE_RELEASE_BEFORE = 1
"""What 0.1.0 reads. Goes up with the release that is kept in tests/chaos/releases."""


def test_formats_are_written_that_the_release_before_reads() -> None:
    assert WRITES <= READ_BY_THE_RELEASE_BEFORE
    assert WRITES <= READS


@pytest.mark.parametrize(
    ("document", "newer"),
    [
        ({"format": 1, "id": "a"}, None),
        ({"id": "a"}, None),
        ({"id": "a", "format": 1}, None),
        ({"format": 2, "id": "a"}, 2),
        ({"id": "a", "format": 7}, 7),
        ({"format": "2"}, None),
        ({"format": True}, None),
        ({"event": {"data": {"format": 2}}}, None),
        ([{"format": 2}], None),
    ],
)
def test_a_document_is_newer_by_its_own_field_alone(document: object, newer: int | None) -> None:
    assert newer_document(orjson.dumps(document)) == newer
    assert newer_document(json.dumps(document, indent=2).encode()) == newer


def test_what_is_no_json_is_not_newer() -> None:
    for value in (None, b"", b'{"format": 2', b"\xff"):
        assert newer_document(value) is None
        assert newer_entries(value) is None


def test_a_run_log_record_is_as_new_as_its_newest_entry() -> None:
    old, new = {"id": "r:0", "type": "run.started"}, {"id": "r:1", "type": "x", "formatversion": 3}
    assert newer_entries(orjson.dumps([old])) is None
    assert newer_entries(orjson.dumps([{**old, "formatversion": 1}])) is None
    assert newer_entries(orjson.dumps([old, new])) == 3
    assert newer_entries(orjson.dumps([{**old, "data": {"formatversion": 3}}])) is None


def test_a_header_tells_of_what_is_packed() -> None:
    assert newer_header([("due", b"1"), ("format", b"2")]) == 2
    assert newer_header([("due", b"1"), ("format", b"1")]) is None
    assert newer_header([("format", b"two")]) is None
    assert newer_header(()) is None
    assert newer_header(None) is None


def test_the_projector_folds_nothing_newer() -> None:
    entry = {"id": "r:0", "type": "run.started", "time": "2026-11-27T00:00:00Z", "data": {}, "formatversion": 2}
    with pytest.raises(TooNew, match="format 2"):
        stretches(orjson.dumps([entry]))


def test_the_engine_folds_nothing_newer() -> None:
    entry: Any = {"id": "r:0", "type": "run.started", "data": {}, "formatversion": 2}
    with pytest.raises(FoldError, match="format 2"):
        evolve(None, entry, {})


@pytest.mark.parametrize(
    ("document", "newer"),
    [
        ({"format": 9, "action": "create_note", "state": {"run": "r"}}, 9),
        ({"format": 9, "action": "resume", "org": "acme"}, 9),
        ({"format": 9, "run": "r", "event": {"id": "ev-1"}}, 9),
        ({"format": 9, "action": "create_note", "state": {}}, None),
        ({"format": 9}, None),
        ({"format": 1, "action": "create_note", "state": {"run": "r"}}, None),
        ({"format": "9", "action": "create_note", "state": {"run": "r"}}, None),
    ],
)
def test_only_what_may_be_ours_holds_a_partition(document: dict[str, object], newer: int | None) -> None:
    assert newer_request(orjson.dumps(document)) == newer
