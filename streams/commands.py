"""Reads commands from their topics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from engine.run import state_from_json
from schemas.errors import Refused
from schemas.names import command_id
from streams.emit import ARRIVED, ENTRY, MADE

if TYPE_CHECKING:
    from engine.run import RunState

_KINDS: Final = {str: "text", int: "a number", dict: "an object"}
_WANTED: Final = (("run", str), ("org", str), ("subject", str), ("seq", int), ("workflow", dict), ("event", dict))


def read_command(value: bytes | None, action: str) -> RunState:
    """The state that a command carries. Raises Refused."""
    try:
        command = orjson.loads(value or b"")
        if command["action"] != action:
            raise Refused.one("action", f"is {command['action']!r} on the topic of {action!r}")
        if command["format"] != 1:
            raise Refused.one("format", f"{command['format']!r} is not known to this version")
        return checked_state(command["state"])
    except orjson.JSONDecodeError as error:
        raise Refused.one("", f"not JSON: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise Refused.one("", f"not a command: {type(error).__name__}: {error}"[:300]) from None


def checked_state(given: dict[str, Any]) -> RunState:
    """The state in a JSON object. Raises Refused where a field is of another type; KeyError where one is missing."""
    state = state_from_json(given)
    for name, kind in _WANTED:
        if not isinstance(getattr(state, name), kind):
            raise Refused.one(f"state.{name}", f"should be {_KINDS[kind]}")
    return state


def entry_of(record: Any) -> str:
    """The id of the entry that the command's outcome will begin with; empty where the header is missing."""
    return _header(record, ENTRY).decode("ascii", "replace")


def arrived_of(record: Any) -> int:
    """When the event arrived that the run goes back to, in milliseconds since the epoch."""
    given = _header(record, ARRIVED)
    arrived: int = int(given) if given.isdigit() else record.timestamp
    return arrived


def made_of(record: Any) -> float:
    """When the command was made, in seconds since the epoch; 0 where an earlier version made it, which did not say."""
    given = _header(record, MADE)
    return int(given) / 1000 if given.isdigit() else 0.0


def named(state: RunState) -> dict[str, str]:
    """Which run and command this is, as the log says it (docs/reference/logs.md)."""
    found = {"run_id": state.run, "workflow_id": state.chain[-1], "org_id": state.org}
    if state.current is not None:
        found["command_id"] = command_id(state.run, state.generation, state.current["step"])
    return found


def _header(record: Any, wanted: str) -> bytes:
    for name, value in record.headers or ():
        if name == wanted:
            return value or b""
    return b""
