"""The SQL of lists and counts of runs: which index each list is read by, and what is a condition on its rows.

There is one text for each combination of filters, made once; what was given are its parameters. So each is a prepared
statement whose plan is known, and a test explains every one of them.
"""

# ruff: noqa: S608 - all text is our own, what people give are parameters
from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from hub.reading import bound

RAN: Final = ("cancelled", "completed", "failed", "running", "waiting")
FILTERED: Final = ("skipped", "suppressed")
STATUSES: Final = (*RAN, *FILTERED)
NOTABLE: Final = frozenset({"cancelled", "failed", "running", "waiting", "suppressed"})
"""Statuses that have an index of their own."""
WITH_ERROR: Final = frozenset({"failed", "suppressed"})
CAP: Final = 1_000
"""Runs that are counted of each status, unless more are asked for."""
_SIDES: Final = (
    (RAN, "r.status not in ('skipped', 'suppressed')"),
    (FILTERED, "r.status in ('skipped', 'suppressed')"),
)
_NOTABLE: Final = "r.status not in ('completed', 'skipped')"
_COLUMNS: Final = (
    "run_id, workflow_id, workflow_name, workflow_version, status, trigger_type, entity_key, entity_name, started_at, "
    "finished_at, error, causation_chain"
)
_TOLD: Final = (
    "run_id, workflow_id, workflow_name, workflow_version, status, trigger_type, entity_key, entity_name, started_at, "
    "finished_at, (extract(epoch from finished_at - started_at) * 1000)::double precision as duration_ms, error, "
    "case when status = 'suppressed' then error end as reason, causation_chain"
)


class Shape(NamedTuple):
    """Which filters there are, whatever their values; `scope` is what the index is entered by."""

    scope: str
    statuses: tuple[str, ...]
    entities: int = 0
    workflow: bool = False
    trigger: bool = False
    error: bool = False


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs of an organisation. What is None, or `entities` where there are none, is not asked about.

    A run began at `since` or later and before `until`. `entities` are entity keys: a text may be read as two of them.
    `error` is looked for in the errors of failed runs and in the reasons of suppressed ones.
    """

    statuses: frozenset[str]
    workflow: str | None = None
    trigger: str | None = None
    entities: tuple[str, ...] = ()
    error: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    @property
    def shape(self) -> Shape:
        """What of it decides about the statement."""
        return Shape(
            "entity" if self.entities else "workflow" if self.workflow else "trigger" if self.trigger else "org",
            tuple(sorted(self.statuses & WITH_ERROR if self.error else self.statuses)),
            len(self.entities),
            workflow=self.workflow is not None,
            trigger=self.trigger is not None,
            error=self.error is not None,
        )

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of its statements by name."""
        found: dict[str, Any] = {"workflow": self.workflow, "trigger": self.trigger, "error": self.error}
        return found | {f"entity{number}": key for number, key in enumerate(self.entities)}


class Statement(NamedTuple):
    """SQL, and the names of its parameters behind the organisation.

    `bounded` says that few rows are read that are not in the list: the index tells all, or has one entity's runs only.
    `weeks` are those in which a page is looked for first. Each costs some 4 µs to open, another query more than a
    hundred; an entity has few runs, so that most of its pages want them all.
    """

    sql: str
    parameters: tuple[str, ...]
    bounded: bool = True
    weeks: int = 8

    def arguments(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values in the order of the parameters."""
        return tuple(values[name] for name in self.parameters)


@lru_cache(maxsize=1024)
def listing(shape: Shape) -> Statement:
    """One row: an array of runs as JSON, the newest first, and one of their ids where they are skipped ones.

    Either is null where there are none, the second also where no skipped runs are asked for. One row is taken apart in
    less time than fifty.

    Parameters are `upper`, `after`, `lower`, `limit` and those of the filter. A row begins at `upper` or before (at
    `upper` only behind the id `after`), and at `lower` or later.
    """
    given = _Parameters()
    upper, lower, after = given("upper", "timestamptz"), given("lower", "timestamptz"), given("after")
    page = f"order by started_at desc, run_id limit {given('limit', 'integer')}"
    parts = _branches(given, shape)
    within = f"r.started_at <= {upper} and r.started_at >= {lower}"
    behind = f"(r.started_at < {upper} or r.run_id > {after})"
    branches = [f"select {_COLUMNS} from {one.rows(within, behind)} {page}" for one in parts]
    rows = branches[0]
    if len(branches) > 1:
        union = " union all ".join(f"({one})" for one in branches)
        rows = f"select {_COLUMNS} from ({union}) u {page}"
    skipped = "array_agg(case when t.status = 'skipped' then t.run_id end)" if "skipped" in shape.statuses else "null"
    told = (
        f"select array_agg(row_to_json(t)::text) as runs, {skipped} as skipped from (select {_TOLD} from ({rows}) p) t"
    )
    entity = shape.scope == "entity"
    bounded = entity or not any(one.held for one in parts)
    return Statement(bound(told), tuple(given.names), bounded, 26 if entity else 8 if bounded else 2)


@lru_cache(maxsize=1024)
def counting(shape: Shape, most: int = CAP) -> Statement:
    """How many runs there are of each status, as (status, runs): up to one more than `most`.

    Parameters are `since`, `until` and those of the filter.
    """
    given = _Parameters()
    within = f"r.started_at >= {given('since', 'timestamptz')} and r.started_at < {given('until', 'timestamptz')}"
    if shape.scope == "entity":
        # Few, and in no order: all are read once, whatever their status.
        rows = " union all ".join(f"select r.status from {one.rows(within)}" for one in _entitys(given, shape))
        counts = [f"select c.status, count(*) as runs from ({rows}) c group by c.status"]
    else:
        counts = [_count(one, within, statuses, most) for one, statuses in _by_status(given, shape)]
    return Statement(bound(" union all ".join(counts)), tuple(given.names))


def _count(branch: _Branch, within: str, statuses: Sequence[str], most: int) -> str:
    """Status by status, for the weeks' tables are opened once however many there are."""
    rows = f"select from {branch.rows(within)} limit {most + 1}"
    return f"select s.status, (select count(*) from ({rows}) c) as runs from unnest(array{list(statuses)}) s (status)"


class _Parameters:
    """Numbers parameters as they are named; $1 is the organisation."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, name: str, kind: str = "text") -> str:
        if name not in self.names:
            self.names.append(name)
        return f"${self.names.index(name) + 2}::{kind}"


class _Branch(NamedTuple):
    """A stretch of one index: the conditions by which it is entered, and those that each row is held against."""

    entered: list[str]
    held: list[str]
    fenced: bool = False
    """Whether its index is not in the list's order. Then what the index finds is read first, and sorted: else an index
    that has the order, and nothing of what is asked, would be read from its end to its beginning."""

    def rows(self, *within: str) -> str:
        """What stands behind `from`."""
        if not self.fenced:
            return f"history_data.runs r where {' and '.join((*self.entered, *self.held, *within))}"
        found = f"select * from history_data.runs r where {' and '.join((*self.entered, within[0]))} offset 0"
        return f"({found}) r where {' and '.join((*self.held, *within))}"


def _branches(given: _Parameters, shape: Shape) -> list[_Branch]:
    """The stretches that have what is asked for."""
    if shape.scope == "entity":
        return _entitys(given, shape)
    found = []
    for side, which in _SIDES:
        wanted = [one for one in side if one in shape.statuses]
        if NOTABLE.issuperset(wanted):
            found += [_notable(given, shape, f"'{one}'") for one in wanted]
        else:
            entered, held = _scope(given, shape)
            held += [_one_of(wanted)] if len(wanted) < len(side) else []
            found.append(_Branch([*entered, which], held))
    return found


def _by_status(given: _Parameters, shape: Shape) -> list[tuple[_Branch, list[str]]]:
    """The stretches in which each status is counted: `s.status`, one of those named beside them."""
    found = []
    for side, which in _SIDES:
        for status in set(side).intersection(shape.statuses) - NOTABLE:
            entered, held = _scope(given, shape)
            found.append((_Branch([*entered, which], [*held, "r.status = s.status"]), [status]))
    notable = [one for one in shape.statuses if one in NOTABLE]
    return [*found, (_notable(given, shape, "s.status"), notable)] if notable else found


def _notable(given: _Parameters, shape: Shape, status: str) -> _Branch:
    entered, held = _scope(given, shape, notable=True)
    return _Branch([*entered, f"r.status = {status}", _NOTABLE], held)


def _scope(given: _Parameters, shape: Shape, *, notable: bool = False) -> tuple[list[str], list[str]]:
    """The conditions by which the index is entered, and what it does not know."""
    entered, held = ["r.org_id = o.org"], _error(given, shape)
    if shape.workflow:
        entered.append(f"r.workflow_id = {given('workflow')}")
    if shape.trigger:
        (held if shape.workflow or notable else entered).append(f"r.trigger_type = {given('trigger')}")
    return entered, held


def _entitys(given: _Parameters, shape: Shape) -> list[_Branch]:
    held = ["r.org_id = o.org", *_error(given, shape)]
    if shape.workflow:
        held.append(f"r.workflow_id = {given('workflow')}")
    if shape.trigger:
        held.append(f"r.trigger_type = {given('trigger')}")
    if len(shape.statuses) < len(STATUSES):
        held.append(_one_of(shape.statuses))
    keys = [f"r.entity_key = {given(f'entity{number}')}" for number in range(shape.entities)]
    return [_Branch([key], held, fenced=True) for key in keys]


def _error(given: _Parameters, shape: Shape) -> list[str]:
    return ["strpos(lower(r.error), lower(" + given("error") + ")) > 0"] if shape.error else []


def _one_of(statuses: Any) -> str:
    return f"r.status in ({', '.join(repr(one) for one in statuses)})"
