"""A run's entries, told step by step: what each was given, what came of it, and which steps were never reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.simulation.outline import Part, outline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schemas.entries import EntryDict

Told = dict[str, Any]

_BEGINS: Final = frozenset({"run.started", "run.skipped", "run.suppressed"})


def first(entries: Iterable[EntryDict]) -> dict[str, Any]:
    """The data of the entry that begins the run."""
    return next((entry["data"] for entry in entries if entry["type"] in _BEGINS), {})


def steps_of(entries: Iterable[EntryDict]) -> list[Told]:
    """The steps that began, in the order of their beginning, each with all that the log tells of it.

    `status` is as in the history: running, waiting, succeeded, failed, skipped or cancelled. `attempts` has one object
    for each call: attempt, started, finished, error, next_try. `waits` has from and until. Times are RFC 3339 texts.
    """
    steps: dict[int, Told] = {}
    for entry in entries:
        data = entry["data"]
        if entry["type"] == "run.cancelled" or entry["type"] == "run.restarted":
            _leave(steps, entry["time"])
        if (tell := _TELL.get(entry["type"])) is not None and data.get("position") is not None:
            step = steps.setdefault(data["position"], _new(data, entry["time"]))
            tell(step, data, entry["time"])
    return [steps[position] for position in sorted(steps)]


def _new(data: dict[str, Any], at: str) -> Told:
    return {
        "position": data["position"],
        "step": data["step"],
        "action": data.get("action", "condition"),
        "generation": data.get("generation", 0),
        "status": "running",
        "started": at,
        "finished": None,
        "attempts": [],
        "waits": [],
    }


def _started(step: Told, data: dict[str, Any], at: str) -> None:
    step["status"], step["input"] = "running", data["input"]
    step["attempts"].append({"attempt": data["attempt"], "started": at, "finished": None, "error": None})


def _succeeded(step: Told, data: dict[str, Any], at: str) -> None:
    step["status"], step["finished"], step["output"] = "succeeded", at, data["output"]
    if step["attempts"]:
        step["attempts"][-1]["finished"] = at


def _failed(step: Told, data: dict[str, Any], at: str) -> None:
    if step["attempts"]:
        step["attempts"][-1] |= {"finished": at, "error": data["error"], "next_try": data.get("next_try")}
    step["error"] = data["error"]
    if data.get("next_try") is None:
        step["status"], step["finished"] = "failed", at


def _skipped(step: Told, data: dict[str, Any], at: str) -> None:
    step |= {"status": "skipped", "finished": at, "reason": data.get("reason")}
    step |= {name: data[name] for name in ("input", "output") if name in data}


def _decided(step: Told, data: dict[str, Any], at: str) -> None:
    step |= {"status": "succeeded", "finished": at, "result": data["result"], "conditions": data["conditions"]}


def _waiting(step: Told, data: dict[str, Any], at: str) -> None:
    step["status"] = "waiting"
    step["waits"].append({"from": at, "until": data["until"], "reason": data.get("reason")})


_TELL: Final[dict[str, Callable[[Told, dict[str, Any], str], None]]] = {
    "step.started": _started,
    "step.succeeded": _succeeded,
    "step.failed": _failed,
    "step.skipped": _skipped,
    "step.condition": _decided,
    "run.waiting": _waiting,
}


def _leave(steps: dict[int, Told], at: str) -> None:
    """What was in progress when the run was cancelled or restarted did not come to its end."""
    for step in steps.values():
        if step["finished"] is None:
            step["status"], step["finished"] = "cancelled", at


def not_reached(body: dict[str, Any], entries: list[EntryDict], steps: list[Told]) -> list[Told]:
    """The steps of the definition that never began, each with the reason why."""
    began = {step["step"] for step in steps}
    results = {step["step"]: step["result"] for step in steps if "result" in step}
    ended = _ended(entries, steps)
    return [
        {"step": part.path, "action": part.action, "why": _why(part, results) or ended}
        for part in outline(body)
        if part.path not in began
    ]


def _why(part: Part, results: dict[str, bool]) -> str | None:
    for path, side in part.branches:
        if path in results and results[path] is not (side == "then"):
            return f"{path} was {'true' if results[path] else 'false'}"
    return None


def _ended(entries: list[EntryDict], steps: list[Told]) -> str:
    last = entries[-1] if entries else None
    kind = last["type"] if last is not None else ""
    if kind == "run.skipped":
        return "the conditions were false"
    if kind == "run.suppressed":
        return "the run was suppressed"
    if kind == "run.cancelled":
        return "the run was cancelled"
    stopped = steps[-1] if steps else None
    if stopped is not None and stopped.get("result") is False and kind in {"run.completed", "run.failed"}:
        return f"{stopped['step']} was false"
    if stopped is not None and stopped["status"] == "failed":
        return f"{stopped['step']} failed, with on_error: stop"
    return "the run had ended"
