"""Traces, where the standard `OTEL_*` variables ask for them; else `active` is None, and nothing is loaded.

Theory of operation. Which spans there are, and what refers to what, is docs/adr/0014-traces.md. Here is how a span is
made: `Span` notes what is told while the work is done; when it ends, `runtime.otel` makes a span of the OpenTelemetry
SDK of it and gives it to the SDK's batch processor, whose thread exports it. Nobody waits for that.

A hop that is dear only where traces are on looks like this, and costs one look-up of a name where they are off:

    if tracing.active is not None:
        ...

The span of the work in progress is `CURRENT`. A trace is whole or not there at all: whether a run is sampled follows
from its trace id and the flags of its event's `traceparent`, so every hop on every worker comes to the same answer.
"""

from __future__ import annotations

import os
import random
import time
from contextvars import ContextVar
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, Self

from schemas.names import parse_traceparent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from runtime.settings import Settings

HEADER: Final = "traceparent"
"""The header, of Kafka records as of HTTP requests, that says to which span something belongs (W3C)."""
SAMPLED: Final = 1
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(5)
"""Kinds of spans, numbered as the SDK does."""

Value = str | int | bool | float


class Context(NamedTuple):
    """A span that others refer to: the ids of its trace and its own, and the flags of its `traceparent`."""

    trace: int
    span: int
    flags: int = SAMPLED

    def header(self) -> str:
        """It as a `traceparent`."""
        return f"00-{self.trace:032x}-{self.span:016x}-{self.flags:02x}"


class Exporting(Protocol):
    """What spans end in."""

    def sampled(self, trace: int, parent: Context | None) -> bool:
        """Whether spans of this trace are kept; `parent` is where it comes from, if not from here."""

    def finish(self, span: Span, ended: int) -> None:
        """Take a span that has ended at this time (nanoseconds since the epoch)."""

    def stop(self, seconds: float) -> None:
        """Export what is left, in at most so many seconds."""


active: Exporting | None = None
"""Where spans go; None where traces are off."""
CURRENT: ContextVar[Span | None] = ContextVar("span", default=None)
"""The span of the work that is done here."""

_ids = random.Random()  # noqa: S311 - ids that have to be different, not secret


def configure(settings: Settings, process: str, environ: Mapping[str, str] = os.environ) -> None:
    """Turn traces on where the variables ask for them. Raises Refused that names the one that can't be used."""
    global active  # noqa: PLW0603 - one per process, as the SDK's own
    if not asked_for(environ):
        return
    from runtime.otel import open_export  # noqa: PLC0415 - whoever does not ask for traces does not pay for them

    active = open_export(settings, process, environ)


def asked_for(environ: Mapping[str, str]) -> bool:
    """Whether the variables ask for traces: an OTLP endpoint or exporter is named, and nothing turns them off."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter:
        return exporter != "none"
    return any(environ.get(f"OTEL_EXPORTER_OTLP_{name}", "").strip() for name in ("TRACES_ENDPOINT", "ENDPOINT"))


def stop(seconds: float = 1.5) -> None:
    """Export what is left; called when a process ends. A collector that does not answer holds it up no longer."""
    global active
    exporting, active = active, None
    if exporting is not None:
        exporting.stop(seconds)


def new_id() -> int:
    """A span's id that nobody has to know before."""
    return _ids.getrandbits(64) or 1


def id_of(name: str) -> int:
    """The span's id that everyone finds who knows what the span is of."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()) or 1


def context_of(traceparent: object) -> Context | None:
    """The span that a `traceparent` names; None where it is none."""
    found = parse_traceparent(traceparent)
    return None if found is None else Context(int(found[0], 16), int(found[1], 16), int(found[2], 16))


def context_in(headers: Any) -> Context | None:
    """The span that a Kafka record's headers name."""
    for name, value in headers or ():
        if name == HEADER and value is not None:
            return context_of(value.decode("latin-1"))
    return None


class Span:
    """Work in progress. In a `with` block it is `CURRENT`, and ends with the block; it may also be ended by hand."""

    __slots__ = ("_token", "attributes", "began", "context", "error", "kind", "links", "name", "parent", "remote")

    def __init__(
        self,
        name: str,
        kind: int,
        context: Context,
        parent: Context | None,
        attributes: dict[str, Value],
        links: tuple[Context, ...] = (),
    ) -> None:
        self.name, self.kind, self.context, self.parent = name, kind, context, parent
        self.attributes, self.links = attributes, links
        self.remote = True
        self.error: str | None = None
        self.began = time.time_ns()
        self._token: Any = None

    def fail(self, kind: str) -> None:
        """Say that the work failed; `kind` is of few words, for `error.type`."""
        self.error = self.attributes["error.type"] = kind

    def end(self) -> None:
        """The work has ended."""
        if active is not None:
            active.finish(self, time.time_ns())

    def done(self, sent: Any) -> None:
        """A future's callback: what was sent is acknowledged, or is not."""
        if sent.cancelled():
            self.fail("cancelled")
        elif (error := sent.exception()) is not None:
            self.fail(type(error).__name__)
        self.end()

    def child(self, name: str, kind: int, attributes: dict[str, Value], *, id: int | None = None) -> Span:
        """A span of work that this one caused, here."""
        child = Span(name, kind, Context(self.context.trace, id or new_id()), self.context, attributes)
        child.remote = False
        return child

    def __enter__(self) -> Self:
        self._token = CURRENT.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        CURRENT.reset(self._token)
        if kind is not None and self.error is None:
            self.fail(kind.__name__)
        self.end()


class Untraced:
    """Stands where a span would, for work that belongs to no trace, whatever it is done beside."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = CURRENT.set(None)

    def __exit__(self, *_: object) -> None:
        CURRENT.reset(self._token)
