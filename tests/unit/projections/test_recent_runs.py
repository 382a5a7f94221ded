"""The projector's memory of runs: the last that were touched, and never more than it may have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from projections.projection import Recent


def test_the_longest_untouched_is_dropped_first() -> None:
    recent = Recent[int](2)
    for number in range(3):
        recent.keep(f"r{number}", number)
    recent.keep("r0", 10)
    recent.trim()
    assert dict(recent) == {"r2": 2, "r0": 10}


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans())), st.integers(1, 5))
def test_it_is_what_a_list_of_the_last_touched_would_be(steps: list[tuple[int, bool]], most: int) -> None:
    recent, last = Recent[int](most), list[str]()
    for number, keeps in steps:
        name = f"r{number}"
        if name in last:
            last.remove(name)
        if keeps:
            recent.keep(name, number)
            last.append(name)
        else:
            recent.pop(name, None)
        recent.trim()
        last = last[-most:]
        assert list(recent) == last
