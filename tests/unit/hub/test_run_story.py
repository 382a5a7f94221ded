"""A run's story tells things in the order in which they led to each other, also where the log has one time for both."""

from __future__ import annotations

from typing import Any

from hub.services.run_story import story

AT = "2026-11-27T05:17:12.000000Z"
EVENT = {"type": "alert.triggered", "id": "e-1", "subject": "alert/a-1"}


def step(name: str, at: str, status: str) -> dict[str, Any]:
    return {
        "step_id": name, "sentence": "Add a tag", "action": "add_tag", "status": status, "attempts": 1,
        "error": None, "output": None, "waits_until": None, "started_at": at,
    }  # fmt: skip


def run(status: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": status, "entity_name": None, "causation_chain": ["wf"], "rerun_of": None, "reason": None,
        "shadow": False, "steps": list(steps), "not_reached": [], "finished_at": AT, "error": None,
        "waits_until": None,
    }  # fmt: skip


def entry(kind: str, at: str, **data: Any) -> dict[str, Any]:
    return {"type": kind, "time": at, "data": data}


def told(what: dict[str, Any], *entries: dict[str, Any]) -> list[str]:
    return list(story(what, [entry("run.started", "2026-11-27T05:17:10.000000Z", event=EVENT), *entries], "alert"))


def test_a_resumption_is_told_before_what_it_went_on_with() -> None:
    failed, again = step("tag", "2026-11-27T05:17:10.500000Z", "failed"), step("tag", AT, "succeeded")
    resumed = entry("run.resumed", AT, by={"person": "Robin"}, **{"from": "tag"})
    sentences = told(run("completed", failed, again), resumed)
    assert "failed" in sentences[1]
    assert "Robin had the run go on from step tag" in sentences[2]
    assert "succeeded" in sentences[3]


def test_a_cancellation_is_told_behind_what_it_cancelled() -> None:
    sentences = told(run("cancelled", step("tag", AT, "cancelled")), entry("run.cancelled", AT, by={"person": "Robin"}))
    assert "did not come to its end" in sentences[1]
    assert "Robin cancelled the run" in sentences[2]
