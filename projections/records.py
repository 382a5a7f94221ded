r"""From a Kafka record of the run log to stretches of entries that can be folded and stored.

Postgres holds neither NUL nor lone surrogates in text and jsonb. Both can stand in JSON as escapes, so such a record
is read, each of them is replaced by its escape as visible text (`\u0000`), and it is written anew. So is one that may
hold a number with more digits behind the point than jsonb has, for the views make jsonb of what is stored.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

import orjson

from projections.errors import Poison, TooNew
from schemas.formats import newer_entries

Entry = dict[str, Any]

_NUL: Final = b"\\u0000"
_LONG: Final = 16_000
_BAD = re.compile("[\x00\ud800-\udfff]")
# What both Python and Postgres read alike; the views cast it.
_TIME = re.compile(
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
)
_MOST = 2**31 - 1


class Arrived(Protocol):
    """What the projection needs of a Kafka record; aiokafka's have it."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def timestamp(self) -> int: ...


class ArrivedEvent(Arrived, Protocol):
    """What the event log needs of one."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Stretch(NamedTuple):
    """Consecutive entries of one run, `seq` being that of the first; `text` is their JSON."""

    run_id: str
    seq: int
    entries: list[Entry]
    text: str


def visible(text: str) -> str:
    r"""The text with NUL and lone surrogates written as `\uXXXX`."""
    return _BAD.sub(lambda found: f"\\u{ord(found[0]):04x}", text) if _BAD.search(text) else text


def visible_json(value: Any) -> Any:
    """The JSON value with each text in it, keys included, made `visible`."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(key): visible_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [visible_json(one) for one in value]
    return value


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _refuse(name: str) -> None:
    message = f"{name} is not JSON"
    raise ValueError(message)


def read_json(value: bytes) -> tuple[Any, str]:
    """What the JSON says, and its text as Postgres takes it. Raises Poison when it is not JSON."""
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return _read_odd_json(value)
    return storable(found, value)


def storable(found: Any, value: bytes) -> tuple[Any, str]:
    """What JSON that orjson reads says, and its text as Postgres takes it."""
    if _NUL in value:
        found = visible_json(found)
        return found, orjson.dumps(found).decode()
    if b"e-" in value or b"E-" in value or len(value) > _LONG:
        # 1e-20000, or as many zeros: beyond what jsonb holds (16,383 digits), while a double says 0.
        return found, orjson.dumps(found).decode()
    return found, value.decode()


def _read_odd_json(value: bytes) -> tuple[Any, str]:
    """JSON with lone surrogates, or numbers beyond a double, which orjson refuses."""
    try:
        found = visible_json(json.loads(value.decode(), parse_constant=_refuse, parse_float=_number))
        return found, orjson.dumps(found, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()
    except (ValueError, TypeError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else f"not JSON: {error}"
        raise Poison(visible(reason)[:500]) from None


def is_time(text: Any) -> bool:
    """Whether this is an RFC 3339 time that Postgres can hold."""
    if not isinstance(text, str) or _TIME.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def stretches(value: bytes | None, *, rewrite: bool = False) -> list[Stretch]:
    """The record's entries; nearly always one stretch, whose text is the record as it came.

    With `rewrite` the text is always written anew. Raises Poison when it is not an array of entries, and TooNew when it
    is in a format that this version can't read.
    """
    if not value:
        raise Poison("empty record")
    if (newer := newer_entries(value)) is not None:
        raise TooNew(newer)
    entries, text = read_json(value)
    if not isinstance(entries, list) or not entries:
        raise Poison("not a JSON array of entries")
    time = run_id = None
    first = expected = -1
    whole = True
    for index, entry in enumerate(entries):
        try:
            run, _, number = entry["id"].rpartition(":")
            seq = int(number)
            at = entry["time"]
            if type(entry["type"]) is not str or type(entry["data"]) is not dict or not run or not 0 <= seq < _MOST:
                raise ValueError
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _fault(index, entry) from None
        if at != time:
            if not is_time(at):
                raise Poison("not an RFC 3339 time", f"[{index}].time")
            time = at
        if run_id is None:
            run_id, first = run, seq
        elif run != run_id or seq != expected:
            whole = False
        expected = seq + 1
    if whole and not rewrite:
        return [Stretch(run_id or "", first, entries, text)]
    return cut(entries)


def _fault(index: int, entry: Any) -> Poison:
    if not isinstance(entry, dict):
        return Poison("not an object", f"[{index}]")
    for name, kind in (("id", str), ("type", str), ("time", str), ("data", dict)):
        if name not in entry:
            return Poison("missing", f"[{index}].{name}")
        if not isinstance(entry[name], kind):
            return Poison(f"not {'an object' if kind is dict else 'text'}", f"[{index}].{name}")
    return Poison("not of the form {run}:{seq}", f"[{index}].id")


def cut(entries: list[Entry]) -> list[Stretch]:
    """Any entries, as stretches in the order that they are in."""
    found: list[tuple[str, int, list[Entry]]] = []
    for entry in entries:
        run, _, number = entry["id"].rpartition(":")
        seq = int(number)
        if found and found[-1][0] == run and found[-1][1] + len(found[-1][2]) == seq:
            found[-1][2].append(entry)
        else:
            found.append((run, seq, [entry]))
    return [Stretch(run, seq, part, orjson.dumps(part).decode()) for run, seq, part in found]
