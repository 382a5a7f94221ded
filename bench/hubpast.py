"""A history of a million runs, made by Postgres itself: what one run of each kind and outcome is, written many times.

The runs are those of the engine: each is simulated once, with marks where it differs from its like (whose it is, when
it was, what it was about), and folded as the projector folds it. Postgres then fills in the marks.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import orjson

from engine.simulate import simulate
from engine.simulation.trial import all_succeed
from engine.workflow import compile_workflow
from projections.fold import fold
from runtime.postgres import Connection
from schemas.definitions import parse_definition
from schemas.events import SOURCES, entity_of, from_envelope
from schemas.outcomes import Call, Failed, Outcome

ORGS: Final = tuple(f"msp-{number}" for number in range(10))
BIG: Final = ORGS[0]
"""It has more than half of all runs."""
WORKFLOWS: Final = 200
WEEKS: Final = 26
_OF_BIG: Final = 60
_BASE: Final = dt.datetime(2031, 3, 3, 3, 3, 3, tzinfo=dt.UTC)
_TIME: Final = re.compile(r"2031-03-[0-9T:.]+Z")
_MARKS: Final = ("RUNMARK", "orgmark", "wfmark", "NAMEMARK", "DIGESTMARK", "EVENTMARK", "entmark")
"""What differs: the run, its organisation, workflow, that one's name and digest, the event, the entity."""

KINDS: Final[tuple[dict[str, Any], ...]] = (
    {
        "trigger": {"type": "alert.triggered"},
        "conditions": {"field": "alert.severity", "op": "in", "value": ["critical", "high"]},
        "steps": [
            {"id": "ticket", "action": "create_ticket",
             "with": {"board": "Alerts", "priority": "P1", "title": "{{alert.title}}"}},
            {"id": "tell", "action": "send_notification",
             "with": {"channel": "email", "to": "noc@msp.example", "subject": "{{alert.title}}", "body": "Look."}},
        ],
    },
    {
        "trigger": {"type": "device.offline"},
        "conditions": {"field": "device.criticality", "op": "greater_than", "value": 3},
        "steps": [
            {"id": "wake", "action": "run_script", "with": {"script_id": "wake", "device_id": "{{device.id}}"}},
            {"id": "which", "if": {"field": "device.criticality", "op": "greater_than", "value": 4},
             "then": [{"id": "call", "action": "escalate_on_call", "with": {"team": "noc"}}],
             "else": [{"id": "note", "action": "create_note", "with": {"body": "Offline", "company_id": "c-1"}}]},
        ],
    },
    {
        "trigger": {"type": "ticket.created"},
        "conditions": {"field": "ticket.priority", "op": "equals", "value": "P1"},
        "steps": [
            {"id": "assign", "action": "update_ticket", "with": {"fields": {"assignee": "ada"}}},
            {"id": "tag", "action": "add_tag", "with": {"tag": "vip"}},
        ],
    },
    {
        "trigger": {"type": "backup.failed"},
        "conditions": {"field": "backup.attempts", "op": "greater_than", "value": 2},
        "steps": [{"id": "mail", "action": "send_notification",
                   "with": {"channel": "email", "to": "it@client.example", "subject": "Backup", "body": "It failed."}}],
    },
    {
        "trigger": {"type": "invoice.overdue"},
        "conditions": {"field": "invoice.days_overdue", "op": "greater_than", "value": 3},
        "steps": [
            {"id": "wait", "action": "delay", "with": {"for": "PT20S"}},
            {"id": "remind", "action": "send_notification",
             "with": {"channel": "email", "to": "ap@client.example", "subject": "Invoice", "body": "Please pay."}},
        ],
    },
)  # fmt: skip
_DATA: Final[dict[str, dict[str, Any]]] = {
    "alert": {"title": "Disk full", "severity": "critical", "message": "C: has 1 % left"},
    "device": {"name": "SRV-01", "criticality": 5},
    "ticket": {"title": "Printer on fire", "priority": "P1", "status": "New"},
    "backup": {"job": "Nightly", "attempts": 3, "error": "no route to host"},
    "invoice": {"number": "2026-118", "days_overdue": 4, "balance": 118.5},
}
_FALSE: Final[dict[str, Any]] = {
    "severity": "low",
    "criticality": 1,
    "priority": "P3",
    "attempts": 1,
    "days_overdue": 1,
}
SHARES: Final = (
    ("completed", 0.47), ("skipped", 0.38), ("suppressed", 0.06), ("failed", 0.05), ("cancelled", 0.02),
    ("waiting", 0.01), ("running", 0.01),
)  # fmt: skip
"""How many of all runs come to what."""


class Shape(NamedTuple):
    """All runs of one kind and outcome: their records with marks, and the rows that they are."""

    kind: int
    outcome: str
    template: str
    offsets: list[dt.timedelta]
    trigger: str
    entity: str
    error: str | None
    guard: str | None
    finished: dt.timedelta | None
    event_seq: int
    steps: list[tuple[Any, ...]]


def definition(kind: int, org: str, workflow_id: str, name: str) -> dict[str, Any]:
    """The workflow of this kind."""
    return {"id": workflow_id, "org": org, "version": 3, "name": name, "state": "enabled", **KINDS[kind]}


def digest_of(body: dict[str, Any]) -> str:
    """As the run log has it."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def shapes() -> Iterator[Shape]:
    """One run of each kind and outcome."""
    for kind in range(len(KINDS)):
        for outcome, _ in SHARES:
            yield _shape(kind, outcome)


def _event(kind: int, outcome: str) -> dict[str, Any]:
    trigger = KINDS[kind]["trigger"]["type"]
    entity = entity_of(trigger)
    fields: dict[str, Any] = {"id": _MARKS[6], **_DATA[entity]}
    if outcome == "skipped":
        fields |= {name: value for name, value in _FALSE.items() if name in fields}
    chain = {"causationchain": _MARKS[2]} if outcome == "suppressed" else {}
    return {
        "specversion": "1.0", "id": _MARKS[5], "source": f"/{SOURCES[trigger][0]}", "type": trigger,
        "subject": f"{entity}/{_MARKS[6]}", "time": "2031-03-03T03:03:03Z", "orgid": _MARKS[1],
        "datacontenttype": "application/json", "data": {entity: fields, "company": {"id": "c-1", "name": "Globex"}},
        **chain,
    }  # fmt: skip


def _down(call: Call) -> Outcome:
    if call.action in {"send_notification", "update_ticket", "run_script"}:
        return Failed({"kind": "http", "message": f"{call.action} was answered 503", "status": 503}, True)
    return all_succeed(call)


def _shape(kind: int, outcome: str) -> Shape:
    body = definition(kind, _MARKS[1], _MARKS[2], _MARKS[3])
    event = from_envelope(_event(kind, outcome))
    workflow = compile_workflow(parse_definition(body))
    played = simulate(
        workflow, event, _BASE, outcomes=_down if outcome == "failed" else all_succeed, takes=dt.timedelta(seconds=1)
    )
    entries: list[Any] = [dict(one) for one in played.entries]
    run = str(entries[0]["id"]).rpartition(":")[0]
    entries = _cut(entries, outcome, run)
    folded = fold(run, dict(enumerate(entries)))
    text = orjson.dumps(entries).decode().replace("%", "%%").replace(run, _MARKS[0])
    text = text.replace(digest_of(body), _MARKS[4]).replace(workflow.digest, _MARKS[4])
    for number, mark in enumerate(_MARKS, 1):
        text = text.replace(mark, f"%{number}$s")
    times = sorted(set(_TIME.findall(text)))
    for number, time in enumerate(times, len(_MARKS) + 1):
        text = text.replace(time, f"%{number}$s")
    ended = folded.finished_at
    return Shape(
        kind, outcome, text, [dt.datetime.fromisoformat(time) - _BASE for time in times], event.type, event.entity_type,
        folded.error, folded.guard, None if ended is None else ended - _BASE, folded.event_seq,
        [_step(one) for one in folded.steps.values()],
    )  # fmt: skip


def _cut(entries: list[Any], outcome: str, run: str) -> list[Any]:
    """The entries as they are when the run has come to this outcome; what the simulation ends otherwise is cut off."""
    if outcome == "running":
        return entries[:2]
    if outcome in {"waiting", "cancelled"}:
        first = entries[:2]
        at, place = first[1]["time"], first[1]["data"]
        if outcome == "waiting":
            data = {"generation": 0, "until": "2031-03-03T03:33:03.000000Z", "reason": "delay",
                    "step": place["step"], "position": place["position"]}  # fmt: skip
        else:
            data = {"generation": 0, "by": {"person": "ada"}, "step": place["step"]}
        word = "run.waiting" if outcome == "waiting" else "run.cancelled"
        return [*first, {**first[1], "id": f"{run}:2", "type": word, "time": at, "data": data}]
    return entries


def _step(step: Any) -> tuple[Any, ...]:
    finished = None if step.finished_at is None else step.finished_at - _BASE
    return (
        step.position, step.step_id, step.action, step.status, step.attempts, step.input_seq, step.output_seq,
        step.error_seq, step.started_at - _BASE, finished,
    )  # fmt: skip


_TABLES: Final = """
create temporary table shapes (kind int, outcome text, least float8, most float8, template text, offsets interval[],
    trigger text, entity text, error text, guard text, finished interval, event_seq int);
create temporary table shape_steps (kind int, outcome text, position int, step_id text, action text, status text,
    attempts int, input_seq int, output_seq int, error_seq int, started interval, finished interval);
create temporary table kinds_of (n int primary key, org text, id text, name text, digest text, kind int);
create temporary table drawn (run_id text, org text, wf text, name text, digest text, kind int, outcome text,
    at timestamptz, thing text);
"""
_DRAW: Final = """
insert into drawn
select md5(g.g::text), w.org, w.id, w.name, w.digest, w.kind, s.outcome, $1::timestamptz + g.off, 'x-' || g.thing
  from (select g, (g - $2) * $4::interval as off, floor(random() * 50000)::int as thing, random() as r,
               case when random() < 0.6 then floor(random() * 60)::int else 60 + floor(random() * 140)::int end as wf
          from generate_series($2::bigint, $3::bigint) g (g)) g
  join kinds_of w on w.n = g.wf
  join shapes s on s.kind = w.kind and g.r >= s.least and g.r < s.most"""
_KEYS: Final = "insert into history_data.run_keys (run_id, week, org_id) select run_id, $1::int, org from drawn"
_RUNS: Final = """
insert into history_data.runs (run_id, org_id, workflow_id, workflow_name, workflow_version, status, trigger_type,
       entity_key, started_at, finished_at, error, causation_chain, event_seq, entity_name, guard)
select d.run_id, d.org, d.wf, d.name, 3, d.outcome, s.trigger, d.org || '/' || s.entity || '/' || d.thing, d.at,
       d.at + s.finished, replace(s.error, 'wfmark', d.wf), array[d.wf], s.event_seq,
       initcap(s.entity) || ' ' || d.thing, s.guard
  from drawn d join shapes s using (kind, outcome) order by d.at"""
_STEPS: Final = """
insert into history_data.steps (run_id, position, step_id, action, status, attempts, input_seq, output_seq, error_seq,
       started_at, finished_at, week)
select d.run_id, s.position, s.step_id, s.action, s.status, s.attempts, s.input_seq, s.output_seq, s.error_seq,
       d.at + s.started, d.at + s.finished, $1::int
  from drawn d join shape_steps s using (kind, outcome)"""
_RECORDS: Final = """
insert into history_data.records (run_id, seq, entries, week)
select d.run_id, 0,
       format(s.template, variadic array[d.run_id, d.org, d.wf, d.name, d.digest, 'ev-' || d.run_id, d.thing]
              || array(select to_char((d.at + o) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                         from unnest(s.offsets) with ordinality u (o, n) order by n))::json, $1::int
  from drawn d join shapes s using (kind, outcome)"""


async def fill(connection: Connection, runs: int, until: dt.datetime, told: Callable[[int], None]) -> None:
    """Write so many runs, the last of which begins before `until`, a Monday at midnight; `told` hears how many."""
    await connection.execute(f"set synchronous_commit = off; set jit = off; select setseed(0.5); {_TABLES}")
    await _tell_shapes(connection)
    await _tell_workflows(connection)
    per_week = -(-runs // WEEKS)
    for number in range(WEEKS):
        monday = until - dt.timedelta(weeks=WEEKS - number)
        first, last = number * per_week + 1, min((number + 1) * per_week, runs)
        week = (monday - dt.datetime(2000, 1, 3, tzinfo=dt.UTC)).days // 7
        async with connection.transaction():
            await connection.execute("select history_data.add_week('history_data', $1)", monday.date())
            await connection.execute("truncate drawn")
            await connection.execute(_DRAW, monday, first, last, dt.timedelta(weeks=1) / per_week)
            await connection.execute("analyze drawn")
            for statement in (_KEYS, _STEPS, _RECORDS):
                await connection.execute(statement, week)
            await connection.execute(_RUNS)
        told(last)
    await connection.execute("vacuum analyze")


async def _tell_shapes(connection: Connection) -> None:
    least = 0.0
    bounds = {}
    for outcome, share in SHARES:
        bounds[outcome] = (least, least + share)
        least += share
    found = list(shapes())
    await connection.copy_records_to_table(
        "shapes",
        records=[
            (one.kind, one.outcome, *bounds[one.outcome], one.template, one.offsets, one.trigger, one.entity, one.error,
             one.guard, one.finished, one.event_seq)
            for one in found
        ],
    )  # fmt: skip
    steps = [(one.kind, one.outcome, *step) for one in found for step in one.steps]
    await connection.copy_records_to_table("shape_steps", records=steps)


async def _tell_workflows(connection: Connection) -> None:
    bodies = []
    for number in range(WORKFLOWS):
        org = BIG if number < _OF_BIG else ORGS[1 + number % (len(ORGS) - 1)]
        bodies.append(definition(number % len(KINDS), org, f"workflow-{number:03}", f"Workflow {number}"))
    await connection.copy_records_to_table(
        "kinds_of",
        records=[
            (number, body["org"], body["id"], body["name"], digest_of(body), number % len(KINDS))
            for number, body in enumerate(bodies)
        ],
    )
    for body in bodies:
        text = orjson.dumps(body).decode()
        kind = body["trigger"]["type"]
        at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        await connection.execute(
            "insert into history_data.workflows values ($1, $2, 3, $3, 'enabled', $4, $5::jsonb, $6)",
            body["org"], body["id"], body["name"], kind, text, at,
        )  # fmt: skip
        await connection.execute(
            "insert into history_data.workflow_versions values ($1, $2, 3, $3, 'enabled', $4::jsonb, $5)",
            body["org"], body["id"], digest_of(body), text, at,
        )  # fmt: skip
