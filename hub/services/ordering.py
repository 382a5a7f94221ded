"""A definition's fields in the order in which people write them: Postgres keeps JSON without its order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from schemas.actions import PARAMETERS
from schemas.conditions import Leaf
from schemas.definitions import ActionStep, BranchStep, Definition, EventMatch, GateStep, Retry, Throttle

_HEAD: Final = tuple(info.alias or name for name, info in Definition.model_fields.items())
_KINDS: Final = (ActionStep, GateStep, BranchStep)
_STEP: Final = tuple(
    dict.fromkeys(["id", "name", *(info.alias or name for one in _KINDS for name, info in one.model_fields.items())])
)
_PARAMETERS: Final = {
    action: tuple(info.alias or name for name, info in model.model_fields.items())
    for action, model in PARAMETERS.items()
}
_LEAF: Final = tuple(Leaf.model_fields)
_PARTS: Final = {
    "retry": tuple(Retry.model_fields),
    "throttle": tuple(Throttle.model_fields),
}


def ordered(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The same definition, its fields in order; what is not known comes last, as it came."""
    found = _by(definition, _HEAD)
    for name, order in _PARTS.items():
        if isinstance(found.get(name), dict):
            found[name] = _by(found[name], order)
    if isinstance(found.get("conditions"), dict):
        found["conditions"] = _condition(found["conditions"])
    for name in ("cancel_on", "restart_on"):
        if isinstance(found.get(name), list):
            found[name] = [_match(one) for one in found[name]]
    if isinstance(found.get("steps"), list):
        found["steps"] = [_step(one) for one in found["steps"]]
    return found


def _by(given: Mapping[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in (*order, *given) if name in given}


def _step(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    found = _by(given, _STEP)
    action = found.get("action")
    if isinstance(found.get("with"), dict) and isinstance(action, str) and action in _PARAMETERS:
        found["with"] = _by(found["with"], _PARAMETERS[action])
    if isinstance(found.get("retry"), dict):
        found["retry"] = _by(found["retry"], _PARTS["retry"])
    for name in ("condition", "if"):
        if name in found:
            found[name] = _condition(found[name])
    for name in ("then", "else"):
        if isinstance(found.get(name), list):
            found[name] = [_step(one) for one in found[name]]
    return found


def _match(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    found = _by(given, tuple(EventMatch.model_fields))
    return {**found, "where": _condition(found["where"])} if "where" in found else found


def _condition(given: Any) -> Any:
    if isinstance(given, list):
        return [_condition(one) for one in given]
    if not isinstance(given, dict):
        return given
    if "field" in given:
        return _by(given, _LEAF)
    return {name: _condition(one) if name in ("all", "any", "not") else one for name, one in given.items()}
