"""Random definitions, events and outcomes, for all tests that let random runs live.

The workflows are about a ticket. Their event has a field that must never be told, and their templates read it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from engine.run import Calendar
from schemas.events import Event, from_envelope
from schemas.outcomes import Failed, Outcome, Succeeded

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
HIDDEN = "tok-5f2a77"
"""What the run log must not hold."""
ENVELOPE = {
    "specversion": "1.0",
    "id": "ev-1",
    "source": "/psa",
    "type": "ticket.created",
    "subject": "ticket/t-1",
    "time": "2026-11-23T07:59:58Z",
    "orgid": "acme",
    "data": {
        "ticket": {"id": "t-1", "title": "Printer", "priority": "P2", "portal_token": HIDDEN},
        "company": {"id": "c-1", "wait": "2s", "minutes": 15},
    },
}


def event(number: int = 1, *, status: str = "Open", kind: str = "ticket.created") -> Event:
    """An event of the workflows' entity; each number is another event."""
    ticket = {**ENVELOPE["data"]["ticket"], "status": status, "seen": number}  # type: ignore[index]  # it is a dict
    data = {**ENVELOPE["data"], "ticket": ticket}  # type: ignore[dict-item]  # it is a dict
    at = (NOW + timedelta(seconds=number)).isoformat().replace("+00:00", "Z")
    return from_envelope({**ENVELOPE, "id": f"ev-{number}", "type": kind, "time": at, "data": data})


class Weekdays:
    """Open on weekdays from 9 to 17 in UTC: enough of a calendar for delays."""

    def next_open(self, at: datetime) -> datetime:
        while True:
            opens = at.replace(hour=9, minute=0, second=0, microsecond=0)
            if at.weekday() < 5 and at < opens.replace(hour=17):
                return max(at, opens)
            at = opens.replace(hour=0) + timedelta(days=1)

    def next_day(self, at: datetime) -> datetime:
        return self.next_open(at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1))

    def after(self, at: datetime, business: timedelta) -> datetime:
        while True:
            at = self.next_open(at)
            left = at.replace(hour=17, minute=0, second=0, microsecond=0) - at
            if business <= left:
                return at + business
            at, business = at + left, business - left


def calendars(org: str, name: str) -> Calendar | None:
    """Each organisation has one, and it is the default."""
    return Weekdays() if name == "default" else None


TEXTS = st.sampled_from(
    [
        *["plain", "{{ticket.title}}", "{{ticket.id}}-{{company.id}}"] * 3,
        "{{nope}}",
        "{{steps.s0.id}}",
        "{{steps.s1}}",
        "{{ticket.title | upcase}}!",
        "{{run.id}}",
        "{{1 | divided_by: 0}}",
        "{{run.started}} {{workflow.version}} {{steps.s2.id | default: 'none'}}",
        "{{ticket.seen}} of {{event.id}}",
        "{{ticket.portal_token}}",
        "see {{ticket}}",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "n", "secret"]), inner, max_size=2)
    ),
    max_leaves=6,
)


def with_(**parameters: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(parameters)


CALLS = st.one_of(
    st.tuples(st.just("create_ticket"), with_(title=TEXTS, board=TEXTS)),
    st.tuples(st.just("update_ticket"), with_(fields=st.fixed_dictionaries({"status": TEXTS, "n": st.integers(0, 3)}))),
    st.tuples(st.just("add_tag"), with_(tag=TEXTS)),
    st.tuples(st.just("send_notification"), with_(channel=st.just("push"), to=TEXTS, body=TEXTS)),
    st.tuples(st.just("webhook"), with_(url=st.just("https://x.example"))),
)
DELAYS = st.tuples(
    st.just("delay"),
    st.sampled_from(
        [
            {"for": "250ms"},
            {"for": "PT15M"},
            {"for": "0s"},
            {"for": "{{company.wait}}"},
            {"for": "{{company.minutes}}m"},
            {"for": "{{company.minutes}}"},
            {"for": "PT9H", "calendar": "default"},
            {"for": "PT9H", "calendar": "nowhere"},
            {"until": "2026-11-23T08:00:05Z"},
            {"until": "2025-01-01"},
            {"until": "{{event.time}}"},
            {"until": "{{ticket.title}}"},
            {"until": "business_hours"},
            {"until": "next_business_day", "calendar": "default"},
        ]
    ),
)
ON_ERROR = st.sampled_from([None, None, "continue", "stop"])
RETRIES = st.sampled_from(
    [
        None,
        None,
        {"max_retries": 0},
        {"max_retries": 1},
        {"max_retries": 2, "initial_interval": "10ms", "multiplier": 3, "max_interval": "20ms"},
        {"initial_interval": "PT2S"},
    ]
)
LEAVES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"field": "ticket.id", "op": "exists"},
        {"field": "ticket.priority", "op": "equals", "value": "P1"},
        {"field": "ticket.portal_token", "op": "exists"},
        {"field": "ticket.portal_token", "op": "equals", "value": "{{ticket.portal_token}}"},
        {"field": "steps.s0.id", "op": "exists"},
        {"not": {"field": "steps.s1.n", "op": "greater_than", "value": "{{steps.s0.n}}"}},
        {"field": "ticket", "op": "exists"},
    ]
)
CONDITIONS = st.none() | st.none() | LEAVES


@st.composite
def actions(draw: st.DrawFn) -> dict[str, Any]:
    """A step that calls, or waits, without its id."""
    action, given = draw(CALLS | CALLS | DELAYS)
    on_error, retry = draw(ON_ERROR), draw(RETRIES)
    return {
        "action": action,
        "with": given,
        **({"on_error": on_error} if on_error else {}),
        **({"retry": retry} if retry and action != "delay" else {}),
    }


def blocks(levels: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Lists of steps without ids, with branches inside branches so many levels deep."""
    step = actions() | actions() | LEAVES.map(lambda leaf: {"condition": leaf})
    if levels:
        arms = st.lists(blocks(levels - 1), min_size=2, max_size=2)
        step = step | st.tuples(LEAVES, arms).map(lambda made: {"if": made[0], "then": made[1][0], "else": made[1][1]})
    return st.lists(step, max_size=4 if levels else 2)


def _named(steps: list[dict[str, Any]], count: list[int]) -> list[dict[str, Any]]:
    named = []
    for step in steps:
        one = {"id": f"s{count[0]}", **step}
        count[0] += 1
        for arm in ("then", "else"):
            if arm in one:
                one[arm] = _named(one[arm], count)
        named.append(one)
    return named


@st.composite
def definitions(draw: st.DrawFn, states: tuple[str, ...] = ("enabled", "enabled", "shadow")) -> dict[str, Any]:
    """A definition's document, valid, with an action at its end. Closing the ticket cancels, reopening restarts."""
    steps = _named([*draw(blocks(2)), draw(actions())], [0])
    body: dict[str, Any] = {
        "id": "wf",
        "org": "acme",
        "version": 1,
        "name": "W",
        "state": draw(st.sampled_from(states)),
        "trigger": {"type": "ticket.created"},
        "steps": steps,
        "cancel_on": [
            {"type": "ticket.updated", "where": {"field": "ticket.status", "op": "equals", "value": "Closed"}}
        ],
        "restart_on": [{"type": "ticket.updated"}],
    }
    for name, strategy in (("conditions", CONDITIONS), ("on_error", ON_ERROR), ("retry", RETRIES)):
        if (value := draw(strategy)) is not None:
            body[name] = value
    return body


SUCCESSES: st.SearchStrategy[Outcome] = VALUES.map(Succeeded)
FAILURES: st.SearchStrategy[Outcome] = st.builds(
    Failed,
    st.sampled_from(["timeout", "http", "connection", "parameters"]).map(
        lambda kind: {"kind": kind, "message": "no answer", "body": f'{{"access_token": "{HIDDEN}", "why'}
    ),
    retryable=st.sampled_from([True, True, True, False]),
    retry_after=st.sampled_from([None, None, 0.0, 3.0, 1e9, float("nan")]),
)
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    SUCCESSES,
    FAILURES,
    FAILURES,
    st.just(Succeeded({"id": "x" * 70_000, "password": HIDDEN})),
    st.just(Succeeded("y" * 60_000)),
)
