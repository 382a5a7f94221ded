"""Rule health by the API: the findings of the caller's organisation, and those of one workflow."""

from __future__ import annotations

import datetime as dt
import json

from hub.documents.health import WorkflowHealth
from projections.health.check import check
from projections.retention import keep_of
from runtime.postgres import Connection
from runtime.settings import load
from tests.integration.hub.conftest import Client

NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)


async def _workflow(connection: Connection, org: str, name: str) -> None:
    body = {"id": name, "org": org, "version": 1, "name": name, "trigger": {"type": "alert.triggered"}, "steps": []}
    await connection.execute(
        "insert into history_data.workflows values ($1, $2, 1, $2, 'enabled', 'alert.triggered', $3, $4)",
        org, name, json.dumps(body), NOW - dt.timedelta(days=40),
    )  # fmt: skip


async def test_findings_are_those_of_the_callers_organisation(connection: Connection, client: Client) -> None:
    ada = client("acme", "Viewer")
    before = (await ada.get("/insight/workflows")).json()
    assert before == {"checked_at": None, "findings": []}
    for org, name in (("acme", "mine"), ("acme", "other"), ("globex", "theirs")):
        await _workflow(connection, org, name)
    for org in ("acme", "globex"):
        await check(connection, org, NOW, keep_of(load()))
    told = (await ada.get("/insight/workflows")).json()
    WorkflowHealth.model_validate(told)
    assert told["checked_at"] == "2026-11-27T12:00:00Z"
    assert [one["workflow_id"] for one in told["findings"]] == ["mine", "other"]
    one = (await ada.get("/insight/workflows", params={"workflow": "other"})).json()["findings"]
    assert [(found["workflow_id"], found["finding"]) for found in one] == [("other", "not_run")]
    assert one[0]["sentence"].startswith("It has not run for 30 days: no alert.triggered event has come")
    assert (await client("acme", "Billing").get("/insight/workflows")).status_code == 403
