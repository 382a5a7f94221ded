"""Structured logs on standard error: one line a fact, as text for people or as JSON.

The fields and their names are docs/reference/logs.md. One word for each thing, as in docs/glossary.md: what is about
a run says `run_id`, `workflow_id`, `org_id` and, where a command is meant, `command_id`.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

import orjson

from runtime import tracing
from runtime.lean import without

with without("rich"):
    # For the tracebacks of its own, in place of which a log of ours has `_exception`: 50 ms of a start.
    import structlog

if TYPE_CHECKING:
    import asyncio

    from structlog.typing import EventDict, WrappedLogger

    from runtime.settings import Settings

_QUIET = ("faust", "mode", "asyncio", "aiohttp", "aiosmtplib", "streams.app", "streams.transport")
"""Libraries that report each step of their own (Faust logs under the names of the modules that extend it)."""
_NEVER: Final = ("aiohttp.client", "aiosmtplib", "mail.log", "hpack", "httpcore", "httpx", "requests", "urllib3")
"""Libraries that log what they send: below a warning they say nothing at any level."""


def configure(settings: Settings, process: str = "") -> None:
    """Send this process's log to stderr at the settings' level and in their format.

    `process` (worker, projector, hub) stands in every line, beside ONESTACK_INSTANCE and the version.
    """
    as_json = settings.log_format == "json"
    said: list[structlog.types.Processor] = [partial(_whose, _owner(settings, process))] if as_json else []
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *said,
        _traced,
        _exception,
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(serializer=_json)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[_logger_name, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_without_texts)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG if settings.log_level == "DEBUG" else logging.WARNING)
    for name in _NEVER:
        logging.getLogger(name).setLevel(logging.WARNING)
    # A worker spent 12 % of its time on aiokafka's debug records, and what it calls errors (a leader that moves, a
    # coordinator that is not there yet) it gets over by itself; where it does not, our clients say so.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger that takes facts as keyword arguments."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return bound


def _owner(settings: Settings, process: str) -> dict[str, str]:
    try:
        known = {"version": version("onestack-workflow-engine")}
    except PackageNotFoundError:
        known = {}
    if settings.instance:
        known["instance"] = settings.instance
    return {"process": process, **known} if process else known


def _whose(owner: dict[str, str], _: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for name, value in owner.items():
        if event.get(name) is None:
            event[name] = value
    return event


def _logger_name(found: WrappedLogger, _: str, event: EventDict) -> EventDict:
    event.setdefault("logger", getattr(found, "name", ""))
    return event


def _traced(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The span in progress, so that a line is found from its trace and the trace from the line."""
    if tracing.active is not None and (span := tracing.CURRENT.get()) is not None:
        event.setdefault("trace_id", f"{span.context.trace:032x}")
        event.setdefault("span_id", f"{span.context.span:016x}")
    return event


def _exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The traceback as text: files, lines and code, and of the exception its type alone.

    Locals may hold payloads and secrets, and so may what an exception says.
    """
    given = event.pop("exc_info", None)
    if not given:
        return event
    error = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else sys.exc_info()[1]
    if error is not None:
        event["exception"] = told_of(error)
    return event


def _without_texts(record: logging.LogRecord) -> bool:
    """Libraries like to put a whole exception into their message; its type is told instead."""
    if isinstance(record.args, tuple) and any(isinstance(one, BaseException) for one in record.args):
        record.args = tuple(type(one).__name__ if isinstance(one, BaseException) else one for one in record.args)
    return True


def tell_of_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Tell of tasks that fail with nobody waiting for them, without what asyncio would show of their exceptions."""

    def tell(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        logger("tasks").error("a task failed", reason=context.get("message"), exc_info=context.get("exception"))

    loop.set_exception_handler(tell)


def told_of(error: BaseException) -> str:
    """Where an exception came from, without what it says; that of its causes before it, as Python prints them."""
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = traceback.format_list(traceback.extract_tb(current.__traceback__))
        parts.append("Traceback (most recent call last):\n" + "".join(frames) + type(current).__qualname__)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n\n".join(reversed(parts))


def _json(event: Any, **_: Any) -> str:
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        # Numbers beyond 64 bits, or text that is no Unicode: a line is better told oddly than not.
        return json.dumps(event, default=repr)
