"""docs/reference/limits.md: every number is read from where the code has it, so that none goes stale."""

from __future__ import annotations

import importlib
from datetime import timedelta
from typing import Any, Final, NamedTuple

from cli.reference.text import code, page, table
from runtime.settings import Settings
from streams.topics import topics

_INTRO = """
What there is at most, and what happens beyond. A number with a variable is a [setting](configuration.md); all others
are the product's own and the same everywhere. What the whole takes on your machines is a matter of
[size](../how-to/size-a-deployment.md); what it can't do at all is told in [limits](../limits.md).
"""
_KB, _MB = 1024, 1024 * 1024


class Limit(NamedTuple):
    """`where` is `module:NAME`, `module:Model.field` (its bound) or the name of a setting; `unit` stands behind it."""

    what: str
    where: str
    unit: str
    beyond: str


_REFUSED: Final = "refused when it is published; what was in force stays"
_FAILS: Final = "the step fails before any call"
_LETTER: Final = "a dead letter with the reason"
_CUT: Final = "its size and its start are kept instead"
_GROUPS: Final[dict[str, tuple[Limit, ...]]] = {
    "Events and records": (
        Limit("an event", "max_event_bytes", "bytes", _LETTER),
        Limit("depth of an event's JSON", "schemas.events.decode:_MOST_DEPTH", "levels", _LETTER),
        Limit("an attribute of an event", "schemas.events.decode:_LONGEST_ATTRIBUTE", "characters", _LETTER),
        Limit(
            "a record of any topic",
            "runtime.kafka:LARGEST_RECORD",
            "bytes",
            "Kafka refuses it; a decision that would write more becomes a dead letter",
        ),
        Limit(
            "time in which a repeated event is recognised",
            "repeat_window",
            "s",
            "a later one may run again, under the same ids: modules that know the Idempotency-Key do nothing twice, "
            "and the history shows the first",
        ),
        Limit(
            "what a dead letter keeps of the record",
            "streams.dead_letters:_MOST_BYTES",
            "bytes",
            "the rest is cut; the record itself is where the letter says",
        ),
        Limit("workflows in one causation chain", "chain_limit", "", "the run is suppressed (loop)"),
        Limit("times that one workflow is in a chain", "chain_repeats", "", "the run is suppressed (loop)"),
        Limit(
            "runs a minute of one workflow of an organisation",
            "storm_limit",
            "",
            "suppressed (storm) until it abates; 0 is off",
        ),
    ),
    "Definitions": (
        Limit("a definition", "schemas.definitions:LARGEST", "bytes", _REFUSED),
        Limit("steps, those in branches included", "schemas.definitions:MOST_STEPS", "", _REFUSED),
        Limit("depth of a definition", "schemas.definitions:_DEEPEST", "levels", _REFUSED),
        Limit("conditions of a workflow", "engine.workflow:_MOST_CONDITIONS", "", _REFUSED),
        Limit("conditions in one tree", "engine.conditions:_MOST_NODES", "", _REFUSED),
        Limit("depth of a tree of conditions", "engine.conditions:_MOST_DEPTH", "levels", _REFUSED),
        Limit("names in a path", "engine.paths:MOST_SEGMENTS", "", _REFUSED),
        Limit("retries of an action", "schemas.definitions:Retry.max_retries", "", _REFUSED),
        Limit("multiplier of the wait between retries", "schemas.definitions:Retry.multiplier", "", _REFUSED),
        Limit(
            "a delay, a retry's wait",
            "schemas.durations:LONGEST",
            "",
            "refused; the step fails where a template renders to more",
        ),
        Limit("period of a throttle", "schemas.definitions:LONGEST_THROTTLE", "", _REFUSED),
        Limit("runs of a throttle", "schemas.definitions:Throttle.limit", "", _REFUSED),
        Limit("dates in a list of a calendar", "schemas.calendars:_MOST_DATES", "", _REFUSED),
        Limit("text of one YAML file", "schemas.documents:LIMIT", "bytes", "refused"),
        Limit("values in one YAML file", "schemas.documents:_MOST_NODES", "", "refused"),
    ),
    "Templates": (
        Limit("expressions in a text", "engine.templates:_MOST_EXPRESSIONS", "", _REFUSED),
        Limit("filters of an expression", "engine.templates:_MOST_FILTERS", "", _REFUSED),
        Limit("an expression", "engine.templates:_LONGEST_EXPRESSION", "characters", _REFUSED),
        Limit("a rendered value", "engine.filters:LARGEST", "bytes", _FAILS),
        Limit("what the filters of one step handle", "engine.templates:_MOST_WORK", "characters and elements", _FAILS),
        Limit("parts that `split` makes of a text", "engine.filters:_MOST_ELEMENTS", "", _FAILS),
    ),
    "Runs": (
        Limit("a step's rendered parameters", "engine.parameters:LARGEST_INPUT", "bytes", _FAILS),
        Limit("a step's input, and its output, as recorded", "engine.recording:LARGEST", "bytes", _CUT),
        Limit(
            "all outputs of a run", "engine.recording:LARGEST_OUTPUTS", "bytes", "of further ones only the size is kept"
        ),
        Limit("an error's text", "engine.recording:_LONGEST_ERROR", "characters", "cut"),
        Limit(
            "values in one trace of conditions",
            "engine.conditions:_TRACED",
            "characters",
            "cut in the trace; the decision is the same",
        ),
    ),
    "Calls": (
        Limit("a call", "action_timeout", "s", "fails, and is retried as the step says"),
        Limit(
            "calls in flight of a worker",
            "max_calls",
            "",
            "further ones wait; one organisation's calls of one action have at most three times what is free",
        ),
        Limit("an answer that is read", "actions.exchange:_MOST_READ", "bytes", '`{"truncated": true}` is the output'),
        Limit("depth of an answer", "actions.exchange:_DEEPEST", "levels", '`{"truncated": true}` is the output'),
        Limit("what is told of an answer that refuses", "actions.exchange:_MOST_TOLD", "characters", "cut"),
        Limit("`Retry-After` that is honoured", "engine.policy:LONGEST_ASKED", "s", "asked again after that"),
        Limit("headers of a webhook", "actions.webhook:_MOST_HEADERS", "", "the call is refused"),
        Limit("a webhook's URL", "actions.guard:_LONGEST_URL", "characters", "the call is refused"),
        Limit("recipients of a mail", "actions.message:_MOST_RECIPIENTS", "", "the call is refused"),
        Limit(
            "connections of a worker to the mail server",
            "actions.smtp:_MOST_CONNECTIONS",
            "",
            "further mails wait, within the time of a call",
        ),
        Limit("a file of a secret", "runtime.secrets:_LARGEST_FILE", "bytes", "the secret counts as not defined"),
        Limit(
            "a secret that is taken out of texts",
            "runtime.secrets:_SHORTEST_HIDDEN",
            "characters at least",
            "a shorter one is not hidden where it is echoed",
        ),
    ),
    "A worker": (
        Limit(
            "partitions",
            "partitions",
            "",
            "more workers than partitions have nothing to do; the number can't be changed later",
        ),
        Limit(
            "records of a partition under way",
            "streams.ahead:MOST_UNFINISHED",
            "",
            "its topics are read on as they are done",
        ),
        Limit("records of a partition read and not committed", "streams.ahead:MOST_UNCOMMITTED", "", "the same"),
        Limit(
            "records waiting in memory, of a partition",
            "streams.ahead:MOST_BYTES",
            "bytes",
            "the same; as much again of commands",
        ),
        Limit(
            "records waiting in memory, of all partitions",
            "streams.ahead:MOST_BYTES_OF_ALL",
            "bytes",
            "the same; as much again of commands",
        ),
        Limit(
            "silence until Kafka gives its partitions to others",
            "session_timeout",
            "s",
            "no call begins after four fifths of it",
        ),
        Limit(
            "wait for calls in flight when it stops",
            "streams.worker:_DRAIN_SECONDS",
            "s",
            "they are made again under the same Idempotency-Key",
        ),
    ),
    "The Hub": (
        Limit("a request's body", "hub.middleware:LARGEST_BODY", "bytes", "413"),
        Limit("rows of a page", "hub.asking:MOST", "", "422; 50 where nothing is said"),
        Limit("events of one request", "hub.services.emitting:MOST", "", "413"),
        Limit(
            "runs that one request cancels, resumes or runs again by their ids",
            "hub.documents.steering:MOST",
            "",
            "422",
        ),
        Limit("documents of one import", "hub.services.exchanging:MOST", "", "413"),
        Limit("an Idempotency-Key", "hub.idempotency:_LONGEST", "characters", "400"),
        Limit(
            "an answer that is kept for a repeat, for 24 h",
            "hub.idempotency:_LARGEST",
            "bytes",
            "a repeat is done anew",
        ),
        Limit(
            "wait for the history to follow a write", "hub.readable:PATIENCE", "s", "202 with `Onestack-Pending: true`"
        ),
        Limit("a query", "hub.database:_STATEMENT_MS", "ms", "503"),
        Limit("connections to Postgres", "hub.database:_CONNECTIONS", "", "a request waits up to 8 s, then 503"),
        Limit(
            "connections for lists and runs, beside those",
            "hub.reading:CONNECTIONS",
            "",
            "queries wait in line; from 2,000 on 503",
        ),
        Limit("live streams of an organisation", "hub.channels:_MOST_READERS", "", "429"),
        Limit("backtests at once in one Hub", "hub.services.backtests:AT_ONCE", "", "429"),
        Limit("a token", "hub.access.tokens:_LONGEST", "characters", "401"),
        Limit(
            "a token or key in the session cookie",
            "hub.routes.session:_LONGEST_COOKIE",
            "bytes",
            "422; send it as a header",
        ),
        Limit("RSA keys of the issuer", "hub.access.jwks:_SMALLEST_RSA", "bits at least", "the key is left out"),
        Limit("time for which a revoked key works on at another Hub", "hub.access.keys:_SECONDS", "s", "refused"),
    ),
    "What is kept in Postgres": (
        Limit("runs that were skipped or suppressed", "keep_skipped", "", "deleted with all their rows"),
        Limit("runs that completed or were cancelled", "keep_completed", "", "the same"),
        Limit("runs that failed, dead letters", "keep_failed", "", "the same"),
        Limit("events", "keep_events", "", "deleted; single organisations by `ONESTACK_KEEP_EVENTS_BY_ORG`"),
    ),
}


def limits() -> str:
    """All of them, and how long Kafka keeps what."""
    parts: list[str] = []
    for title, of_group in _GROUPS.items():
        rows = [(one.what, _number(one), _setting(one), one.beyond) for one in of_group]
        parts += [f"## {title}", table(("of what", "at most", "setting", "beyond"), rows)]
    kept = [(code(topic.name), _kept(topic.config), topic.config["max.message.bytes"]) for topic in topics()]
    return page("Limits", _INTRO, *parts, "## What is kept in Kafka", table(("topic", "kept", "bytes a record"), kept))


def every() -> list[Limit]:
    """All limits."""
    return [one for of_group in _GROUPS.values() for one in of_group]


def value_of(where: str) -> Any:
    """The number itself. Raises AttributeError where the code has it no longer."""
    module, _, name = where.partition(":")
    if not name:
        return Settings.model_fields[where].get_default()
    model, _, field = name.partition(".")
    found = getattr(importlib.import_module(module), model)
    return _most(found.model_fields[field].metadata) if field else found


def _most(metadata: list[Any]) -> Any:
    bounds = (getattr(one, name) for one in metadata for name in ("le", "max_length") if hasattr(one, name))
    found = next(bounds, None)
    if found is None:
        message = "the field has no bound"
        raise AttributeError(message)
    return found


def _number(one: Limit) -> str:
    found = value_of(one.where)
    if isinstance(found, timedelta):
        return f"{found / timedelta(days=1):,g} d"
    if one.unit == "bytes" and found % _KB == 0:
        return f"{found // _MB} MB" if found % _MB == 0 else f"{found // _KB} kB"
    return f"{found:,g} {one.unit}".strip() if isinstance(found, float) else f"{found:,} {one.unit}".strip()


def _setting(one: Limit) -> str:
    return "" if ":" in one.where else code(f"ONESTACK_{one.where.upper()}")


def _kept(config: dict[str, str]) -> str:
    days = config.get("retention.ms")
    return f"{timedelta(milliseconds=int(days)) / timedelta(days=1):g} d" if days else "the newest of each key"
