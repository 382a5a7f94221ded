"""What people see: the history in Postgres, and the Hub in front of it."""

from __future__ import annotations

from typing import Final

from deploy.grafana.panels import GREEN, RED, YELLOW, Dashboard, Panel, Query, Row, Step, quantiles

_PROJECTOR: Final = 'group=~"onestack-projector.*"'

_HISTORY = Row(
    "The history",
    (
        Panel(
            "The history is behind by",
            "How old the oldest record is that is not in Postgres yet; runs and events have a projector each. Runs go "
            "on meanwhile. Runbook: history-behind.",
            "s",
            [Query("max by (group) (onestack_projection_behind_seconds and on (instance, job) "
                   'onestack_build_info{process="projector"})', "{{group}}")],
            steps=[Step(120, RED)],
        ),
        Panel(
            "Records that the history lacks, as the projector sees it",
            "By topic. Grows and does not fall: the projector is too slow, or Postgres is.",
            "short",
            [Query(f"sum by (topic) (onestack_consumer_lag{{{_PROJECTOR}}})", "{{topic}}")],
            stack=True,
        ),
        Panel(
            "Records that the history lacks, as the Hub sees it",
            "The same from outside: it also tells when no projector runs. Runbook: no-projector.",
            "short",
            [Query("max by (topic) (onestack_history_behind_records)", "{{topic}}")],
        ),
        Panel(
            "The history stands still for",
            "How long nothing was written although something waits. Above 15 s nobody seems to be at work on it. "
            "Runbook: history-stands.",
            "s",
            [Query("max(onestack_history_stands_seconds)", "stands still")],
            steps=[Step(15, YELLOW), Step(60, RED)],
        ),
        Panel(
            "Entries written",
            "Run-log entries that reach the history each second: 8 or so a run.",
            "suffix: entries/s",
            [Query("sum(rate(onestack_projected_entries_total[$__rate_interval]))", "entries")],
        ),
        Panel(
            "How long a batch takes to write",
            "One transaction of up to 4,000 records. Slow without more records: look at Postgres (locks, disk, "
            "vacuum).",
            "s",
            quantiles("onestack_projection_seconds"),
            steps=[Step(5, RED)],
        ),
        Panel(
            "Seconds since Postgres answered",
            "By process; up to some seconds where there is little to do. Runbook: postgres-away.",
            "s",
            [Query('time() - (onestack_dependency_reached_timestamp_seconds{dependency="postgres"} > 0)',
                   "{{job}} {{instance}}")],
            steps=[Step(30, RED)],
        ),
        Panel(
            "CPU of the projectors",
            "Cores that each projector uses; one process can't use more than 1. At 1: start another, as long as there "
            "are partitions.",
            "short",
            [Query("rate(process_cpu_seconds_total[$__rate_interval]) and on (instance, job) "
                   'onestack_build_info{process="projector"}', "{{instance}}")],
            steps=[Step(0.9, RED)],
        ),
    ),
)  # fmt: skip

_HUB = Row(
    "The Hub",
    (
        Panel(
            "The Hub is ready",
            "What /readyz says, by Hub: `curl …/readyz` tells which part is not ready and what to do. Runbook: "
            "not-ready.",
            "none",
            [Query('min by (instance) (onestack_ready{process="hub"})', "{{instance}}")],
            kind="stat", width=6, words={"0": ("not ready", RED), "1": ("ready", GREEN)}, below=RED,
            steps=[Step(1, GREEN)],
        ),
        Panel(
            "Answers by status",
            "4xx are the callers' faults, 5xx ours. Runbook: hub-errors.",
            "suffix: answers/s",
            [Query("sum by (status) (rate(onestack_hub_requests_total[$__rate_interval]))", "{{status}}")],
            width=9, stack=True,
        ),
        Panel(
            "Share of answers that are errors of ours",
            "5xx of all answers: a part is away (503), or a bug of ours (500). Runbook: hub-errors.",
            "percentunit",
            [
                Query(
                    '(sum(rate(onestack_hub_requests_total{status=~"5.."}[$__rate_interval])) or vector(0)) / '
                    "clamp_min(sum(rate(onestack_hub_requests_total[$__rate_interval])), 0.000001)",
                    "5xx",
                )
            ],
            width=9, steps=[Step(0.05, RED)], most=1,
        ),
        Panel(
            "How long answers take",
            "All routes but live streams. Runbook: hub-slow.",
            "s",
            quantiles("onestack_hub_request_seconds"),
            steps=[Step(2, RED)],
        ),
        Panel(
            "95 % of the answers, by route",
            "The ten slowest routes: where to begin to look. Runbook: hub-slow.",
            "s",
            [
                Query(
                    "topk(10, histogram_quantile(0.95, sum by (le, route, method) (rate("
                    "onestack_hub_request_seconds_bucket[$__rate_interval]))) > 0)",
                    "{{method}} {{route}}",
                )
            ],
        ),
        Panel(
            "Live streams",
            "Browsers and programs that look on as runs go. Each costs little; thousands are worth a second Hub.",
            "short",
            [Query("sum(onestack_hub_streams)", "streams")],
        ),
        Panel(
            "Requests by route, last 10 minutes",
            "Who asks what: a program that asks without end stands out.",
            "short",
            [Query("topk(20, sum by (method, route) (increase(onestack_hub_requests_total[10m])) > 0)",
                   "{{method}} {{route}}")],
            kind="table", width=24,
        ),
    ),
)  # fmt: skip

HISTORY: Final = Dashboard(
    "onestack-history",
    "One Stack: history and Hub",
    "What people see: how far the history is behind, and how the Hub answers.",
    (_HISTORY, _HUB),
)
