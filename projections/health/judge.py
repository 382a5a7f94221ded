"""From what is known of a workflow to what is wrong with it. Pure; the rules are docs/how-to/check-rule-health.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from projections.health.conditions import (
    MOST_DISTINCT,
    Comparison,
    comparisons,
    field_of,
    keeps_out,
    leaf_text,
    may_come,
    never_came,
    values_of,
)
from projections.health.facts import FEWEST_EVENTS, FEWEST_RUNS, GRACE, SHOWN, WINDOW, Facts, Finding, Kept, Seen

_TOP: Final = 5
_GUARD: Final[Mapping[str, tuple[str, str]]] = {
    "loop": ("high", "because they would have gone on a loop"),
    "storm": ("medium", "by the storm limit"),
    "throttle": ("low", "by its throttle"),
}


def judge(facts: Facts, seen: Seen | None, now: datetime) -> Iterator[Finding]:
    """What is wrong with an enabled workflow at `now`; `seen` are the events of its trigger, where they were read."""
    filtered = wants_traces(facts, now)
    if filtered:
        yield _always_filtered(facts, now)
    elif facts.enabled_since <= now - WINDOW and facts.ran_in_window == 0 and facts.version_since <= now - GRACE:
        yield _not_run(facts, seen)
    if seen is not None and len(seen.events) >= FEWEST_EVENTS:
        for one in comparisons(facts.definition):
            yield from _never_value(facts, one, seen, filtered=filtered)
    if facts.ended >= FEWEST_RUNS and 2 * facts.failed >= facts.ended and _still_fails(facts.last_ends):
        yield _mostly_fails(facts)
    for kept in facts.kept:
        yield _kept_back(facts, kept)


def wants_traces(facts: Facts, now: datetime) -> bool:
    """Whether it has to be known by which conditions its events were skipped."""
    quiet = facts.ran == 0 and facts.suppressed == 0 and facts.skipped >= FEWEST_EVENTS
    return quiet and facts.version_since <= now - GRACE


def wants_failures(facts: Facts) -> bool:
    """Whether it has to be known which steps failed."""
    return facts.ended >= FEWEST_RUNS and 2 * facts.failed >= facts.ended


def _still_fails(last_ends: Sequence[str]) -> bool:
    return 2 * sum(status == "failed" for status in last_ends) >= len(last_ends)


def _days(length: timedelta) -> str:
    if length >= WINDOW - timedelta(hours=1):
        return "30 days"
    return "1 day" if length < timedelta(days=2) else f"{length.days} days"


def _count(number: int, thing: str) -> str:
    return f"1 {thing}" if number == 1 else f"{number:,} {thing}s"


def _not_run(facts: Facts, seen: Seen | None) -> Finding:
    filtered, kept = facts.skipped, facts.suppressed
    trigger = facts.trigger or "its trigger"
    if filtered or kept:
        came = [_count(filtered, "event") + " skipped"] * bool(filtered)
        came += [_count(kept, "event") + " kept back by a guard"] * bool(kept)
        why, severity = f"{' and '.join(came)} meanwhile", "medium"
    elif seen is not None and seen.events:
        why = f"although {trigger} events came, the latest {len(seen.events):,} of which were looked at"
        severity = "medium"
    else:
        why, severity = f"no {trigger} event has come", "low"
    last = f"its last run was on {facts.last_ran[1]:%Y-%m-%d}" if facts.last_ran else "no run of it is known"
    runs = [facts.last_ran[0]] if facts.last_ran else []
    details = {"days": WINDOW.days, "skipped": filtered, "suppressed": kept, "trigger": facts.trigger}
    since = facts.last_ran[1] if facts.last_ran else facts.enabled_since
    return Finding(
        facts.workflow_id, "not_run", "", severity, f"It has not run for 30 days: {why}; {last}", since, runs, details
    )


def _always_filtered(facts: Facts, now: datetime) -> Finding:
    counted: Counter[str] = Counter()
    leaf: dict[str, Mapping[str, Any]] = {}
    actual: dict[str, Counter[str]] = {}
    for trace in facts.traces:
        for path, one in keeps_out(trace.conditions):
            counted[path] += 1
            leaf.setdefault(path, one)
            shown = "missing" if one.get("missing") else str(one.get("actual"))[:200]
            actual.setdefault(path, Counter())[shown] += 1
    looked = len(facts.traces)
    always = [path for path, times in counted.items() if times == looked]
    length = min(now - facts.since, facts.skipped_kept_for)
    days = _days(length)
    among = "" if looked >= facts.skipped else f" (the latest {looked:,} of them were looked at)"
    every = f"{facts.skipped:,} of {facts.skipped:,} events in {days} were skipped"
    paths = always or [path for path, _ in counted.most_common(SHOWN)]
    told = [f"`{leaf_text(leaf[path])}`" for path in paths[:SHOWN]]
    if always:
        sentence = f"{every} by {' or '.join(told)}{among}"
    else:
        sentence = f"{every}, no two of them always by the same comparison; most by {', '.join(told)}{among}"
    details = {
        "events": facts.skipped,
        "skipped": facts.skipped,
        "looked_at": looked,
        "days": round(length / timedelta(days=1), 1),
        "conditions": [
            {
                "path": path, "comparison": leaf_text(leaf[path]), "skipped": counted[path],
                "actual": [[value, times] for value, times in actual[path].most_common(_TOP)],
            }
            for path in paths
        ],
    }  # fmt: skip
    first = facts.traces[-1].at if facts.traces else facts.since
    runs = [trace.run_id for trace in facts.traces[:SHOWN]]
    about = always[0] if always else ""
    rare = bool(always) and all(_may_come(leaf[path]) for path in always)
    severity = "low" if rare else "medium"
    return Finding(facts.workflow_id, "always_filtered", about, severity, sentence, first, runs, details)


def _may_come(leaf: Mapping[str, Any]) -> bool:
    """Whether a comparison that kept events out waits for what is only rare, such as a critical severity."""
    name, wanted = field_of(leaf.get("field")), leaf.get("value")
    if name is None or leaf.get("op") not in {"equals", "in"} or leaf.get("result"):
        return False
    return may_come(Comparison("", name, "in", wanted if isinstance(wanted, list) else [wanted], False))


def _never_value(facts: Facts, one: Comparison, seen: Seen, *, filtered: bool) -> Iterator[Finding]:
    came = values_of(seen.events, one.field)
    if came is None or len(came) > MOST_DISTINCT or may_come(one) or not never_came(one, came):
        return
    top = came.most_common(_TOP)
    had = ", ".join(f"{value} ({times:,})" for value, times in top) + (", …" if len(came) > _TOP else "")
    looked = f"the latest {len(seen.events):,}" if seen.capped else f"{len(seen.events):,}"
    events = f"{looked} {facts.trigger} events in {_days(seen.kept_for)}"
    if came:
        sentence = f"It compares with a value that none of {events} had: `{one.text}`; they had {had}"
    else:
        sentence = f"It compares a field that none of {events} had: `{one.text}`"
    details = {
        "path": one.path, "field": one.field, "op": one.op, "values": list(one.values),
        "came": [[value, times] for value, times in top], "distinct": len(came), "events": len(seen.events),
        "missing": len(seen.events) - sum(came.values()),
    }  # fmt: skip
    shows = any(path == one.path for trace in facts.traces for path, _ in keeps_out(trace.conditions))
    runs = [trace.run_id for trace in facts.traces[:SHOWN]] if shows else list(seen.run_ids[:SHOWN])
    severity = "high" if filtered and one.path.startswith("conditions") else "medium" if not came else "low"
    yield Finding(facts.workflow_id, "value_never_came", one.path, severity, sentence, seen.since, runs, details)


def _mostly_fails(facts: Facts) -> Finding:
    steps = Counter((one.step, one.action) for one in facts.failures)
    (step, action), times = steps.most_common(1)[0] if steps else ((None, None), 0)
    errors = Counter((one.error or "")[:500] for one in facts.failures if one.step == step)
    error = errors.most_common(1)[0][0] if errors else ""
    where = f", mostly at step {step}" if step and times < len(facts.failures) else f", at step {step}" if step else ""
    sentence = f"{facts.failed:,} of {facts.ended:,} runs in 7 days failed{where}: {error}"
    details = {
        "failed": facts.failed, "ended": facts.ended, "step": step, "action": action, "error": error,
        "steps": [[one, count] for (one, _), count in steps.most_common(_TOP)],
    }  # fmt: skip
    runs = [one.run_id for one in facts.failures if one.step == step][:SHOWN]
    first = facts.failures[-1].at if facts.failures else facts.since
    return Finding(facts.workflow_id, "mostly_fails", "", "high", sentence.rstrip(": "), first, runs, details)


def _kept_back(facts: Facts, kept: Kept) -> Finding:
    severity, how = _GUARD.get(kept.guard, ("medium", f"by the guard {kept.guard}"))
    total = kept.count + facts.recent
    sentence = f"{kept.count:,} of {total:,} events that fit in 7 days were kept back {how}: {kept.reason}"
    details = {"guard": kept.guard, "suppressed": kept.count, "ran": facts.recent, "reason": kept.reason}
    return Finding(
        facts.workflow_id, "kept_back", kept.guard, severity, sentence.rstrip(": "), kept.first, list(kept.run_ids),
        details,
    )  # fmt: skip
