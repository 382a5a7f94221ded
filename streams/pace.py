"""What to poll next, and when: runs under way come before new ones, and many records before few.

A worker that took a backlog of events as fast as it can would start all their runs before it finishes the first: every
run would be slow, and its history would be written in many small pieces. So while plenty of commands arrive, events get
every fourth turn, and not many at once. Where commands are few (the worker is idle, or its calls are slow) everything
is polled alike: a slow action must not keep new runs from starting.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

MANY: Final = 50
"""Records in one poll from which on the worker counts as busy."""
GATHER_SECONDS: Final = 0.005
"""How long a busy worker lets records gather before it polls again: a fetch, a produce request and their round trips
are then paid for many records instead of few. An idle worker never waits."""
MOST_AT_ONCE: Final = 1_000
"""Records of one poll."""
MOST_COMMANDS: Final = 300
"""Commands that are handed over behind one poll: about 0.1 s of work, for which what the next one brings may wait."""
MOST_NEW: Final = 200
"""Events that are handed over in their turn: the runs that start before those under way have theirs again."""
MOST_STARTING: Final = 400
"""Events that are handed over and not done. Their runs are started as fast as the broker takes them, not faster."""
READ_AHEAD: Final = 4_000
"""Records of one poll where some wait for their turn already: what comes from others has to be seen to get one."""
_TURNS: Final = 4


class Turn(Enum):
    """What a poll is for."""

    ALL = "all"
    COMMANDS = "commands"
    EVENTS = "events"


class Pace:
    """Decides turn by turn, from what the last polls brought."""

    __slots__ = ("_busy", "_turn")

    def __init__(self) -> None:
        self._busy = False
        self._turn = 0

    @property
    def busy(self) -> bool:
        """Whether runs under way come before new ones now."""
        return self._busy

    def next(self) -> Turn:
        """What to poll now."""
        if not self._busy:
            return Turn.ALL
        self._turn = (self._turn + 1) % _TURNS
        return Turn.COMMANDS if self._turn else Turn.EVENTS

    def saw(self, turn: Turn, commands: int) -> float:
        """Take note of how many commands a poll brought; the seconds to wait before the next."""
        if turn is Turn.EVENTS:
            return 0.0
        self._busy = commands >= MANY
        return GATHER_SECONDS if self._busy else 0.0
