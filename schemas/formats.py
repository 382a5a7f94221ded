"""The version of the format that our records are in, and how a reader tells one that is newer than it can read.

What a record of version 1 looks like is what the release 0.1.0 wrote. Where a version stands:

- commands, requests on the control topic and requests to a guard: the field `format` of the JSON document;
- entries of the run log: the CloudEvents extension attribute `formatversion`, an integer;
- marks on the signals topic and admissions: the field `format`;
- waits on the timers topic, whose value is packed: the record's header `format`.

Where it is absent it is 1. The rules by which it changes are in docs/adr/0017-format-versions.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

READS: Final = 1
"""The newest version that this release reads; it reads all that are older."""
WRITES: Final = 1
"""The version that this release writes. Never newer than what the release before reads."""
ATTRIBUTE: Final = "formatversion"
FIELD: Final = "format"
_CURRENT: Final = b'{"format":1,'
_FIELD: Final = b'"format"'
_ATTRIBUTE: Final = b'"formatversion"'


def newer_document(value: bytes | None) -> int | None:
    """The version of a JSON document that is newer than this release reads; None for all others, JSON or not."""
    if not value or value.startswith(_CURRENT) or _FIELD not in value:
        return None
    found = _parsed(value)
    return _newer(found.get(FIELD)) if isinstance(found, dict) else None


def newer_request(value: bytes | None) -> int | None:
    """As `newer_document`, of a command or request that may be one of ours; None for what nobody's release wrote.

    Every version of them names an action or a run, and brings a state, an event or an organisation along. What does not
    is bad input, and must not hold up a partition.
    """
    newer = newer_document(value)
    if newer is None or value is None:
        return None
    found = _parsed(value)
    brings = any(isinstance(found.get(name), dict) and found[name] for name in ("state", "event"))
    names = isinstance(found.get("org"), str)
    about = any(isinstance(found.get(name), str) for name in ("action", "run"))
    return newer if about and (brings or names) else None


def newer_entries(value: bytes | None) -> int | None:
    """The version of a run-log record that has entries which are newer than this release reads; else None."""
    if not value or _ATTRIBUTE not in value:
        return None
    found = _parsed(value)
    entries = found if isinstance(found, list) else []
    newer = (_newer(entry.get(ATTRIBUTE)) for entry in entries if isinstance(entry, dict))
    return max((version for version in newer if version is not None), default=None)


def newer_header(headers: Iterable[tuple[str, bytes | None]] | None) -> int | None:
    """The version of a record whose header says that it is newer than this release reads; else None."""
    for name, value in headers or ():
        if name == FIELD and value is not None and value.isdigit():
            return _newer(int(value))
    return None


def _newer(version: Any) -> int | None:
    return version if type(version) is int and version > READS else None


def _parsed(value: bytes) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
