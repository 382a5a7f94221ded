"""What each process counts, for Prometheus at `/metrics`. No organisation or workflow is ever a label.

What has labels is counted through children that are looked up once, where the values are known, so that counting costs
less than a microsecond an event. They begin at 0, for a rate needs a first value: `streams.gauges` makes the worker's.
"""

from __future__ import annotations

import json
import socket
import threading
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from runtime.logging import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runtime.health import Health
    from runtime.settings import Settings

# A series of its own for when each counter began: Prometheus' rate() does not need it, and it doubles their number.
disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

BUILD_INFO = Gauge("onestack_build_info", "1, with the version and what the process is", ["version", "process"])
READY = Gauge("onestack_ready", "1 while the process can work as its /readyz tells it, else 0", ["process"])
DEPENDENCY_UP = Gauge(
    "onestack_dependency_up", "1 while Kafka or Postgres answers this process, else 0", ["dependency"]
)
DEPENDENCY_REACHED = Gauge(
    "onestack_dependency_reached_timestamp_seconds", "When Kafka or Postgres last answered this process", ["dependency"]
)

RUNS = Counter("onestack_runs", "Runs by what became of them; one that waits is counted at each wait", ["outcome"])
SUPPRESSED = Counter("onestack_runs_suppressed", "Runs that a guard kept from starting", ["guard"])
EVENTS = Counter("onestack_events", "Events by what was done with them", ["result"])
ACTION_SECONDS = Histogram("onestack_action_seconds", "How long calls took", ["action", "outcome"], buckets=_SECONDS)
RETRIES = Counter("onestack_action_retries", "Calls that failed and are to be made once more", ["action"])
REPEATED = Counter(
    "onestack_commands_repeated",
    "Commands that were delivered again, and not performed again, for their outcome stood in the run log",
    ["action"],
)
EVENT_TO_START = Histogram(
    "onestack_event_to_start_seconds", "From an event's arrival in Kafka to its run's start", buckets=_SECONDS
)
EVENT_TO_FINISH = Histogram(
    "onestack_event_to_finish_seconds", "From an event's arrival in Kafka to its run's end", buckets=_SECONDS
)
CONSUMER_LAG = Gauge(
    "onestack_consumer_lag",
    "Records that wait to be read or are not done yet, of this process's partitions",
    ["group", "topic", "partition"],
)
RECORDS_DONE = Counter(
    "onestack_records_done", "Records that are done: Kafka has acknowledged all that came of them", ["topic"]
)
DEAD_LETTERS = Counter("onestack_dead_letters", "Records that could not be read", ["topic", "reason"])
CALLS_IN_FLIGHT = Gauge("onestack_calls_in_flight", "Action calls under way")
CALLS_LIMIT = Gauge("onestack_calls_limit", "Action calls that may be under way at once (ONESTACK_MAX_CALLS)")
CALLS_WAITING = Gauge("onestack_calls_waiting", "Commands that wait for a free call")
TIMERS_WAITING = Gauge("onestack_timers_waiting", "Runs that wait for a time or for their next attempt")
TIMERS_OVERDUE = Gauge(
    "onestack_timers_overdue_seconds", "How long the wait that should have ended first has been due; 0 where none is"
)
TIMER_LATENESS = Histogram(
    "onestack_timer_lateness_seconds", "From when a wait was due to the decision that ended it", buckets=_SECONDS
)
STORMS = Gauge("onestack_storms", "Workflows whose circuit breaker is open now, of this process's partitions")
STORMS_OPENED = Counter("onestack_storms_opened", "Circuit breakers that opened")
DEFINITIONS_IN_FORCE = Gauge(
    "onestack_definitions_in_force", "Workflows and calendars in force; every worker has all of them"
)
DEFINITIONS_REFUSED = Counter("onestack_definitions_refused", "Records of the definitions topic that were refused")
PARTITIONS = Gauge(
    "onestack_partitions", "Partitions of this worker by whether it knows what was done there, and so works", ["state"]
)
REBALANCES = Counter("onestack_rebalances", "Times that partitions were shared out anew", ["group"])
SPANS = Counter("onestack_spans", "Spans of traces by what became of them", ["result"])
PROJECTED = Counter("onestack_projected_entries", "Run-log entries written to the history")
PROJECTION_SECONDS = Histogram("onestack_projection_seconds", "How long a batch took to write", buckets=_SECONDS)
PROJECTION_BEHIND = Gauge(
    "onestack_projection_behind_seconds",
    "How old the oldest record is that the history lacks; 0 where none is",
    ["group"],
)
HISTORY_BEHIND = Gauge(
    "onestack_history_behind_records", "Records that the history lacks, as the Hub sees it", ["topic"]
)
HISTORY_STANDS = Gauge(
    "onestack_history_stands_seconds", "How long the history has stood still although records wait, as the Hub sees it"
)


def tell_build(process: str) -> None:
    """Tell of which version this process is; `process` is worker, projector or hub."""
    BUILD_INFO.labels(version("onestack-workflow-engine"), process).set(1)


_DEFAULT_PORT: Final = 9464


def serve(settings: Settings, health: Health | None = None) -> int | None:
    """Serve `/metrics`, and `/healthz` and `/readyz` where there is a `health`, and say on which port.

    All of them are served by threads of their own. None where no port could be had (which is logged, not fatal).
    """
    log = logger("metrics")
    wanted = settings.metrics_port
    for port in (wanted,) if wanted is not None else (_DEFAULT_PORT, 0):
        try:
            server = make_server(settings.metrics_host, port, _app(health), _server(settings.metrics_host), _Silent)
        except OSError as error:
            log.warning("metrics port is not to be had", port=port, error=str(error))
            continue
        threading.Thread(target=server.serve_forever, daemon=True).start()
        bound: int = server.server_port
        log.info("metrics are served", address=f"http://{settings.metrics_host}:{bound}/metrics")
        return bound
    return None


def _app(health: Health | None) -> Any:
    metrics = make_wsgi_app()

    def app(environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        answer = health.answer(path) if health is not None else None
        if answer is not None:
            status, body = answer
            start_response(
                "200 OK" if status == 200 else "503 Service Unavailable",
                [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
            )
            return [body]
        if path not in {"/", "/metrics"}:
            start_response("404 Not Found", [("Content-Type", "application/json")])
            return [json.dumps({"title": "Not found", "served": ["/metrics", "/healthz", "/readyz"]}).encode()]
        return metrics(environ, start_response)  # type: ignore[no-any-return]  # prometheus_client's has no types

    return app


def _server(host: str) -> type[ThreadingWSGIServer]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return type("_Server", (ThreadingWSGIServer,), {"address_family": family})


class _Silent(WSGIRequestHandler):
    """Scrapes and probes are no news."""

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""
