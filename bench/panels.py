"""Asks a real Prometheus what each panel of the dashboards and each alert asks: `python -m bench.panels`.

It starts the whole product on embedded parts (or on a real Apache Kafka), has Prometheus scrape it every second while
the benchmark's workflow and all kinds of trouble run, and then asks what Grafana would ask. Exits with 1 where a query
gives nothing, or gives only zeros although what it is about has happened.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import re
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.prometheus import Prometheus
from bench.trouble import MOST_CALLS, STORM_LIMIT, Load, faults
from runtime.kafka import Publisher, new_producer
from runtime.settings import load
from sandbox.stack import Stack, StackOptions
from sandbox.supervisor import Program

ROOT: Final = Path(__file__).parents[1] / "deploy"
_PHASES: Final = 4
_PATIENCE: Final = 60.0
_WINDOW: Final = "30s"
"""What `$__rate_interval` is here: all of the load is within it, and Prometheus scrapes every second."""
_NAMES: Final = re.compile(r"\b(?:onestack_[a-z_]+|process_[a-z_]+|up)\b")
_CHOICE: Final = re.compile(r"label_values\((?P<series>.+), (?P<label>\w+)\)")
CALM: Final = frozenset(
    {
        # Nothing is late, stuck or away here, nobody looks on, and no group changes while it is looked at.
        "History is behind by",
        "The history is behind by",
        "The history stands still for",
        "Records that the history lacks, as the projector sees it",
        "Records that the history lacks, as the Hub sees it",
        "Waits are late by",
        "Waits that are late, by worker",
        "Rebalances",
        "Commands not performed again",
        "Partitions that are being read back",
        "Share of answers that are errors of ours",
        "Live streams",
    }
)
"""Panels that may show zeros alone."""


_HAPPENED: Final[dict[str, int | None]] = {
    **{
        f'onestack_runs_total{{outcome="{outcome}"}}': count
        for outcome, count in (
            ("started", None), ("waiting", None), ("completed", None), ("failed", 16), ("cancelled", 8),
            ("skipped", 16), ("suppressed", None),
        )
    },
    **{
        f'onestack_runs_suppressed_total{{guard="{guard}"}}': count
        for guard, count in (("loop", 16), ("throttle", 15), ("storm", None))
    },
    **{
        f'onestack_events_total{{result="{result}"}}': count
        for result, count in (
            ("matched", None), ("unmatched", None), ("refused", 12), ("forwarded", 4), ("repeated", 4)
        )
    },
    **{
        f'onestack_dead_letters_total{{reason="{reason}"}}': count
        for reason, count in (("unreadable", 4), ("invalid", 5), ("too_large", 4), ("internal", 0))
    },
    "onestack_action_retries_total": 2,
    "onestack_definitions_refused_total": 1,
    "onestack_storms_opened_total": None,
    "onestack_rebalances_total": None,
    "onestack_timer_lateness_seconds_count": None,
}  # fmt: skip
"""What the load of four phases brings about, and how often where that does not hang on the machine: each of these has
to be counted so, or the panels show something else than the truth."""


class Question(NamedTuple):
    """A query of a panel, of a choice at the top of a dashboard, or of an alert."""

    of: str
    title: str
    expr: str
    may_be_zero: bool
    exactly: int | None = None
    """What the largest value has to be, where that is known."""


class Answer(NamedTuple):
    """How many series came, and the largest of their values; None where no value is a number."""

    question: Question
    series: int
    largest: float | None

    @property
    def fault(self) -> str:
        """What is wrong with it, or nothing."""
        if self.largest is None:
            return "no data"
        if self.question.exactly is not None:
            return "" if self.largest == self.question.exactly else f"wanted {self.question.exactly}"
        return "" if self.largest > 0 or self.question.may_be_zero else "zeros alone"


def questions(folder: Path = ROOT / "grafana" / "dashboards") -> list[Question]:
    """All that the dashboards ask, as Grafana would: with all values of their choices."""
    found = [
        Question("The load", name, f"sum({name})", may_be_zero=False, exactly=count)
        for name, count in _HAPPENED.items()
    ]
    for file in sorted(folder.glob("*.json")):
        dashboard = json.loads(file.read_text())
        for one in dashboard["templating"]["list"]:
            if (choice := _CHOICE.fullmatch(one.get("definition", ""))) is not None:
                expr = f"count by ({choice['label']}) ({choice['series']})"
                found.append(Question(dashboard["title"], f"choice of {one['label']}", expr, may_be_zero=False))
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                expr = target["expr"].replace("$__rate_interval", _WINDOW)
                expr = re.sub(r"\$(?:instance|action)\b", ".*", expr)
                found.append(Question(dashboard["title"], panel["title"], expr, panel["title"] in CALM))
    return found


def names_in(expr: str) -> set[str]:
    """The metrics that an expression is about."""
    # Not within the braces: there stand labels.
    return set(_NAMES.findall(re.sub(r"\{[^}]*\}|\"[^\"]*\"", "", expr)))


def answer(prometheus: Prometheus, question: Question, begin: float) -> Answer:
    """What a panel would show of this time."""
    found = prometheus.query_range(question.expr, begin, time.time())
    values = [float(value) for one in found for _at, value in one["values"]]
    numbers = [value for value in values if math.isfinite(value)]
    return Answer(question, len(found), max(numbers) if numbers else None)


class Found(NamedTuple):
    """What came of it all."""

    answers: list[Answer]
    rules: list[dict[str, Any]]
    """As Prometheus tells them: name, health, state, query."""
    unknown: dict[str, set[str]]
    """Metrics that an alert is about and that Prometheus has not seen, by the alert's name."""


async def look(folder: Path, broker: str = "embedded", say: Any = print) -> Found:
    """Start all parts, run the load, ask all questions. Raises SandboxError or BenchError where a part fails."""
    async with _stack(folder, broker, say) as stack:
        targets = {
            part.name.partition("-")[0]: [f"127.0.0.1:{part.what.port}"]
            for part in stack.supervisor.parts
            if isinstance(part.what, Program)
        }
        with Prometheus(folder / "prometheus", targets, ROOT / "prometheus" / "rules.yaml") as prometheus:
            await _until(lambda: len(prometheus.query("up == 1")) == len(targets), "all targets are scraped")
            begin = time.time()
            await _run(stack, prometheus)
            answers = await asyncio.to_thread(lambda: [answer(prometheus, one, begin) for one in questions()])
            rules = [rule for group in prometheus.asked("rules")["groups"] for rule in group["rules"]]
            there = prometheus.names()
            unknown = {rule["name"]: missing for rule in rules if (missing := names_in(rule["query"]) - there)}
            return Found(answers, rules, unknown)


@asynccontextmanager
async def _stack(folder: Path, broker: str, say: Any) -> AsyncIterator[Stack]:
    with _settings(ONESTACK_STORM_LIMIT=str(STORM_LIMIT), ONESTACK_MAX_CALLS=str(MOST_CALLS)):
        stack = Stack(StackOptions(broker, data=folder / "data"), say)
        try:
            await stack.start()
            yield stack
        finally:
            await stack.stop()


@contextmanager
def _settings(**given: str) -> Iterator[None]:
    """Within it the processes that are started have these variables."""
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


async def _run(stack: Stack, prometheus: Prometheus) -> None:
    """The load, in phases, so that Prometheus sees it grow; until what takes longest is over."""
    stack.modules.ledger.faults += faults()
    settings = load(broker=stack.bootstrap)
    producer = new_producer(settings)
    await producer.start()
    publisher = Publisher(producer)
    try:
        work = Load(publisher, int(stack.environment["ONESTACK_PARTITIONS"]))
        await work.define()
        await _until(lambda: _value(prometheus, "max(onestack_definitions_in_force)") >= 9, "definitions in force")
        for phase in range(_PHASES):
            await work.send(f"phase-{phase}")
            await asyncio.to_thread(_ask_the_hub, stack.web or "")
            await asyncio.sleep(1.5)
    finally:
        await publisher.stop()
    await _until(
        lambda: (
            _value(prometheus, 'sum(onestack_consumer_lag{group="onestack-worker"})') == 0
            and _value(prometheus, "sum(onestack_storms)") > 0
            and _value(prometheus, "sum(onestack_history_behind_records)") == 0
        ),
        "the load is done",
    )


def _ask_the_hub(address: str) -> None:
    for path in ("/readyz", "/api/v1/session", "/api/v1/runs", "/nowhere"):
        try:
            with urllib.request.urlopen(f"{address}{path}", timeout=10) as answered:
                answered.read()
        except urllib.error.HTTPError as error:
            error.close()  # an answer too


def _value(prometheus: Prometheus, expr: str) -> float:
    found = prometheus.query(expr)
    return float(found[0]["value"][1]) if found else math.nan


async def _until(met: Any, what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not await asyncio.to_thread(met):
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come to pass within {_PATIENCE:.0f} s that {what}")
        await asyncio.sleep(0.3)


def main() -> int:
    """Look, tell, and say by the exit code whether each query has data."""
    parser = argparse.ArgumentParser(prog="python -m bench.panels", description=__doc__)
    parser.add_argument("--broker", choices=["embedded", "kafka"], default="embedded", help="[embedded]")
    with tempfile.TemporaryDirectory(prefix="onestack-panels-") as folder:
        found = asyncio.run(look(Path(folder), parser.parse_args().broker))
    bad = 0
    for one in found.answers:
        bad += bool(one.fault)
        shown = "-" if one.largest is None else f"{one.largest:.4g}"
        print(
            f"{one.fault or 'ok':11} {one.series:3} series, at most {shown:>9}  {one.question.of}: {one.question.title}"
        )
    for rule in found.rules:
        fault = rule.get("lastError") or ", ".join(sorted(found.unknown.get(rule["name"], ())))
        bad += bool(fault)
        print(f"{fault or 'ok':11} {rule['state']:8} {rule['name']}")
    print(f"{len(found.answers)} queries and {len(found.rules)} alerts; {bad} without data.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
