"""Commands that were lost on their way to Kafka though the log tells that they were performed, and those behind them.

A command is performed as soon as the decision that it follows from is in the log, beside its way to Kafka. On several
brokers the log may be far ahead of it when the worker is killed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from engine.run import fold, state_to_json
from runtime.kafka import partition_of
from schemas.names import CONTROL, RUNS, command_topic, run_id
from streams.emit import BATCH_HEADERS
from tests.integration.streams.cluster import PARTITIONS, Cluster, Run, definition

if TYPE_CHECKING:
    from schemas.entries import EntryDict

pytestmark = pytest.mark.timeout(240)
WHOLE = ["run.started", *["step.started", "step.succeeded"] * 3, "run.completed"]
NAMES = ("first", "second", "third")


def _steps(*names: str) -> list[dict[str, Any]]:
    given = {"body": "{{device.name}}", "company_id": "c-1"}
    return [{"id": name, "action": "create_note", "with": given} for name in names]


def _run(org: str, name: str) -> str:
    return run_id(org, "wf", "/rmm", f"{name}-0")


def _home(org: str, name: str) -> tuple[bytes, int]:
    key = f"{org}/device/d-{name}".encode()
    return key, partition_of(key, PARTITIONS)


async def _log(cluster: Cluster, org: str, name: str) -> list[bytes]:
    """The values of a run's records."""
    begin = b'[{"specversion":"1.0","id":"' + _run(org, name).encode()
    return [one.value for one in await cluster.records(RUNS) if one.value.startswith(begin)]


async def _append(cluster: Cluster, org: str, name: str, values: list[bytes], model: str) -> None:
    """Write what the model's run has in the log as that of another run."""
    key, home = _home(org, name)
    changes = ((_run(org, model), _run(org, name)), (f"{model}-0", f"{name}-0"), (f"d-{model}", f"d-{name}"))
    for value in values:
        for old, new in (
            *changes,
            (f'"name":"{model}"', f'"name":"{name}"'),
            (f'"body":"{model}"', f'"body":"{name}"'),
        ):
            value = value.replace(old.encode(), new.encode())  # noqa: PLW2901 - one change after the other
        await cluster.send(RUNS, (key, value, home), headers=BATCH_HEADERS)


async def test_a_run_goes_on_behind_the_last_decision_in_the_log_whatever_commands_were_lost(cluster: Cluster) -> None:
    await cluster.define("gap", steps=_steps(*NAMES))
    await cluster.emit("gap", "model")
    await cluster.finished("gap", 1)
    model = await _log(cluster, "gap", "model")
    assert len(model) == 4
    cluster.kill("a")
    cut = {f"cut{records}": records for records in range(1, 5)}
    for name, records in cut.items():
        await _append(cluster, "gap", name, model[:records], "model")
        await cluster.emit("gap", name)
    await cluster.start("a")
    runs = await cluster.finished("gap", 5)
    counted = cluster.hub.count()
    for name, records in cut.items():
        run = _run("gap", name)
        assert runs[run].kinds == WHOLE
        performed = [step for step in NAMES if counted[f"{run}:0:{step}"]]
        assert performed == list(NAMES[records - 1 :]), "what the log tells is not performed again"
        assert all(counted[f"{run}:0:{step}"] == 1 for step in performed)


async def test_a_command_that_comes_again_is_followed_through_the_log_too(cluster: Cluster) -> None:
    await cluster.define("late", steps=_steps(*NAMES))
    await cluster.emit("late", "model")
    await cluster.finished("late", 1)
    model = await _log(cluster, "late", "model")
    topic = command_topic("create_note")
    of_model = next(
        one for one in await cluster.records(topic) if f"{_run('late', 'model')}:0:first".encode() in one.value
    )
    cluster.kill("a")
    # Of its commands Kafka has the first alone; the event's offset was committed.
    await _append(cluster, "late", "lost", model[:3], "model")
    value = of_model.value.replace(_run("late", "model").encode(), _run("late", "lost").encode())
    value = value.replace(b"model-0", b"lost-0").replace(b"d-model", b"d-lost").replace(b'"model"', b'"lost"')
    key, home = _home("late", "lost")
    headers = [(name, was.replace(_run("late", "model").encode(), _run("late", "lost").encode()))
               for name, was in of_model.headers]  # fmt: skip
    await cluster.send(topic, (key, value, home), headers=headers)
    await cluster.start("a")
    runs = await cluster.finished("late", 2)
    assert runs[_run("late", "lost")].kinds == WHOLE
    counted = cluster.hub.count()
    assert [counted[f"{_run('late', 'lost')}:0:{step}"] for step in NAMES] == [0, 0, 1]


async def test_a_run_that_was_resumed_goes_on_where_the_command_that_followed_was_lost(cluster: Cluster) -> None:
    await cluster.define("resumed", steps=_steps("note"))
    cluster.hub.refusal = b'{"error": "closed"}'
    for name in ("model", "lost"):
        await cluster.emit("resumed", name)

    async def failed() -> bool:
        return [run.kinds[-1] for run in (await cluster.runs("resumed")).values()] == ["run.failed"] * 2

    await cluster.until(failed, "two failures")
    cluster.hub.refusal = b""
    requests = {name: await _request(cluster, name) for name in ("model", "lost")}
    await cluster.send(CONTROL, requests["model"])
    await cluster.finished("resumed", 1)
    decided = [value for value in await _log(cluster, "resumed", "model") if b'"run.resumed"' in value]
    cluster.kill("a")
    await _append(cluster, "resumed", "lost", decided, "model")
    await cluster.send(CONTROL, requests["lost"])
    await cluster.start("a")
    runs = await cluster.finished("resumed", 2)
    kinds = ["run.started", "step.started", "step.failed", "run.failed", "run.resumed", "step.started"]
    kinds += ["step.succeeded", "step.started", "step.succeeded", "run.completed"]
    assert [run.kinds for run in runs.values()] == [kinds] * 2, "each goes on under the version that mends it"


async def _request(cluster: Cluster, name: str) -> tuple[bytes, bytes, int]:
    """The record that asks for a failed run to be resumed."""
    run, body = _run("resumed", name), definition("resumed", 2, steps=_steps("note", "after"))
    found: Run = (await cluster.runs("resumed"))[run]
    entries = [cast("EntryDict", found.entries[seq]) for seq in sorted(found.entries)]
    state = fold(None, entries, definition("resumed", steps=_steps("note")))
    key, home = _home("resumed", name)
    request: dict[str, Any] = {
        "id": f"please-{name}",
        "action": "resume",
        "org": "resumed",
        "entity_key": key.decode(),
        "run_id": run,
    }
    request |= {"state": state_to_json(state), "definition": body, "by": {"person": "Robin Vale"}}
    return key, orjson.dumps(request), home
