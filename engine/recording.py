"""What the run log keeps of inputs, outputs and errors: bounded, redacted, and nothing that JSON can't hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from engine.redaction import REDACTED, hidden

if TYPE_CHECKING:
    from engine.redaction import Redaction
    from engine.workflow import Action
    from schemas.outcomes import ActionError

LARGEST: Final = 64 * 1024
"""Bytes of one step's input, and of its output, as they are recorded."""
LARGEST_OUTPUTS: Final = 512 * 1024
"""Bytes of all outputs of a run: they travel with each command, and a record takes 2 MB."""
_START: Final = 2048
_DEEPEST: Final = 64
"""As deep as an event may nest; what is deeper could not be written as JSON once it stands inside a command."""
_LONGEST_ERROR: Final = 2000


def kept_output(output: Any, before: int, redact: Redaction) -> Any:
    """An output as a run can carry it along, where its earlier outputs have so many bytes.

    Of one that is too large its size and its start are kept; of one that is no JSON only the reason.
    """
    try:
        raw = orjson.dumps(output)
    except TypeError as error:
        return {"truncated": True, "reason": f"can't be written as JSON: {error}"[:200]}
    if raw.count(b"{") + raw.count(b"[") > _DEEPEST and _depth(output) > _DEEPEST:
        return {"truncated": True, "reason": f"nested deeper than {_DEEPEST} levels"}
    told = output
    if not redact.clean(output, raw):
        told = redact.written(output, raw)
        raw = raw if told is output else orjson.dumps(told)
    if before + len(raw) > LARGEST_OUTPUTS:
        return {"truncated": True, "bytes": len(raw)}
    return told if len(raw) <= LARGEST else cut(raw)


def kept_input(step: Action, rendered: dict[str, Any], raw: bytes, redact: Redaction) -> dict[str, Any]:
    """A step's rendered parameters as they are recorded: the very same object where that is all. `raw` is its JSON."""
    told = rendered
    if not (redact.harmless(step.reads) and redact.clean(rendered, raw)):
        told = told_input(step, rendered, raw, redact)
        raw = raw if told is rendered else orjson.dumps(told)
    return told if len(raw) <= LARGEST else cut(raw)


def told_input(step: Action, rendered: dict[str, Any], raw: bytes, redact: Redaction) -> dict[str, Any]:
    """A step's rendered parameters, redacted; the very same object where there is nothing to hide.

    A parameter whose template reads a sensitive field is redacted whole, whatever it is called itself.
    """
    told: dict[str, Any] = redact.written(rendered, raw)
    if redact.harmless(step.reads):
        return told
    for parameter in step.parameters:
        name = parameter.name
        if name in told and not redact.harmless(parameter.template.reads) and hidden(told[name]) != told[name]:
            told = {**told, name: REDACTED}
    return told


def cut(raw: bytes, start: int = _START) -> dict[str, Any]:
    """What is kept of a value whose JSON is too large."""
    text = raw[:start].decode("utf-8", "ignore")
    return {"truncated": True, "bytes": len(raw), **({"start": text} if start else {})}


def _depth(value: Any) -> int:
    level, deepest = [value], 0
    while level := [one for one in level if isinstance(one, dict | list)]:
        deepest += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return deepest


def kept_error(error: ActionError, redact: Redaction) -> dict[str, Any]:
    """The error as the log can keep it: bounded, and with nothing in it that JSON can't hold."""
    told: dict[str, Any] = dict(error)
    for name, value in told.items():
        if isinstance(value, str):
            told[name] = redact.text(value[:LARGEST])[:_LONGEST_ERROR].encode("utf-8", "replace").decode()
    told.setdefault("kind", "internal")
    told.setdefault("message", str(told["kind"]))
    return told
