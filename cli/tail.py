"""The run log as it grows, read from Kafka itself: what the engine does, before any history."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from cli.clients import kafka, need_topic, settings_for_people
from cli.output import painted, short_json, show_json
from schemas.entries import split_id
from schemas.names import RUN_ENDS, RUNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings

_BEGINS: Final = ("run.started", "run.skipped", "run.suppressed")
_ENDS: Final = frozenset(f"run.{end}" for end in RUN_ENDS)
_COLOURS: Final = {"completed": "green", "succeeded": "green", "failed": "red", "cancelled": "yellow"}


@dataclass(slots=True)
class Filter:
    """Which entries are wanted. A run's workflow stands in its first entry alone, so it is remembered from there."""

    org: str | None = None
    workflow: str | None = None
    run: str | None = None
    _of_workflow: set[str] = field(default_factory=set)

    def wants(self, entry: dict[str, Any]) -> bool:
        """Whether this entry is to be shown."""
        run, _seq = split_id(entry["id"])
        if self.org is not None and entry["orgid"] != self.org:
            return False
        if self.run is not None and not run.startswith(self.run):
            return False
        return self.workflow is None or self._is_of_workflow(run, entry)

    def _is_of_workflow(self, run: str, entry: dict[str, Any]) -> bool:
        if entry["type"] in _BEGINS and entry["data"]["workflow"]["id"] == self.workflow:
            self._of_workflow.add(run)
        known = run in self._of_workflow
        if entry["type"] in _ENDS:
            self._of_workflow.discard(run)
        return known


async def follow(wanted: Filter, *, from_start: bool, limit: int | None, json: bool) -> None:
    """Print entries as they are appended, until `limit` of them were printed or the person stops it."""
    from runtime.kafka import new_reader

    settings = settings_for_people()
    await need_topic(settings, RUNS)
    async with kafka(settings, new_reader(settings)) as reader:
        await _assign(reader, settings, from_start=from_start)
        shown = 0
        async for record in reader:
            for entry in entries_of(record.value):
                if not wanted.wants(entry):
                    continue
                show_json(entry, lines=True) if json else print(line(entry), flush=True)
                shown += 1
                if shown == limit:
                    return


async def _assign(reader: Any, settings: Settings, *, from_start: bool) -> None:
    from runtime.kafka import topic_partitions

    partitions = (await topic_partitions(settings, [RUNS]))[RUNS]
    reader.assign(partitions)
    await (reader.seek_to_beginning(*partitions) if from_start else reader.seek_to_end(*partitions))


def entries_of(value: bytes | None) -> Iterator[dict[str, Any]]:
    """The entries in a record of the run log; what is none is left out."""
    try:
        found = orjson.loads(value or b"[]")
    except orjson.JSONDecodeError:
        return
    for entry in found if isinstance(found, list) else []:
        try:
            split_id(entry["id"])
            usable = isinstance(entry["data"], dict) and {"orgid", "type", "subject", "time"} <= set(entry)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        if usable:
            yield entry


def line(entry: dict[str, Any]) -> str:
    """One entry for people."""
    run, seq = split_id(entry["id"])
    kind = entry["type"]
    colour = _COLOURS.get(kind.partition(".")[2], "")
    return (
        f"{entry['time'][11:23]}  {run[:12]}:{seq:<3} {painted(f'{kind:<15}', colour)} "
        f"{entry['orgid']}/{entry['subject']}  {_gist(kind, entry['data'])}"
    ).rstrip()


def _gist(kind: str, data: dict[str, Any]) -> str:
    if kind in _BEGINS:
        workflow = data["workflow"]
        reason = f": {data['reason']}" if "reason" in data else ""
        return f"{workflow['id']} version {workflow['version']}, by {data['event'].get('type')}{reason}"
    if kind == "step.condition":
        return f"{data['step']} is {'true' if data['result'] else 'false'}"
    if kind.startswith("step."):
        more = {"step.started": "input", "step.succeeded": "output", "step.failed": "error"}.get(kind)
        tail = f"  {short_json(data.get(more), 100)}" if more else ""
        return f"{data.get('step')} {data.get('action')}{tail}"
    return str(data.get("error") or data.get("reason") or "")
