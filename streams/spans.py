"""The spans of a worker: which hop has which parent and which links (docs/adr/0014-traces.md).

Called only where `tracing.active` is not None. A span that another hop names as its parent has an id that is made from
what both know: the run's first span from the run and the event that it goes back to, the sending of a command from the
id of the entry that will answer it. So nothing of it has to be kept with a run, however long that waits, and a hop that
is gone through again after a crash finds the same parent.
"""

from __future__ import annotations

from contextlib import nullcontext
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from runtime import tracing
from runtime.tracing import CONSUMER, PRODUCER, Context, Span, Untraced, context_of
from schemas.names import CONTROL, GUARD, SIGNALS, TIMERS, command_topic

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Mapping

    from engine.run import RunState
    from runtime.kafka import Headers
    from runtime.tracing import Value
    from schemas.events import Event
    from streams.ledger import Ledger
    from streams.signals import Seen

GROUP: Final = "onestack-worker"
"""What `streams.app` calls the workers' consumer group."""
_RUN_ID: Final = 32


def trace_of(run: str, event: Mapping[str, Any]) -> tuple[int, Context | None]:
    """The trace that a run belongs to, and the span that its event names: its own trace where it names none."""
    parent = context_of(event.get("traceparent"))
    if parent is not None:
        return parent.trace, parent
    try:
        own = int(run, 16) if len(run) == _RUN_ID else 0
    except ValueError:
        own = 0
    # A run that is named otherwise than we do: any id will do that everyone finds.
    return own or int.from_bytes(blake2b(run.encode("utf-8", "replace"), digest_size=16).digest()), None


def root_of(run: str, event: Mapping[str, Any]) -> Context:
    """The span by which this event began this run."""
    trace, _ = trace_of(run, event)
    return Context(trace, tracing.id_of(f"{run} {event.get('source')} {event.get('id')}"))


def _is_kept(trace: int, parent: Context | None) -> bool:
    return tracing.active is not None and tracing.active.sampled(trace, parent)


def _told(operation: str, topic: str, partition: int | None, offset: int | None = None) -> dict[str, Value]:
    found: dict[str, Value] = {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }
    if partition is not None:
        found["messaging.destination.partition.id"] = str(partition)
    if offset is not None and offset >= 0:
        found["messaging.kafka.offset"] = offset
    if operation == "process":
        found["messaging.consumer.group.name"] = GROUP
    return found


def _named(run: str, org: str, workflow: str) -> dict[str, Value]:
    return {"onestack.run.id": run, "onestack.org.id": org, "onestack.workflow.id": workflow}


def _processing(topic: str, context: Context, parent: Context | None, facts: dict[str, Value], **more: Any) -> Span:
    return Span(f"process {topic}", CONSUMER, context, parent, facts, **more)


# -- how a run begins ---------------------------------------------------------------------------------------------


def beginning(run: str, workflow: str, event: Event, record: Any) -> Span | Untraced:
    """The first span of a run: an event is held against a workflow. The event's own span is its parent."""
    trace, parent = trace_of(run, event.envelope)
    if not _is_kept(trace, parent):
        return Untraced()
    facts = _told("process", record.topic, record.partition, record.offset) | _named(run, event.org, workflow)
    facts |= {"onestack.event.id": event.id, "onestack.event.type": event.type}
    return _processing(record.topic, root_of(run, event.envelope), parent, facts)


def repeated(run: str, workflow: str, event: Event, record: Any) -> Span | Untraced | nullcontext[None]:
    """A run that began before is not begun again, but its first command is sent again. Also where traces are off."""
    if tracing.active is None:
        return nullcontext()
    span = beginning(run, workflow, event, record)
    if isinstance(span, Span):
        # Whoever began it has most likely told its first span.
        span.context = span.context._replace(span=tracing.new_id())
        span.attributes["onestack.redelivery"] = "known"
    return span


def running_again(run: str, workflow: str, event: Event, record: Any, earlier: str) -> Span | Untraced:
    """The first span of a run that a person asked for: linked to the run that it repeats, and to who asked."""
    span = beginning(run, workflow, event, record)
    if isinstance(span, Span):
        asked = tracing.context_in(record.headers)
        span.links = (root_of(earlier, event.envelope), *((asked,) if asked is not None else ()))
    return span


def admitted(run: str, workflow: str, event: Event, record: Any) -> Span | Untraced:
    """The guard's verdict is obeyed."""
    trace, parent = trace_of(run, event.envelope)
    if not _is_kept(trace, parent):
        return Untraced()
    facts = _told("process", record.topic, record.partition, record.offset) | _named(run, event.org, workflow)
    verdict = Context(trace, _verdict_id(run))
    return _processing(CONTROL, Context(trace, tracing.new_id()), verdict, facts)


def resuming(state: RunState, record: Any) -> Span | Untraced:
    """A person has a run go on: in the run's trace, under its first span, linked to who asked."""
    trace, parent = trace_of(state.run, state.event)
    if not _is_kept(trace, parent):
        return Untraced()
    facts = _told("process", record.topic, record.partition, record.offset)
    facts |= _named(state.run, state.org, state.chain[-1])
    asked = tracing.context_in(record.headers)
    links = (asked,) if asked is not None else ()
    root = root_of(state.run, state.event)
    return _processing(CONTROL, Context(trace, tracing.new_id()), root, facts, links=links)


def restarting(after: RunState, partition: int) -> Span | Untraced:
    """An event begins a run again, in the trace of that event; linked to what found it, in the trace of before."""
    before = tracing.CURRENT.get()
    trace, parent = trace_of(after.run, after.event)
    if not _is_kept(trace, parent):
        return Untraced()
    facts = _told("process", SIGNALS, partition) | _named(after.run, after.org, after.chain[-1])
    facts["onestack.generation"] = after.generation
    links = (before.context,) if before is not None else ()
    return _processing(SIGNALS, root_of(after.run, after.event), parent, facts, links=links)


# -- guards -------------------------------------------------------------------------------------------------------


def asking(span: Span, run: str, partition: int) -> tuple[Headers, Span]:
    """The sending of a request to a guard, from the run's first span."""
    return _sending(span, GUARD, partition, tracing.id_of(f"{run} guard"))


def deciding(run: str, key: str, event: Mapping[str, Any], partition: int, offset: int) -> Span | None:
    """A guard has decided on a request, whose record had this key: the span is over, its verdict still to be sent."""
    trace, parent = trace_of(run, event)
    if not _is_kept(trace, parent):
        return None
    org, _, workflow = key.partition("/")
    facts = _told("process", GUARD, partition, offset) | _named(run, org, workflow)
    asked = Context(trace, tracing.id_of(f"{run} guard"))
    span = _processing(GUARD, Context(trace, tracing.new_id()), asked, facts)
    span.end()
    return span


def verdict(span: Span, run: str, partition: int) -> tuple[Headers, Span]:
    """The sending of a guard's verdict."""
    return _sending(span, CONTROL, partition, _verdict_id(run))


def _verdict_id(run: str) -> int:
    return tracing.id_of(f"{run} verdict")


# -- commands -----------------------------------------------------------------------------------------------------


def performing(state: RunState, ledger: Ledger, record: Any, *, again: bool = False) -> Span | Untraced:
    """A command is performed: read from Kafka, or (without a record) handed on by the decision that it follows from.

    Of a record that was there before the partition was ours nobody knows whether it is delivered for the first time;
    `again` says that it is not, for its outcome stands in the log.
    """
    span = _of_command(state, "", ledger.partition, None if record is None else record.offset)
    if isinstance(span, Span):
        if again:
            span.attributes["onestack.redelivery"] = "known"
        elif record is not None and record.timestamp <= ledger.filled_at:
            span.attributes["onestack.redelivery"] = "possible"
    return span


def keeping(state: RunState, ledger: Ledger, record: Any, written: Future[None]) -> None:
    """A wait begins; the span ends when the broker has it. The wait itself has no span, for it may take months."""
    span = performing(state, ledger, record)
    if isinstance(span, Span):
        written.add_done_callback(span.done)


def waking(state: RunState, partition: int, seen: Seen | None = None) -> Span | Untraced:
    """A wait ends: its time has come, or it is interrupted by a signal, to which the span is linked."""
    span = _of_command(state, TIMERS, partition)
    if isinstance(span, Span) and seen is not None:
        _signalled(span, seen)
    return span


def repeating(state: RunState, ledger: Ledger, record: Any = None) -> Span | Untraced | nullcontext[None]:
    """What was done before is not done again, but what follows from it is sent again. Also where traces are off."""
    return nullcontext() if tracing.active is None else performing(state, ledger, record, again=True)


def signalled(seen: Seen) -> None:
    """Say in the span in progress, if there is one, that a signal was seen."""
    if (span := current()) is not None:
        _signalled(span, seen)


def _signalled(span: Span, seen: Seen) -> None:
    """Say that a signal was seen, and link to whoever sent it."""
    span.attributes["onestack.signal"] = seen.signal.kind
    sender = context_of(seen.traceparent)
    if sender is not None:
        span.links = (*span.links, sender)


def _of_command(state: RunState, topic: str, partition: int, offset: int | None = None) -> Span | Untraced:
    """The span of a command, on its own topic where none is given."""
    trace, parent = trace_of(state.run, state.event)
    if not _is_kept(trace, parent):
        return Untraced()
    current = state.current
    if not topic and current is not None:
        topic = command_topic("delay" if current["until"] is not None else current["action"])
    facts = _told("process", topic, partition, offset) | _named(state.run, state.org, state.chain[-1])
    if current is not None:
        facts["onestack.command.id"] = f"{state.run}:{state.generation}:{current['step']}"
        facts["onestack.step.path"] = current["step"]
        facts["onestack.attempt"] = current["attempt"]
    return _processing(topic, Context(trace, tracing.new_id()), Context(trace, _command_id(state)), facts)


def _command_id(state: RunState) -> int:
    return tracing.id_of(f"{state.run}:{state.seq} command")


# -- what a decision sends ----------------------------------------------------------------------------------------


def logging(span: Span, topic: str, partition: int) -> tuple[Headers, Span]:
    """The sending of a run-log record, from the span that decided it."""
    return _sending(span, topic, partition, None)


def commanding(span: Span, topic: str, partition: int, state: RunState) -> tuple[Headers, Span]:
    """The sending of the command that follows from this state."""
    return _sending(span, topic, partition, _command_id(state))


def _sending(span: Span, topic: str, partition: int, id: int | None) -> tuple[Headers, Span]:
    facts = _told("send", topic, partition)
    for name in ("onestack.run.id", "onestack.org.id", "onestack.workflow.id"):
        if name in span.attributes:
            facts[name] = span.attributes[name]
    sending = span.child(f"send {topic}", PRODUCER, facts, id=id)
    return [(tracing.HEADER, sending.context.header().encode())], sending


def current() -> Span | None:
    """The span that decides, whose sends are to be its children; None mostly."""
    return tracing.CURRENT.get() if tracing.active is not None else None
