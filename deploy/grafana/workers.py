"""Who works on what, how far behind, and at what cost."""

from __future__ import annotations

from typing import Final

from deploy.grafana.panels import RED, YELLOW, Dashboard, Panel, Query, Row, Step, Variable

_WORKER: Final = 'and on (instance, job) onestack_build_info{process="worker"}'

_LAG = Row(
    "Lag",
    (
        Panel(
            "Lag by topic",
            "Records that wait or are not done, by topic. Command topics that grow: calls are slow (Actions). Event "
            "topics that grow: more comes than the workers start. Runbook: lag-grows.",
            "short",
            [Query('sum by (topic) (onestack_consumer_lag{group="onestack-worker", instance=~"$instance"})',
                   "{{topic}}")],
            width=12, height=9, stack=True,
        ),
        Panel(
            "The ten partitions that lag most",
            "One partition that stays while others fall is stuck or has one entity with very much to do. Runbook: "
            "partition-stuck.",
            "short",
            [Query('topk(10, onestack_consumer_lag{group="onestack-worker", instance=~"$instance"})',
                   "{{topic}} {{partition}}")],
            width=12, height=9,
        ),
        Panel(
            "Lag by partition",
            "All topics of a partition together, which one worker has. Bars of very unlike length: few entities make "
            "most of the work.",
            "short",
            [Query('sort(sum by (partition) (onestack_consumer_lag{group="onestack-worker", instance=~"$instance"}))',
                   "partition {{partition}}")],
            kind="bargauge", steps=[Step(1_000, YELLOW), Step(10_000, RED)],
        ),
        Panel(
            "Records done",
            "Records of each topic that workers are done with. Falls to 0 while lag is above 0: the runbook "
            "worker-stuck.",
            "suffix: records/s",
            [Query('sum by (topic) (rate(onestack_records_done_total{instance=~"$instance"}[$__rate_interval]))',
                   "{{topic}}")],
            stack=True,
        ),
        Panel(
            "Time to catch up",
            "What waits, divided by what was done a second in the last minutes: how long until the lag is gone if "
            "nothing more came.",
            "s",
            [Query('sum(onestack_consumer_lag{group="onestack-worker", instance=~"$instance"}) / clamp_min(sum(rate('
                   'onestack_records_done_total{instance=~"$instance"}[$__rate_interval])), 0.1)', "to catch up")],
            steps=[Step(60, YELLOW), Step(600, RED)],
        ),
    ),
)  # fmt: skip

_GROUP = Row(
    "The group",
    (
        Panel(
            "Partitions by worker",
            "How many partitions each worker has. One with none is spare: there are more workers than partitions.",
            "short",
            [Query(f'sum by (instance) (onestack_partitions{{instance=~"$instance"}} {_WORKER})', "{{instance}}")],
            stack=True,
        ),
        Panel(
            "Partitions that are being read back",
            "A worker that was given a partition first reads what was done and what waits there. Seconds are normal; "
            "minutes are the runbook worker-stuck.",
            "short",
            [Query('sum by (instance) (onestack_partitions{state="recovering", instance=~"$instance"})',
                   "{{instance}}")],
            steps=[Step(1, YELLOW)],
        ),
        Panel(
            "Rebalances",
            "How often partitions were shared out anew in the last 10 minutes. Several without a start or a stop: "
            "members lose their session. Runbook: rebalances.",
            "short",
            [Query('max by (group) (increase(onestack_rebalances_total{instance=~"$instance"}[10m]))', "{{group}}")],
            steps=[Step(6, RED)],
        ),
        Panel(
            "Commands not performed again",
            "After a crash or a rebalance commands come again; those whose outcome stands in the run log are passed "
            "over. A peak here is the guarantee at work, not a fault.",
            "suffix: commands/s",
            [Query('sum by (action) (rate(onestack_commands_repeated_total{instance=~"$instance"}'
                   '[$__rate_interval]))', "{{action}}")],
        ),
        Panel(
            "Definitions in force by worker",
            "All workers should say the same number within a second. Runbook: definitions-differ.",
            "short",
            [Query(f'onestack_definitions_in_force{{instance=~"$instance"}} {_WORKER}', "{{instance}}")],
        ),
        Panel(
            "Definitions that were refused",
            "Somebody published a workflow that is invalid or not newer. The dead letter says why and who; what was in "
            "force stays in force.",
            "suffix: records/s",
            [Query('sum(rate(onestack_definitions_refused_total{instance=~"$instance"}[$__rate_interval]))',
                   "refused")],
        ),
    ),
)  # fmt: skip

_TIMERS = Row(
    "Runs that wait",
    (
        Panel(
            "Runs that wait, by worker",
            "Delays and retries that each worker holds: some 500 bytes of memory each.",
            "short",
            [Query(f'onestack_timers_waiting{{instance=~"$instance"}} {_WORKER}', "{{instance}}")],
            stack=True,
        ),
        Panel(
            "Waits that are late, by worker",
            "How long the first wait that is due has not been ended. Runbook: timers-late.",
            "s",
            [Query(f'onestack_timers_overdue_seconds{{instance=~"$instance"}} {_WORKER}', "{{instance}}")],
            steps=[Step(60, RED)],
        ),
        Panel(
            "Waits that ended",
            "Delays and retries that came to their end each second.",
            "suffix: waits/s",
            [Query('sum(rate(onestack_timer_lateness_seconds_count{instance=~"$instance"}[$__rate_interval]))',
                   "ended")],
        ),
    ),
)  # fmt: skip

_COST = Row(
    "What it costs",
    (
        Panel(
            "CPU by worker",
            "Cores that each worker uses; one process can't use more than 1. At 1 for long: add workers, as long as "
            "there are partitions.",
            "short",
            [Query(f'rate(process_cpu_seconds_total{{instance=~"$instance"}}[$__rate_interval]) {_WORKER}',
                   "{{instance}}")],
            steps=[Step(0.9, RED)],
        ),
        Panel(
            "CPU of a run",
            "CPU of all workers by the runs that they started. Doubles without a change of load: look at what changed.",
            "s",
            [Query(f"sum(rate(process_cpu_seconds_total[$__rate_interval]) {_WORKER}) / clamp_min(sum(rate("
                   'onestack_runs_total{outcome="started"}[$__rate_interval])), 0.01)', "worker CPU a run")],
        ),
        Panel(
            "Memory by process",
            "Resident memory. What a worker keeps is bounded: it grows with definitions, runs that wait, and the runs "
            "of the last minutes.",
            "bytes",
            [Query("process_resident_memory_bytes * on (instance, job) group_left (process) onestack_build_info",
                   "{{process}} {{instance}}")],
        ),
        Panel(
            "Time since the start",
            "A line that falls to 0 is a process that started anew. Runbook: restarts.",
            "s",
            [Query("(time() - process_start_time_seconds) * on (instance, job) group_left (process) "
                   "onestack_build_info", "{{process}} {{instance}}")],
        ),
        Panel(
            "Seconds since Kafka answered",
            "By process; up to some seconds where there is little to do. Runbooks: kafka-away, clock-wrong.",
            "s",
            [Query('time() - (onestack_dependency_reached_timestamp_seconds{dependency="kafka"} > 0)',
                   "{{job}} {{instance}}")],
            steps=[Step(30, RED)],
        ),
        Panel(
            "Open files and connections",
            "Share of the files that the process may have open. Near 1 it can make no more connections.",
            "percentunit",
            [Query("process_open_fds / process_max_fds and on (instance, job) onestack_build_info",
                   "{{job}} {{instance}}")],
            steps=[Step(0.8, RED)], most=1,
        ),
    ),
)  # fmt: skip

WORKERS: Final = Dashboard(
    "onestack-workers",
    "One Stack: workers and lag",
    "Which worker has what, how far behind it is, and what a run costs.",
    (_LAG, _GROUP, _TIMERS, _COST),
    (Variable("instance", "Worker", 'label_values(onestack_build_info{process="worker"}, instance)'),),
)
