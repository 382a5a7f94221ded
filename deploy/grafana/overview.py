"""Is it well? The first look of whoever is on call."""

from __future__ import annotations

from typing import Final

from deploy.grafana.panels import BLUE, GREEN, RED, YELLOW, Dashboard, Panel, Query, Row, Step, quantiles

_OUTCOMES: Final = {
    "completed": GREEN,
    "failed": RED,
    "cancelled": "orange",
    "skipped": "text",
    "suppressed": "purple",
    "started": BLUE,
    "waiting": YELLOW,
}

_NOW = Row(
    "Is it well now?",
    (
        Panel(
            "Processes at work",
            "How many workers, projectors and Hubs Prometheus reaches. Fewer than you started: one is gone or can't be "
            "scraped; see the runbook no-worker, no-projector or no-hub.",
            "none",
            [Query("count by (process) (onestack_build_info)", "{{process}}")],
            kind="stat", height=5, width=6, below=RED, steps=[Step(1, GREEN)],
        ),
        Panel(
            "Kafka and Postgres",
            "Whether every process is answered. “Away” by one process alone points at its network; by all, at the "
            "server. Runbooks: kafka-away, postgres-away.",
            "none",
            [Query("min by (dependency) (onestack_dependency_up)", "{{dependency}}")],
            kind="stat", height=5, width=6, words={"0": ("away", RED), "1": ("answers", GREEN)}, below=RED,
            steps=[Step(1, GREEN)],
        ),
        Panel(
            "Waiting to be done",
            "Records of events and commands that no worker is done with. Some are normal under load; what matters is "
            "that the number falls again. Look at Workers and lag.",
            "short",
            [Query('sum(onestack_consumer_lag{group="onestack-worker"})', "records")],
            kind="stat", height=5, width=4, steps=[Step(1_000, YELLOW), Step(100_000, RED)],
        ),
        Panel(
            "History is behind by",
            "How old the oldest record is that people can't see yet. Runs go on meanwhile. Runbook: history-behind.",
            "s",
            [Query("max(onestack_projection_behind_seconds)", "behind")],
            kind="stat", height=5, width=4, steps=[Step(10, YELLOW), Step(120, RED)],
        ),
        Panel(
            "Waits are late by",
            "How long the first delay or retry that is due has not been ended. Runbook: timers-late.",
            "s",
            [Query("max(onestack_timers_overdue_seconds)", "late")],
            kind="stat", height=5, width=4, steps=[Step(5, YELLOW), Step(60, RED)],
        ),
        Panel(
            "Dead letters in the last hour",
            "Records that nobody could read. `onestack dead-letters --since 1h` shows each with its reason. Runbook: "
            "dead-letters.",
            "short",
            [Query("sum(increase(onestack_dead_letters_total[1h]))", "dead letters")],
            kind="stat", height=5, width=6, steps=[Step(1, YELLOW), Step(100, RED)],
        ),
        Panel(
            "Storms now",
            "Workflows whose circuit breaker is open: what they would have started is suppressed, and told in the "
            "history. Runbook: storm.",
            "short",
            [Query("sum(onestack_storms)", "storms")],
            kind="stat", height=5, width=6, steps=[Step(1, YELLOW), Step(5, RED)],
        ),
        Panel(
            "Runs that wait",
            "Runs that wait for a time or for their next attempt: they cost memory, and no CPU until they are due.",
            "short",
            [Query("sum(onestack_timers_waiting)", "runs")],
            kind="stat", height=5, width=4, below=BLUE,
        ),
        Panel(
            "Workflows in force",
            "Definitions and calendars that are in force. Every worker has all of them; two numbers that stay apart "
            "are the runbook definitions-differ.",
            "short",
            [
                Query('max(onestack_definitions_in_force and on (instance, job) onestack_build_info{process="worker"})',
                      "most"),
                Query('min(onestack_definitions_in_force and on (instance, job) onestack_build_info{process="worker"})',
                      "least"),
            ],
            kind="stat", height=5, width=4, below=BLUE,
        ),
        Panel(
            "Versions",
            "Which versions run. Two of one process: an upgrade is under way, or did not finish.",
            "short",
            [Query("count by (process, version) (onestack_build_info)", "{{process}} {{version}}")],
            kind="stat", height=5, width=4, below=BLUE,
        ),
    ),
)  # fmt: skip

_RUNS = Row(
    "Runs and what became of them",
    (
        Panel(
            "Runs by outcome",
            "What becomes of runs each second. Started without completed for minutes: look at Actions, for calls are "
            "slow, or at Workers and lag.",
            "suffix: runs/s",
            [Query("sum by (outcome) (rate(onestack_runs_total[$__rate_interval]))", "{{outcome}}")],
            width=12, colours=_OUTCOMES,
        ),
        Panel(
            "Share of finished runs that failed",
            "Of the runs that came to their end, how many had an action that failed for good. Runbook: runs-fail.",
            "percentunit",
            [
                Query(
                    'sum(rate(onestack_runs_total{outcome="failed"}[$__rate_interval])) / clamp_min(sum(rate('
                    'onestack_runs_total{outcome=~"completed|failed"}[$__rate_interval])), 0.000001)',
                    "failed",
                )
            ],
            width=6, steps=[Step(0.05, YELLOW), Step(0.2, RED)], most=1,
        ),
        Panel(
            "Runs that a guard stopped",
            "By guard: loop (a workflow would have set itself off), throttle (its own limit), storm (the circuit "
            "breaker). Runbooks: loops, storm.",
            "suffix: runs/s",
            [Query("sum by (guard) (rate(onestack_runs_suppressed_total[$__rate_interval]))", "{{guard}}")],
            width=6,
        ),
    ),
)  # fmt: skip

_LATENCY = Row(
    "How long people wait",
    (
        Panel(
            "From event to start",
            "From when Kafka has an event until its run begins. Grows with lag: more workers, or the runbook "
            "events-wait.",
            "s",
            quantiles("onestack_event_to_start_seconds"),
            steps=[Step(30, RED)],
        ),
        Panel(
            "From event to finish",
            "Until the run's end, delays and retries of the workflow itself included.",
            "s",
            quantiles("onestack_event_to_finish_seconds"),
        ),
        Panel(
            "From a wait's end to what follows",
            "How late delays and retries end. Above a second for long: the runbook timers-late.",
            "s",
            quantiles("onestack_timer_lateness_seconds"),
            steps=[Step(60, RED)],
        ),
    ),
)

_INPUT = Row(
    "What comes in",
    (
        Panel(
            "Events by what was done with them",
            "matched: a workflow looks for this type; unmatched: none does; refused: a dead letter; forwarded: a "
            "producer chose another partition than the entity's; repeated: known already.",
            "suffix: events/s",
            [Query("sum by (result) (rate(onestack_events_total[$__rate_interval]))", "{{result}}")],
            stack=True,
        ),
        Panel(
            "Dead letters by topic",
            "Where the records come from that nobody could read. One event topic alone: its module has changed what it "
            "sends. Runbook: dead-letters.",
            "suffix: records/s",
            [Query("topk(10, sum by (topic) (rate(onestack_dead_letters_total[$__rate_interval])))", "{{topic}}")],
        ),
        Panel(
            "Dead letters by reason",
            "unreadable: not what its topic holds; invalid: a field is wrong; too_large; internal: a bug of ours, "
            "please report it (runbook internal-errors).",
            "suffix: records/s",
            [Query("sum by (reason) (rate(onestack_dead_letters_total[$__rate_interval]))", "{{reason}}")],
            colours={"internal": RED},
        ),
    ),
)  # fmt: skip

OVERVIEW: Final = Dashboard(
    "onestack-overview",
    "One Stack: overview",
    "Whether the workflow engine is well, what becomes of runs, and how long people wait.",
    (_NOW, _RUNS, _LATENCY, _INPUT),
)
