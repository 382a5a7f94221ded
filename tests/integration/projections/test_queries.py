"""The read functions on the views."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from projections.projection import Projection
from projections.queries import RunFilter, counts, get_run, list_dead_letters, list_runs, list_workflows
from projections.store import Partition, Store
from runtime.postgres import Connection
from schemas.names import DEAD_LETTERS, RUNS


class Record:
    def __init__(self, topic: str, offset: int, value: Any) -> None:
        self.topic, self.partition, self.offset, self.timestamp = topic, 0, offset, 0
        self.key, self.value = b"k", orjson.dumps(value)


def started(org: str, run: str, kind: str, minute: int) -> list[dict[str, Any]]:
    data = {
        "workflow": {"id": "wf", "name": "WF", "version": 1},
        "event": {"type": "device.offline"},
        "conditions": None,
    }
    return [
        {
            "id": f"{run}:0", "type": kind, "orgid": org, "subject": "device/d-1",
            "time": f"2026-11-23T08:{minute:02}:00Z", "data": data,
        }
    ]  # fmt: skip


@pytest.fixture
async def history(connection: Connection) -> Connection:
    projection = Projection(Store(connection))
    topics = (RUNS, DEAD_LETTERS)
    projection.positions = await projection.store.positions(Partition(topic, 0) for topic in topics)
    runs = [("acme", "r1", "run.started"), ("acme", "r2", "run.skipped"), ("globex", "r3", "run.started")]
    await projection.project([Record(RUNS, n, started(*one, n)) for n, one in enumerate(runs)])
    letters = [{"reason": "not JSON", "key": f"{org}/device/d-1", "value": org} for org in ("acme", "acme2")]
    await projection.project([Record(DEAD_LETTERS, n, one) for n, one in enumerate(letters)])
    return connection


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (RunFilter(), ["r3", "r2", "r1"]),
        (RunFilter(org="acme"), ["r2", "r1"]),
        (RunFilter(org="acme", status="skipped"), ["r2"]),
        (RunFilter(org="globex", entity="device/d-1"), ["r3"]),
        (RunFilter(entity="acme/device/d-1", workflow="wf", trigger="device.offline"), ["r2", "r1"]),
        (RunFilter(since=datetime(2026, 11, 23, 8, 1, tzinfo=UTC)), ["r3", "r2"]),
        (RunFilter(org="acme", entity="globex/device/d-1"), []),
    ],
)
async def test_runs_are_found_newest_first_by_what_is_asked(
    wanted: RunFilter, found: list[str], history: Connection
) -> None:
    assert [run["run_id"] for run in await list_runs(history, wanted)] == found


async def test_a_run_of_another_organisation_is_not_to_be_had(history: Connection) -> None:
    assert await get_run(history, "r3", org="acme") is None
    run = await get_run(history, "r3", org="globex")
    assert run is not None
    assert (run["trigger_event"], run["conditions"], len(run["entries"])) == ({"type": "device.offline"}, None, 1)


async def test_dead_letters_and_counts_are_of_one_organisation_where_it_is_named(history: Connection) -> None:
    assert [one["value"] for one in await list_dead_letters(history, org="acme")] == ["acme"]
    assert len(await list_dead_letters(history)) == 2
    assert await counts(history, org="acme") == {"running": 1, "skipped": 1}
    assert await list_workflows(history, org="acme") == []
