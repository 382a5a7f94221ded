"""Rule health: what the hourly check has found in an organisation's workflows."""

from __future__ import annotations

from typing import Any, Final

import orjson

from hub.reading import Reads, bound

MOST: Final = 1_000
FINDINGS: Final = bound(f"""
    select h.workflow_id, h.workflow_name, h.finding, h.severity, h.sentence, h.details, h.run_ids, h.first_seen,
           h.last_seen
      from history.workflow_health h
     where h.org_id = o.org and ($2::text is null or h.workflow_id = $2::text)
     order by array_position('{{high,medium,low}}', h.severity), h.workflow_id, h.finding, h.sentence
     limit {MOST}""")  # noqa: S608 - our own text
CHECKED: Final = bound("select c.checked_at from history.health_checks c where c.org_id = o.org")


async def workflow_health(reads: Reads, org: str, workflow: str | None) -> dict[str, Any]:
    """The findings of the organisation, or of one of its workflows. Raises Problem 503 while Postgres is away."""
    checked = await reads.rows(CHECKED, org)
    rows = await reads.rows(FINDINGS, org, workflow)
    return {
        "checked_at": checked[0]["checked_at"] if checked else None,
        "findings": [dict(row) | {"details": orjson.loads(row["details"])} for row in rows],
    }
