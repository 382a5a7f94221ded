"""One run's full story for a terminal, read from the history views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text
from rich.tree import Tree

from runtime.postgres import Connection

_RUN = """
select run_id, org_id, workflow_name, workflow_version, status, trigger_type, entity_key, trigger_event::text as event,
       conditions::text as conditions, duration_ms, started_at
  from history.runs where workflow_id = $1 and status = $2 order by started_at limit 1
"""
_STEPS = """
select position, step_id, action, status, duration_ms,
       input::text as input, output::text as output, error::text as error
  from history.steps where run_id = $1 order by position
"""


async def story(connection: Connection, workflow: str, status: str) -> RenderableType | None:
    """The first run of this workflow that ended so: its trigger, conditions and steps."""
    run = await connection.fetchrow(_RUN, workflow, status)
    if run is None:
        return None
    steps = await connection.fetch(_STEPS, run["run_id"])
    event = orjson.loads(run["event"])
    head = Text.assemble(
        ("One run's story: ", "bold"),
        (f"{run['workflow_name']} ", "bold cyan"),
        f"v{run['workflow_version']} of {run['org_id']}, ",
        (run["status"], "green" if run["status"] == "completed" else "red"),
        f" in {run['duration_ms']:.0f} ms  (run {run['run_id']})",
    )
    trigger = Tree(Text.assemble("trigger  ", (run["trigger_type"], "cyan"), f" about {run['entity_key']}"))
    trigger.add(f"event {event['id']} from {event['source']} at {event['time']}")
    for name, value in event["data"].items():
        trigger.add(_line(f"{name}: {_json(value)}"))
    parts = [trigger, _conditions(run["conditions"]), _steps(steps)]
    return Group(head, *(Padding(part, (0, 0, 0, 2)) for part in parts))


def _conditions(text: str | None) -> Tree:
    if text is None:
        return Tree("conditions  none")
    trace = orjson.loads(text)
    tree = Tree(Text.assemble("conditions  ", _verdict(trace["result"])))
    _grow(tree, trace)
    return tree


def _grow(tree: Tree, trace: dict[str, Any]) -> None:
    for group in ("all", "any", "not"):
        if group in trace:
            branch = tree.add(Text.assemble(f"{group}  ", _verdict(trace["result"])))
            inside = trace[group]
            for one in inside if isinstance(inside, list) else [inside]:
                _grow(branch, one)
            return
    wanted = f" {_json(trace['value'])}" if "value" in trace else ""
    actual = "missing" if trace.get("missing") else _json(trace.get("actual"))
    line = f"{trace['field']} {trace['op']}{wanted}: it was {actual}  "
    tree.add(Text.assemble(line, _verdict(trace["result"])))


def _verdict(result: bool) -> tuple[str, str]:
    return ("true", "green") if result else ("false", "red")


def _steps(steps: list[Any]) -> Tree:
    tree = Tree("steps")
    for step in steps:
        good = step["status"] == "succeeded"
        branch = tree.add(
            Text.assemble(
                f"{step['position']} {step['step_id']}: {step['action']} ",
                (step["status"], "green" if good else "red"),
                f" in {step['duration_ms']:.0f} ms",
            )
        )
        if step["action"] == "condition":
            _grow(branch, orjson.loads(step["input"]))
            continue
        for line in _lines(step):
            branch.add(line)
    return tree


def _lines(step: Any) -> Iterator[Text]:
    for name in ("input", "output", "error"):
        if step[name] is not None:
            yield _line(f"{name}: {_json(orjson.loads(step[name]))}")


def _line(text: str) -> Text:
    """A line that is cut at the terminal's edge."""
    return Text(text, no_wrap=True, overflow="ellipsis")


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
