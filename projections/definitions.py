"""`history.workflows`, `history.workflow_versions` and `history.calendars`, from the compacted definitions topic.

The topic is read whole at each start, into a fold that decides what is in force. Nothing is written until its end is
reached; then the tables are made equal to what was read, and from there on each change is written as it comes.
Versions are only ever added: the topic forgets those that were replaced, and runs that are pinned to them go on.

Calendars (keys `{organisation}/calendar/{id}`) are no definitions of workflows. Who reads the topic publishes what is
in force again behind a calendar that is refused, so that the last record of a key is the one that counts.
"""

# ruff: noqa: S608 - schema and table names are our own constants
from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

import orjson

from projections.errors import Poison, PositionLost
from projections.letters import stamp
from projections.records import Arrived, read_json, visible_json
from projections.store import LIVE
from runtime.logging import logger
from runtime.postgres import Connection
from schemas.names import DEFINITIONS


class InForce(Protocol):
    """A definition in force; `body` is the document."""

    @property
    def body(self) -> dict[str, Any]: ...


class DefinitionFold(Protocol):
    """Decides which definitions are in force; the engine's registry does."""

    def apply(self, key: str, value: bytes | None) -> object:
        """Take one record of the definitions topic, in its order."""

    def get(self, org: str, workflow_id: str, /) -> InForce | None:
        """What is in force under this key."""


log = logger("definitions")

FoldFactory = Callable[[], DefinitionFold]
Key = tuple[str, str]
Change = tuple[dict[str, Any] | None, datetime]
CALENDAR: Final = "calendar/"
"""What stands between a calendar's organisation and its id."""


class Version(NamedTuple):
    """One row of `history_data.workflow_versions`."""

    org: str
    workflow_id: str
    version: int
    digest: str
    state: str
    definition: str
    published_at: datetime


class _Changes:
    """What is to be written: by key what came last, None for what was deleted, and each version that was accepted."""

    def __init__(self) -> None:
        self.workflows: dict[Key, Change] = {}
        self.calendars: dict[Key, Change] = {}
        self.versions: list[Version] = []


class _Statements:
    """The SQL on the tables of one schema."""

    def __init__(self, schema: str) -> None:
        self.upsert = f"""
            insert into {schema}.workflows as w
                   (org_id, workflow_id, version, name, state, trigger_type, definition, updated_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            on conflict (org_id, workflow_id) do update
               set version = excluded.version, name = excluded.name, state = excluded.state,
                   trigger_type = excluded.trigger_type, definition = excluded.definition,
                   updated_at = excluded.updated_at
             where w.definition is distinct from excluded.definition"""
        self.remove = f"delete from {schema}.workflows where org_id = $1 and workflow_id = $2"
        self.add_version = f"""
            insert into {schema}.workflow_versions
                   (org_id, workflow_id, version, digest, state, definition, published_at)
            values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing"""
        self.upsert_calendar = f"""
            insert into {schema}.calendars as c (org_id, calendar_id, definition, updated_at) values ($1, $2, $3, $4)
            on conflict (org_id, calendar_id) do update
               set definition = excluded.definition, updated_at = excluded.updated_at
             where c.definition is distinct from excluded.definition"""
        self.remove_calendar = f"delete from {schema}.calendars where org_id = $1 and calendar_id = $2"
        self.stand = f"""
            insert into {schema}.offsets (topic, partition, next) values ($1, 0, $2)
            on conflict (topic, partition) do update set next = excluded.next"""
        self.move = f"update {schema}.offsets set next = $3 where topic = $1 and partition = 0 and next = $2"


def _drop_others(schema: str, kind: str) -> str:
    return f"""
        delete from {schema}.{kind}s where (org_id, {kind}_id) not in (select * from unnest($1::text[], $2::text[]))"""


def _lose(kind: str) -> str:
    """What the topic has no longer, although nobody deleted it: who lost the topic finds it here."""
    return f"""
        insert into {LIVE}.lost_definitions (org_id, kind, id, definition, updated_at)
        select org_id, '{kind}', {kind}_id, definition, updated_at from {LIVE}.{kind}s
         where (org_id, {kind}_id) not in (select * from unnest($1::text[], $2::text[]))
        on conflict (org_id, kind, id) do update
           set definition = excluded.definition, updated_at = excluded.updated_at, lost_at = now()"""


_FOUND = f"""
delete from {LIVE}.lost_definitions d using unnest($2::text[], $3::text[]) k (org_id, id)
 where d.kind = $1 and d.org_id = k.org_id and d.id = k.id"""


class Definitions:
    """Folds the records of the definitions topic's one partition and writes what they change."""

    def __init__(self, connection: Connection, factory: FoldFactory, schema: str = LIVE) -> None:
        self.connection = connection
        self._schema = schema
        self._sql = _Statements(schema)
        self._factory = factory
        self._fold = factory()
        self._changes = _Changes()
        self._position = 0
        self._end: int | None = None

    def begin(self, end: int) -> None:
        """Read anew: from here on come the topic's records from its beginning, `end` being its present end."""
        self._fold = self._factory()
        self._changes = _Changes()
        self._end = end

    @property
    def reading(self) -> bool:
        """Whether the end that `begin` named is still to come."""
        return self._end is not None

    async def take(self, records: Sequence[Arrived], position: int) -> None:
        """Fold these records, after which `position` is the next to come, and write what they change.

        Raises PositionLost when another projector has taken the topic over.
        """
        for record in records:
            self._apply(record)
        if self._end is not None:
            if position < self._end:
                return
            await self._reconcile(position)
        elif records:
            await self._write(position)
        self._end = None
        self._position = position
        self._changes = _Changes()

    def _apply(self, record: Arrived) -> None:
        try:
            key = (record.key or b"").decode()
        except UnicodeDecodeError:
            return
        org, slash, workflow_id = key.partition("/")
        if not slash:
            return
        at = stamp(record.timestamp)
        if workflow_id.startswith(CALENDAR):
            self._changes.calendars[org, workflow_id.removeprefix(CALENDAR)] = (_object(record.value), at)
            return
        was = self._fold.get(org, workflow_id)
        self._fold.apply(key, record.value)
        now = self._fold.get(org, workflow_id)
        if now is None:
            self._changes.workflows[org, workflow_id] = (None, at)
        elif was is None or was.body != now.body:
            self._changes.workflows[org, workflow_id] = (now.body, at)
            self._changes.versions.append(_version(org, workflow_id, now.body, at))

    async def _reconcile(self, position: int) -> None:
        """Make the table equal to the fold, and this projector the topic's one."""
        async with self.connection.transaction():
            await self.connection.execute(self._sql.stand, DEFINITIONS, position)
            for kind, changes in (("workflow", self._changes.workflows), ("calendar", self._changes.calendars)):
                kept = [key for key, (body, _) in changes.items() if body is not None]
                if self._schema == LIVE:
                    lost = await self.connection.execute(_lose(kind), *_columns(changes))
                    if lost != "INSERT 0 0":
                        log.warning("definitions are missing in their topic, though nobody deleted them; "
                                    "`onestack publish --from-history` brings them back", kind=kind,
                                    definitions=int(lost.rpartition(" ")[2]))  # fmt: skip
                await self.connection.execute(_drop_others(self._schema, kind), *_columns(kept))
            await self._write_changes()

    async def _write(self, position: int) -> None:
        async with self.connection.transaction():
            done = await self.connection.execute(self._sql.move, DEFINITIONS, self._position, position)
            if done != "UPDATE 1":
                message = "another projector reads the definitions"
                raise PositionLost(message)
            await self._write_changes()

    async def _write_changes(self) -> None:
        execute = self.connection.execute
        if self._schema == LIVE:
            for kind, changes in (("workflow", self._changes.workflows), ("calendar", self._changes.calendars)):
                await execute(_FOUND, kind, *_columns(changes))
        for (org, workflow_id), (body, at) in self._changes.workflows.items():
            if body is None:
                await execute(self._sql.remove, org, workflow_id)
                continue
            shown = visible_json(body)
            trigger = shown.get("trigger")
            await execute(
                self._sql.upsert, org, workflow_id, shown.get("version"), shown.get("name"), shown.get("state"),
                trigger.get("type") if isinstance(trigger, dict) else None, orjson.dumps(shown).decode(), at,
            )  # fmt: skip
        if self._changes.versions:
            await self.connection.executemany(self._sql.add_version, self._changes.versions)
        for (org, calendar_id), (body, at) in self._changes.calendars.items():
            if body is None:
                await execute(self._sql.remove_calendar, org, calendar_id)
            else:
                await execute(
                    self._sql.upsert_calendar, org, calendar_id, orjson.dumps(visible_json(body)).decode(), at
                )


def _columns(keys: Collection[Key]) -> tuple[list[str], list[str]]:
    return [org for org, _ in keys], [name for _, name in keys]


def _object(value: bytes | None) -> dict[str, Any] | None:
    """The JSON object, or None where it is none: what can't be read is not in force."""
    try:
        found, _ = read_json(value or b"")
    except Poison:
        return None
    return found if isinstance(found, dict) else None


def _version(org: str, workflow_id: str, body: dict[str, Any], at: datetime) -> Version:
    digest = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    shown = visible_json(body)
    definition = orjson.dumps(shown).decode()
    return Version(org, workflow_id, shown["version"], digest, shown.get("state") or "enabled", definition, at)
