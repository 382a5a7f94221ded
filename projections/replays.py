"""Replays as the history has them, and the runs that one can be made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from projections import queries
from projections.queries import Row
from runtime.postgres import Connection


async def list_replays(connection: Connection, *, org: str | None = None, limit: int = 20) -> list[Row]:
    """The latest replays, newest first."""
    found = await connection.fetch(
        "select * from history.replays where $1::text is null or org_id = $1 order by started_at desc limit $2",
        org,
        limit,
    )
    return [_row(one) for one in found]


async def get_replay(connection: Connection, replay_id: str, *, org: str | None = None) -> Row | None:
    """One replay with its `entries`; None where there is none, or where it is another organisation's."""
    found = await connection.fetchrow(
        "select * from history.replays where replay_id = $1 and ($2::text is null or org_id = $2)", replay_id, org
    )
    if found is None:
        return None
    return _row(found) | {"entries": await queries.run_log(connection, replay_id)}


def _row(record: Any) -> Row:
    row = dict(record)
    row["filter"] = orjson.loads(row["filter"])
    return row


async def replayed(connection: Connection, replay_id: str) -> set[str]:
    """The runs of a replay that were replayed already, as far as the history tells."""
    rows = await connection.fetch("select run_id from history.replay_runs where replay_id = $1 and replayed", replay_id)
    return {row["run_id"] for row in rows}


async def candidates(
    connection: Connection,
    org: str,
    workflow: str,
    statuses: Sequence[str],
    since: datetime,
    until: datetime,
    limit: int,
) -> tuple[list[Row], bool]:
    """The runs of these statuses that ended in that time, the oldest first; and whether there are more.

    The latest are taken. What is a part of another run's story since, by a rerun, is among them too.
    """
    found: list[Row] = []
    for status in dict.fromkeys(statuses):
        wanted = queries.RunFilter(org, workflow, status, ended_since=since, ended_until=until)
        found += await queries.list_runs(connection, wanted, limit=limit + 1)
    found.sort(key=lambda row: (row["started_at"], row["run_id"]))
    more = len(found) > limit
    return found[-limit:], more


async def rerun_already(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of these runs that another run repeats."""
    rows = await connection.fetch(
        "select distinct rerun_of from history_data.runs "
        "where (case when rerun_of is null then caused_by else rerun_of end) = any($1::text[]) "
        "and rerun_of is not null",
        list(ids),
    )
    return {row["rerun_of"] for row in rows}


async def waiting_until(connection: Connection, ids: Sequence[str]) -> dict[str, datetime]:
    """Until when each of these runs waits; those that don't are left out."""
    rows = await connection.fetch(
        "select run_id, waits_until from history.run_details "
        "where run_id = any($1::text[]) and waits_until is not null",
        list(ids),
    )
    return {row["run_id"]: row["waits_until"] for row in rows}


async def orgs_with(connection: Connection, workflow: str) -> list[str]:
    """The organisations that have, or had, a workflow of this id."""
    rows = await connection.fetch(
        "select org_id from history.workflow_versions where workflow_id = $1 "
        "union select org_id from history.workflows where workflow_id = $1 order by 1",
        workflow,
    )
    return [row["org_id"] for row in rows]
