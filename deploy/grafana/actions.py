"""The calls to the modules and the outside: how many, how long, how well."""

from __future__ import annotations

from typing import Final

from deploy.grafana.panels import RED, YELLOW, Dashboard, Panel, Query, Row, Step, Variable, quantiles

_CHOSEN: Final = '{action=~"$action"}'

_CALLS = Row(
    "Calls",
    (
        Panel(
            "Calls by action",
            "Calls that ended each second, retries included.",
            "suffix: calls/s",
            [Query(f"sum by (action) (rate(onestack_action_seconds_count{_CHOSEN}[$__rate_interval]))", "{{action}}")],
            stack=True,
        ),
        Panel(
            "Share of calls that failed",
            "By action. One action alone: its module or address is in trouble; all of them: the network. Runbook: "
            "action-fails.",
            "percentunit",
            [
                Query(
                    'sum by (action) (rate(onestack_action_seconds_count{action=~"$action", outcome="failed"}'
                    "[$__rate_interval])) / clamp_min(sum by (action) (rate(onestack_action_seconds_count"
                    f"{_CHOSEN}[$__rate_interval])), 0.000001)",
                    "{{action}}",
                )
            ],
            steps=[Step(0.25, RED)], most=1,
        ),
        Panel(
            "Calls that are made once more",
            "Calls that failed in a way that may pass, and are tried again after a wait. Many, and few that fail for "
            "good: the module is flaky, and the retries hide it.",
            "suffix: retries/s",
            [Query(f"sum by (action) (rate(onestack_action_retries_total{_CHOSEN}[$__rate_interval]))", "{{action}}")],
        ),
    ),
)  # fmt: skip

_DURATIONS = Row(
    "How long calls take",
    (
        Panel(
            "All calls",
            "How long calls of the chosen actions take. Runbook: action-slow.",
            "s",
            quantiles("onestack_action_seconds", _CHOSEN),
            steps=[Step(10, RED)],
        ),
        Panel(
            "95 % of the calls, by action",
            "The action whose module is slow. A call ends after ONESTACK_ACTION_TIMEOUT [30 s].",
            "s",
            quantiles("onestack_action_seconds", _CHOSEN, "action")[1:2],
            steps=[Step(10, RED)],
        ),
        Panel(
            "Durations over time",
            "How many calls took how long: two bands mean two kinds of answers, such as a cache or a time-out.",
            "s",
            [Query(f"sum by (le) (increase(onestack_action_seconds_bucket{_CHOSEN}[$__rate_interval]))", "{{le}}")],
            kind="heatmap",
        ),
    ),
)

_ROOM = Row(
    "Room for calls",
    (
        Panel(
            "Calls under way",
            "Calls in flight, and how many there may be (workers × ONESTACK_MAX_CALLS). At the limit for long: the "
            "runbook calls-busy.",
            "short",
            [Query("sum(onestack_calls_in_flight)", "under way"), Query("sum(onestack_calls_limit)", "limit")],
            colours={"limit": RED},
        ),
        Panel(
            "Commands that wait for a free call",
            "By worker. Waits are fair: no organisation's slow action takes all the places. Runbook: calls-busy.",
            "short",
            [Query('onestack_calls_waiting and on (instance, job) onestack_build_info{process="worker"}',
                   "{{instance}}")],
            steps=[Step(100, YELLOW), Step(10_000, RED)],
        ),
        Panel(
            "Commands that are not done, by action",
            "The lag of the command topics: where the work piles up.",
            "short",
            [Query('sum by (topic) (onestack_consumer_lag{topic=~"onestack.workflow.commands.*"})', "{{topic}}")],
            stack=True,
        ),
    ),
)  # fmt: skip

ACTIONS: Final = Dashboard(
    "onestack-actions",
    "One Stack: actions",
    "The calls to the modules and the outside: how many, how long they take, how many fail, and whether there is room.",
    (_CALLS, _DURATIONS, _ROOM),
    (Variable("action", "Action", "label_values(onestack_action_seconds_count, action)"),),
)
