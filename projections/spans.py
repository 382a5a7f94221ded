"""The span of a batch that the projector writes: a trace of its own, linked to the sending of what is in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from runtime.tracing import CONSUMER, SAMPLED, Context, Span, Untraced, context_in, new_id
from schemas.names import PROJECTOR_GROUP, RUNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.tracing import Value

_MOST_LINKS: Final = 128
"""The SDK's default, where OTEL_SPAN_LINK_COUNT_LIMIT says nothing else."""


def projecting(records: Sequence[Any]) -> Span | Untraced:
    """The span of a batch, where a record of a trace that is kept is in it.

    It is kept whatever the sampler would say of a new trace, for its links are the last hop of traces that are.
    """
    most, linked = _most_links(), 0
    links: list[Context] = []
    for record in records:
        if record.headers and (sender := context_in(record.headers)) is not None and sender.flags & SAMPLED:
            linked += 1
            if len(links) < most:
                links.append(sender)
    if not linked:
        return Untraced()
    facts: dict[str, Value] = {
        "messaging.system": "kafka",
        "messaging.destination.name": RUNS,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": PROJECTOR_GROUP,
        "messaging.batch.message_count": len(records),
        "onestack.records.traced": linked,
    }
    return Span(f"process {RUNS}", CONSUMER, Context(new_id() << 64 | new_id(), new_id()), None, facts, tuple(links))


def _most_links() -> int:
    given = os.environ.get("OTEL_SPAN_LINK_COUNT_LIMIT", "")
    return int(given) if given.isdigit() else _MOST_LINKS
