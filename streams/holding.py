"""Partitions that this worker refuses to go on with, for a record there is newer than it can read.

To pass such a record over would lose it, and to read it as if it were older might misread it. So everything about the
partition's entities waits, as while nobody has the partition: nothing more of it is read, begun or committed, until it
is given out anew, which the start of a newer worker brings about. The other partitions go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runtime.health import Part, ready
from runtime.logging import logger
from schemas.formats import READS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Held(NamedTuple):
    """Where the record is that can't be read, and the version that it is in."""

    topic: str
    partition: int
    offset: int
    version: int


class Holding:
    """The partitions that are held, by their number."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}
        self._log = logger("formats")

    def __bool__(self) -> bool:
        return bool(self._held)

    def __contains__(self, partition: object) -> bool:
        return partition in self._held

    def __iter__(self) -> Iterator[int]:
        return iter(self._held)

    def hold(self, held: Held) -> bool:
        """Hold a partition; false where it is held already."""
        if held.partition in self._held:
            return False
        self._held[held.partition] = held
        self._log.error(
            "a partition is held: a record there is newer than this version can read; run a newer worker",
            topic=held.topic, partition=held.partition, offset=held.offset, format=held.version, reads=READS,
        )  # fmt: skip
        return True

    def release(self, partitions: Iterable[int]) -> None:
        """These were given out anew: what they hold is looked at again."""
        for partition in partitions:
            self._held.pop(partition, None)

    def part(self) -> Part:
        """How it is, for `/readyz`."""
        if not self._held:
            return ready(f"All records are in a format that this version reads, which is up to {READS}.")
        first = next(iter(self._held.values()))
        numbers = ", ".join(map(str, sorted(self._held)))
        detail = (
            f"Held: partition {numbers}. The record at {first.topic}/{first.partition}/{first.offset} is in format "
            f"{first.version}, and this version reads up to {READS}. Nothing there is lost, and nothing goes on."
        )
        return Part(
            "refused", detail, "Run workers of the version that wrote it; see docs/adr/0017-format-versions.md."
        )
