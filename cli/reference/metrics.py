"""docs/reference/metrics.md."""

from __future__ import annotations

from typing import Any, Final

from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from cli.reference.text import code, page, table
from hub import middleware
from runtime import metrics

_INTRO = """
Worker and projector serve Prometheus text at `http://127.0.0.1:9464/metrics`, or on the next free port where that is
taken (the log says which), or as `ONESTACK_METRICS_HOST` and `ONESTACK_METRICS_PORT` say; the Hub serves its own at its
address. No organisation or workflow is ever a label. [Watch it](../how-to/watch-it.md) has dashboards and alerts.

Beside these, each process tells Prometheus' usual `process_*` and `python_*`. A process serves the names of the others
too, at 0: sum over processes, or choose by `onestack_build_info`'s `process`.
"""
_LAG = """
## How many series there are

The lag is told by topic and partition, for one partition that stands still does not show in a sum. Each partition is
told by the one member of its group that has it, so an installation has partitions × 28 of these series and one more,
however many workers it has: 337 with 12 partitions. All else is a few hundred series a process, whatever it does.
"""
_PARTS: Final[tuple[tuple[str, tuple[MetricWrapperBase, ...]], ...]] = (
    (
        "Every process",
        (metrics.BUILD_INFO, metrics.READY, metrics.DEPENDENCY_UP, metrics.DEPENDENCY_REACHED, metrics.CONSUMER_LAG,
         metrics.REBALANCES, metrics.DEAD_LETTERS, metrics.SPANS),
    ),
    (
        "Worker",
        (metrics.RUNS, metrics.SUPPRESSED, metrics.EVENTS, metrics.EVENT_TO_START, metrics.EVENT_TO_FINISH,
         metrics.ACTION_SECONDS, metrics.RETRIES, metrics.REPEATED, metrics.CALLS_IN_FLIGHT, metrics.CALLS_LIMIT,
         metrics.CALLS_WAITING, metrics.TIMERS_WAITING, metrics.TIMERS_OVERDUE, metrics.TIMER_LATENESS,
         metrics.STORMS, metrics.STORMS_OPENED, metrics.DEFINITIONS_IN_FORCE, metrics.DEFINITIONS_REFUSED,
         metrics.PARTITIONS, metrics.RECORDS_DONE),
    ),
    ("Projector", (metrics.PROJECTED, metrics.PROJECTION_SECONDS, metrics.PROJECTION_BEHIND)),
    (
        "Hub",
        (middleware.REQUESTS, middleware.REQUEST_SECONDS, middleware.STREAMS, metrics.HISTORY_BEHIND,
         metrics.HISTORY_STANDS),
    ),
)  # fmt: skip
_VALUES: Final = {
    ("onestack_build_info", "process"): "worker, projector, hub",
    ("onestack_ready", "process"): "worker, projector, hub",
    ("onestack_dependency_up", "dependency"): "kafka, postgres",
    ("onestack_dependency_reached_timestamp_seconds", "dependency"): "kafka, postgres",
    ("onestack_consumer_lag", "group"): "onestack-worker, onestack-projector, onestack-projector-events",
    ("onestack_rebalances", "group"): "the same",
    ("onestack_dead_letters", "reason"): "unreadable, invalid, too_large, internal (a bug of ours)",
    ("onestack_spans", "result"): "exported, dropped",
    ("onestack_runs", "outcome"): "started, waiting, completed, failed, cancelled, skipped, suppressed",
    ("onestack_runs_suppressed", "guard"): "loop, throttle, storm",
    ("onestack_events", "result"): "matched, unmatched, refused, forwarded, repeated",
    ("onestack_action_seconds", "outcome"): "succeeded, failed",
    ("onestack_partitions", "state"): "ready, recovering",
}


def measures() -> list[MetricWrapperBase]:
    """All that we count."""
    return [metric for _, of_part in _PARTS for metric in of_part]


def metrics_page() -> str:
    """What each process counts."""
    parts: list[str] = []
    for process, of_part in _PARTS:
        parts += [f"## {process}", table(("metric", "labels", "kind", "what it tells"), map(_row, of_part))]
    return page("Metrics", _INTRO, *parts, _LAG)


def _row(metric: Any) -> tuple[str, str, str, str]:
    name: str = metric._name  # noqa: SLF001 - the client has no public way to a metric's name and labels
    labels = ", ".join(
        f"{code(label)}: {values}" if (values := _VALUES.get((name, label))) else code(label)
        for label in metric._labelnames  # noqa: SLF001 - the same
    )
    shown = f"{name}_total" if isinstance(metric, Counter) else name
    return code(shown), labels, metric._type, metric._documentation  # noqa: SLF001 - the same
