"""Whether a log is the one whose offsets are stored: what is remembered of it, on logs that are written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pytest
from aiokafka import TopicPartition

from projections.logs import Marks, start_anew
from projections.store import Partition, Store
from runtime.postgres import Connection
from schemas.names import RUNS
from tests.integration.projections.test_projection import Record

AT = TopicPartition(RUNS, 0)


class Log:
    """A consumer of a log that has these records, the first of which has the offset `begin`."""

    def __init__(self, values: Iterable[bytes], begin: int = 0) -> None:
        self.records = [Record(RUNS, 0, begin + n, b"k", value) for n, value in enumerate(values)]
        self.begin = begin
        self._position = 0

    async def beginning_offsets(self, _partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {AT: self.begin}

    async def end_offsets(self, _partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {AT: self.begin + len(self.records)}

    def seek(self, _at: TopicPartition, offset: int) -> None:
        self._position = offset

    async def getmany(self, *_partitions: TopicPartition, timeout_ms: int) -> Mapping[TopicPartition, list[Record]]:
        assert timeout_ms
        found = [one for one in self.records if one.offset >= self._position]
        return {AT: found} if found else {}


OURS = [b"a", b"b", b"c", b"d"]


@pytest.mark.parametrize(
    ("log", "begins_at", "lost"),
    [
        (Log(OURS), 4, False),
        (Log([*OURS, b"e"]), 4, False),
        (Log([b"d", b"e"], begin=3), 4, False),  # retention took the marked record
        (Log(OURS[:3]), 3, False),  # truncated behind the marked record: all before was read
        (Log([b"w", b"x", b"y", b"z", b"z"]), 0, True),
        (Log([b"w"]), 0, True),
        (Log([]), 0, True),
    ],
    ids=["same", "longer", "retention", "truncated", "other, longer", "other, shorter", "empty"],
)
async def test_a_log_is_known_by_a_record(log: Log, begins_at: int, lost: bool, connection: Connection) -> None:
    store = Store(connection)
    await store.positions([Partition(*AT)])
    await connection.execute("update history_data.offsets set next = 4")
    marks = Marks(connection)
    await marks.set(Log(OURS[:2]).records)
    # The next mark is due in a while only.
    await marks.set(Log(OURS).records)
    moved = await start_anew(connection, log, [AT])
    assert bool(moved) is lost
    assert (await store.positions([Partition(*AT)]))[Partition(*AT)] == begins_at
    assert await connection.fetchval("select count(*) from history_data.lost_logs") == int(lost)
    assert await start_anew(connection, log, [AT]) == {}
