"""What a worker reads ahead: which topics take turns, and how much of them may wait in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schemas.names import COMMANDS, CONTROL, EVENT_TOPICS, GUARD
from streams.fair import Fair

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from streams.offsets import Progress

MOST_UNFINISHED: Final = 2_000
"""Records of a partition that may be under way, on topics that are not read ahead."""
MOST_UNCOMMITTED: Final = 50_000
"""Records of a partition that are read and can't be committed: what is read again after a crash, and looked up."""
MOST_BYTES: Final = 64 * 1024 * 1024
MOST_BYTES_OF_ALL: Final = 128 * 1024 * 1024
LEAST_BYTES: Final = 1024 * 1024
"""What may wait of a partition, and of all: of events, and as much again of commands. Where all have too much, one with
less than the least is still read, for what it brings may be another organisation's."""
MOST_IN_BATCH: Final = 200
"""Records handed over at once: about 10 ms of work, so that no partition waits long for its turn."""
_EVENTS: Final = frozenset(EVENT_TOPICS.values())
_VERDICTS: Final = frozenset({CONTROL, GUARD})


def is_event(tp: Any) -> bool:
    """Whether what such a partition brings may start runs: the rest is about runs that are under way."""
    return tp.topic in _EVENTS


def is_command(tp: Any) -> bool:
    """Whether a partition is of a command topic."""
    return str(tp.topic).startswith(COMMANDS)


class Ahead:
    """The events that wait for their turn, and the commands that do."""

    def __init__(self) -> None:
        self.events, self.commands = Fair(MOST_IN_BATCH), Fair(MOST_IN_BATCH)

    @property
    def waiting(self) -> bool:
        """Whether anything waits."""
        return bool(self.events.waiting or self.commands.waiting)

    def of(self, tp: Any) -> Fair | None:
        """Where a partition's records take turns; None where there is no need."""
        if is_event(tp):
            return self.events
        return self.commands if is_command(tp) or tp.topic in _VERDICTS else None

    def clear(self) -> None:
        """Forget all that waits."""
        self.events.clear()
        self.commands.clear()

    def drop(self, partitions: Collection[int]) -> None:
        """Forget all of these partitions."""
        self.events.drop(partitions)
        self.commands.drop(partitions)

    def full(self, progress: Mapping[Any, Progress]) -> set[Any]:
        """The partitions that are not to be polled now."""
        full = set()
        some = self.events.bytes or self.commands.bytes
        for tp, one in progress.items():
            if some or one.records >= MOST_UNFINISHED:
                fair = self.of(tp)
                if one.records >= MOST_UNFINISHED if fair is None else _is_full(fair, tp, one.records):
                    full.add(tp)
        return full


def _is_full(fair: Fair, tp: Any, records: int) -> bool:
    waits = fair.bytes_of(tp)
    return (
        records >= MOST_UNCOMMITTED
        or waits >= MOST_BYTES
        or (fair.bytes >= MOST_BYTES_OF_ALL and waits >= LEAST_BYTES)
    )  # fmt: skip
