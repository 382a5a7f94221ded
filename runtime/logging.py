"""Log lines of every process: structlog over the standard library, to stderr, as text for people or as JSON."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from runtime.settings import Settings

_QUIET = ("faust", "mode", "asyncio", "aiohttp", "aiosmtplib", "streams.app", "streams.transport")
"""Libraries that report each step of their own (Faust logs under the names of the modules that extend it)."""


def configure(settings: Settings) -> None:
    """Send this process's log to stderr at the settings' level and in their format."""
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    as_json = settings.log_format == "json"
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG if settings.log_level == "DEBUG" else logging.WARNING)
    # A worker spent 12 % of its time on aiokafka's debug records, and what it calls errors (a leader that moves, a
    # coordinator that is not there yet) it gets over by itself; where it does not, our clients say so.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger that takes facts as keyword arguments."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return bound
