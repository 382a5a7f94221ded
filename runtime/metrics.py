"""What each process counts, for Prometheus at `/metrics`. No organisation or workflow is ever a label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from runtime.logging import logger

if TYPE_CHECKING:
    from runtime.settings import Settings

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

RUNS = Counter("onestack_runs", "Runs by what became of them", ["outcome"])
EVENTS = Counter("onestack_events", "Events by what was done with them", ["result"])
ACTION_SECONDS = Histogram("onestack_action_seconds", "How long calls took", ["action", "outcome"], buckets=_SECONDS)
EVENT_TO_START = Histogram(
    "onestack_event_to_start_seconds", "From an event's arrival in Kafka to its run's start", buckets=_SECONDS
)
EVENT_TO_FINISH = Histogram(
    "onestack_event_to_finish_seconds", "From an event's arrival in Kafka to its run's end", buckets=_SECONDS
)
CONSUMER_LAG = Gauge("onestack_consumer_lag", "Records that wait to be read", ["topic"])
DEAD_LETTERS = Counter("onestack_dead_letters", "Records that could not be read", ["topic"])
CALLS_IN_FLIGHT = Gauge("onestack_calls_in_flight", "Action calls under way")
CALLS_WAITING = Gauge("onestack_calls_waiting", "Commands that wait for a free call")
TIMERS_WAITING = Gauge("onestack_timers_waiting", "Runs that wait for a time or for their next attempt")
TIMER_LATENESS = Histogram(
    "onestack_timer_lateness_seconds", "From when a wait was due to the decision that ended it", buckets=_SECONDS
)
SPANS = Counter("onestack_spans", "Spans of traces by what became of them", ["result"])
PROJECTED = Counter("onestack_projected_entries", "Run-log entries written to the history")
PROJECTION_SECONDS = Histogram("onestack_projection_seconds", "How long a batch took to write", buckets=_SECONDS)

_DEFAULT_PORT: Final = 9464


def serve(settings: Settings) -> int | None:
    """Serve `/metrics` and say on which port; None where no port could be had (which is logged, not fatal)."""
    log = logger("metrics")
    wanted = settings.metrics_port
    for port in (wanted,) if wanted is not None else (_DEFAULT_PORT, 0):
        try:
            server, _thread = start_http_server(port, settings.metrics_host)
        except OSError as error:
            log.warning("metrics port is not to be had", port=port, error=str(error))
            continue
        bound: int = server.server_port
        log.info("metrics are served", address=f"http://{settings.metrics_host}:{bound}/metrics")
        return bound
    return None
