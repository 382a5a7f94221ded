"""A device that goes offline, and workflows about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.evolve import evolve
from engine.state import RunState
from engine.workflow import Workflow, compile_workflow
from schemas.definitions import parse_definition
from schemas.entries import EntryDict
from schemas.events import Event, from_envelope

DATA = {
    "device": {
        "id": "d-17",
        "name": "SRV-01",
        "criticality": 4,
        "tags": ["vip", "server"],
        "last_seen_at": "2026-11-23T07:45:00Z",
        "assigned_technician": {"id": "u-2", "email": "tech@acme.example"},
    },
    "company": {"id": "c-1", "name": "Globex"},
}


def _event(data: dict[str, Any] | None = None, **attributes: Any) -> Event:
    envelope = {
        "specversion": "1.0",
        "id": "ev-1",
        "source": "/rmm",
        "type": "device.offline",
        "subject": "device/d-17",
        "time": "2026-11-23T08:00:00Z",
        "orgid": "acme",
        "data": {**DATA, **(data or {})},
        **attributes,
    }
    return from_envelope({name: value for name, value in envelope.items() if value is not None})


def _document(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {
        "id": "wf",
        "org": "acme",
        "version": 1,
        "name": "Device offline",
        "state": "enabled",
        "trigger": {"type": "device.offline"},
        "steps": list(steps) or [{"id": "tag", "action": "add_tag", "with": {"tag": "offline"}}],
        **fields,
    }
    return {name: value for name, value in body.items() if value is not None}


@pytest.fixture
def event() -> Callable[..., Event]:
    """Makes an event; keyword arguments are attributes, the dictionary is data on top."""
    return _event


@pytest.fixture
def document() -> Callable[..., dict[str, Any]]:
    """Makes a definition's document of steps and fields."""
    return _document


@pytest.fixture
def workflow() -> Callable[..., Workflow]:
    """Compiles a definition of steps and fields."""
    return lambda *steps, **fields: compile_workflow(parse_definition(_document(*steps, **fields)))


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 23, 8, 0, 1, 250, tzinfo=UTC)


@pytest.fixture
def fold() -> Callable[..., RunState]:
    """Folds entries on top of a state."""

    def folded(entries: list[EntryDict], state: RunState | None = None, body: dict[str, Any] | None = None) -> RunState:
        for entry in entries:
            state = evolve(state, entry, body)
        assert state is not None
        return state

    return folded
