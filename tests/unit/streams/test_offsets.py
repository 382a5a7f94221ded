from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.offsets import Progress


def test_nothing_is_committable_before_anything_is_done() -> None:
    progress = Progress()
    assert progress.committable() is None
    progress.deliver(0, 10, 10)
    assert progress.committable() is None
    assert (progress.records, progress.waiting) == (10, 1)


def test_a_batch_that_is_done_waits_for_those_before_it() -> None:
    progress = Progress()
    first, second = progress.deliver(0, 10, 10), progress.deliver(10, 15, 5)
    second.finish(5)
    assert progress.committable() is None
    first.finish(9)
    assert progress.committable() is None
    first.finish(1)
    assert progress.committable() == 15
    assert (progress.records, progress.waiting) == (0, 0)


def test_what_is_committed_is_not_committed_again() -> None:
    progress = Progress()
    progress.deliver(0, 10, 10).finish(10)
    assert progress.committable() == 10
    # A commit that failed is tried again with the next one.
    assert progress.committable() == 10
    progress.committed = 10
    assert progress.committable() is None


def test_offsets_without_a_record_are_no_gap() -> None:
    progress = Progress()
    progress.deliver(5, 8, 1).finish(1)
    progress.deliver(40, 41, 1).finish(1)
    assert progress.committable() == 41


BATCHES = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 3)), min_size=1, max_size=30)


@given(batches=BATCHES, data=st.data())
def test_in_whatever_order_batches_end_none_that_is_unfinished_is_passed(
    batches: list[tuple[int, int]], data: st.DataObject
) -> None:
    progress, delivered, at = Progress(), [], 0
    for records, hole in batches:
        delivered.append(progress.deliver(at, at + records, records))
        at += records + hole
    for index in data.draw(st.permutations(range(len(batches)))):
        delivered[index].finish(batches[index][0])
        offset = progress.committable()
        unfinished = [batch.first for batch in delivered if not batch.done]
        if offset is not None:
            assert all(offset <= first for first in unfinished)
            progress.committed = offset
        # Nothing that could be committed is left lying.
        reached = [batch.after for batch in delivered if batch.done and all(batch.after <= one for one in unfinished)]
        assert progress.committed == max(reached, default=-1)
        assert progress.waiting == sum(batch.after > progress.committed for batch in delivered)
    assert progress.committed == delivered[-1].after
    assert progress.records == 0
