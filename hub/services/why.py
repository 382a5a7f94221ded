"""What became of an event in each workflow of its organisation, and in which runs it had a part."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import orjson

from engine.rules import Rules
from engine.why import Begun, Verdict, Version
from engine.why import why as reason
from projections import queries
from projections.queries import Row
from runtime.postgres import Connection
from schemas.events import from_envelope
from schemas.names import run_id

_ENTITYS_RUNS: Final = 200
"""Cancelled runs of the entity that are looked through for this event."""
_SLACK: Final = dt.timedelta(minutes=1)

# Of each workflow the versions that matter: the first, the last, and what was in force when the event arrived.
_VERSIONS: Final = """
select workflow_id, definition, published_at
  from (select v.*,
               row_number() over (partition by workflow_id order by published_at) as first,
               row_number() over (partition by workflow_id order by published_at desc) as last,
               row_number() over (partition by workflow_id, published_at <= $2 order by published_at desc) as before
          from history.workflow_versions v where org_id = $1) v
 where first = 1 or last = 1 or (before = 1 and published_at <= $2)"""
_ONCE: Final = """
select distinct workflow_id from history.workflow_versions v
 where org_id = $1 and definition #>> '{trigger,type}' = $2
   and not exists (select from history.workflows w where w.org_id = $1 and w.workflow_id = v.workflow_id)"""
_LAST: Final = """
select distinct on (run_id) run_id, entries from history_data.records
 where run_id = any($1::text[]) order by run_id, seq desc"""


async def explained(connection: Connection, rules: Rules, row: Row) -> dict[str, Any]:
    """The verdict of each workflow on an event, a row of the history; and the runs that it had another part in.

    A workflow that has been deleted is told of where it ever had this trigger.
    """
    org, event = row["org_id"], from_envelope(row["event"])
    in_force = {one["workflow_id"] for one in await connection.fetch(
        "select workflow_id from history.workflows where org_id = $1", org
    )}  # fmt: skip
    begun, also = await _runs(connection, row)
    versions = await _versions(connection, org, row["received_at"])
    once = {one["workflow_id"] for one in await connection.fetch(_ONCE, org, event.type)}
    verdicts: list[Verdict] = []
    for workflow_id, known in versions.items():
        run = begun.get(run_id(org, workflow_id, event.source, event.id))
        if run is not None or workflow_id in in_force or workflow_id in once:
            verdicts.append(
                reason(event, row["received_at"], known, run, in_force=workflow_id in in_force, rules=rules)
            )
    return {
        "event": {name: row[name] for name in ("org_id", "source", "type", "subject", "time", "received_at")}
        | {"id": row["event_id"]},
        "workflows": [one.as_json() for one in sorted(verdicts, key=lambda one: one.workflow_id)],
        "also": also + await _cancelled(connection, row),
    }


async def _versions(connection: Connection, org: str, arrived: dt.datetime) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for one in await connection.fetch(_VERSIONS, org, arrived):
        version = Version(orjson.loads(one["definition"]), one["published_at"])
        found.setdefault(one["workflow_id"], []).append(version)
    return found


async def _runs(connection: Connection, row: Row) -> tuple[dict[str, Begun], list[dict[str, Any]]]:
    """The runs that the event began, by id; and what else it had a part in."""
    begun: dict[str, Begun] = {}
    also: list[dict[str, Any]] = []
    for run in await queries.runs_of_event(connection, row["org_id"], row["source"], row["event_id"]):
        entries = await queries.run_log(connection, run["run_id"])
        if not entries:
            continue
        data = entries[0]["data"]
        begun[run["run_id"]] = Begun(run["run_id"], run["status"], data, run["error"])
        what = None
        if data.get("rerun_of"):
            what = f"ran again, of run {data['rerun_of']}"
        elif (data["event"].get("id"), data["event"].get("source")) != (row["event_id"], row["source"]):
            what = "was begun again by it"
        if what is not None:
            also.append(_also(run, what))
    return begun, also


async def _cancelled(connection: Connection, row: Row) -> list[dict[str, Any]]:
    """Runs of the same entity that this event cancelled."""
    since = min(row["time"], row["received_at"]) - _SLACK
    wanted = queries.RunFilter(row["org_id"], status="cancelled", entity=row["entity_key"], ended_since=since)
    runs = {run["run_id"]: run for run in await queries.list_runs(connection, wanted, limit=_ENTITYS_RUNS)}
    found = []
    if runs:
        for record in await connection.fetch(_LAST, list(runs)):
            entry = orjson.loads(record["entries"])[-1]
            by = entry["data"].get("by", {}).get("event") if entry["type"] == "run.cancelled" else None
            if by and (by.get("id"), by.get("source")) == (row["event_id"], row["source"]):
                found.append(_also(runs[record["run_id"]], "was cancelled by it"))
    return found


def _also(run: Row, what: str) -> dict[str, Any]:
    return {"run_id": run["run_id"], "workflow": run["workflow_id"], "status": run["status"], "what": what}
