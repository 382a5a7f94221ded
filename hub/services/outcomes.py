"""What runs did, each in a few words for its row in a list: `ticket T-1007 · email to jo@acme.example`.

Lists do not read what this is made of: it is asked for behind them, for the rows that are on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from hub.reading import Reads, bound
from hub.services.words import either, plain, short, span
from projections.fold import StepFold, fold

Entry = dict[str, Any]
Given = Mapping[str, Any]

_LONGEST: Final = 240
_PHRASE: Final = 80
_BETWEEN: Final = " · "

_RECORDS: Final = bound("""
    select k.run_id,
           (select array_agg(c.entries::text order by c.seq) from history_data.records c
             where c.run_id = k.run_id and c.week = k.week) as records
      from history_data.run_keys k
     where k.run_id = any($2::text[]) and k.org_id = o.org""")


async def outcomes(reads: Reads, org: str, ids: Sequence[str]) -> dict[str, str]:
    """By run id what the run did; runs that the organisation has not, or that did nothing yet, are left out."""
    rows = await reads.rows(_RECORDS, org, tuple(sorted(set(ids))))
    told = {}
    for row in rows:
        entries = [entry for text in row["records"] or () for entry in orjson.loads(text)]
        if words := outcome(row["run_id"], entries):
            told[row["run_id"]] = words
    return told


def outcome(run_id: str, entries: Sequence[Entry]) -> str:
    """What a run did, from its entries; empty where it did nothing."""
    if not entries:
        return ""
    by_seq = {int(one["id"].rpartition(":")[2]): one for one in entries}
    steps = fold(run_id, by_seq).steps
    told = [words for position in sorted(steps) if (words := _step(steps[position], by_seq))]
    shadow = "in shadow: " if told and entries[0]["data"].get("shadow") else ""
    return short(shadow + _BETWEEN.join(told), _LONGEST)


def _step(step: StepFold, by_seq: Mapping[int, Entry]) -> str:
    if step.action == "condition":
        return _decided(step, by_seq)
    given = _mapping(by_seq, step.input_seq, "input")
    phrase = _phrase(step, given, _mapping(by_seq, step.output_seq, "output"))
    if step.status == "failed":
        return f"failed: {phrase}"
    if step.status in {"running", "waiting"}:
        return f"now: {phrase}"
    return "" if step.status == "cancelled" else phrase


def _phrase(step: StepFold, given: Given, output: Given) -> str:
    tell = _PHRASES.get(step.action)
    return short(tell(given, output), _PHRASE) if tell is not None else step.action.replace("_", " ")


def _decided(step: StepFold, by_seq: Mapping[int, Entry]) -> str:
    """The way that was taken: `urgency: yes`."""
    if step.output_seq is None:
        return ""
    result = by_seq[step.output_seq]["data"].get("result")
    return f"{step.step_id.rpartition('.')[2]}: {'yes' if result else 'no'}"


def _mapping(by_seq: Mapping[int, Entry], seq: int | None, name: str) -> Given:
    found = None if seq is None else by_seq[seq]["data"].get(name)
    return found if isinstance(found, Mapping) else {}


def _named(word: str, *values: Any) -> str:
    """The word, and the first of the values that there is: `ticket T-1007`."""
    return next((f"{word} {plain(value)}" for value in values if value not in (None, "")), word)


def _notification(given: Given, _: Given) -> str:
    channel, to = given.get("channel"), given.get("to")
    if channel in ("teams", "slack"):
        # Its address is an incoming webhook: nothing to a person, and a secret besides.
        return f"{'Teams' if channel == 'teams' else 'Slack'} message"
    named = either([plain(one) for one in to], "and") if isinstance(to, list) else plain(to) if to else ""
    word = {"email": "email", "push": "push"}.get(str(channel), "notification")
    return f"{word} to {named}" if named else word


def _delay(given: Given, _: Given) -> str:
    if given.get("for"):
        return f"wait of {span(given['for'])}"
    return _named("wait until", given.get("until")).replace("_", " ")


def _webhook(given: Given, _: Given) -> str:
    try:
        host = urlsplit(str(given.get("url") or "")).hostname
    except ValueError:
        host = None
    return _named("webhook to", host) if host else "webhook"


def _field(given: Given, _: Given) -> str:
    name = plain(given["field"]) if given.get("field") else "field"
    return f"{name} set to {plain(given['value'])}" if "value" in given else f"{name} set"


_PHRASES: Final[dict[str, Callable[[Given, Given], str]]] = {
    "create_ticket": lambda given, output: _named("ticket", output.get("id"), given.get("title")),
    "update_ticket": lambda given, output: _named("update of ticket", output.get("id"), given.get("ticket_id")),
    "send_notification": _notification,
    "escalate_on_call": lambda given, _: _named("escalation to", given.get("team")),
    "update_field": _field,
    "run_script": lambda given, _: _named("script", given.get("script_id")),
    "create_note": lambda given, output: _named("note", output.get("id"), given.get("title")),
    "add_tag": lambda given, _: _named("tag", given.get("tag")),
    "webhook": _webhook,
    "delay": _delay,
}


def wanted_ids(given: str) -> Iterator[str]:
    """The ids in a text with commas between them."""
    yield from dict.fromkeys(one for part in given.split(",") if (one := part.strip()))
