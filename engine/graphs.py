"""Cycles of a directed graph, whose nodes are 0 … n-1 and whose edges are a list of successors for each."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


class Budget:
    """How much work a search may do; `spent` says that it was stopped for it."""

    __slots__ = ("_left", "spent")

    def __init__(self, steps: int) -> None:
        self._left = steps
        self.spent = False

    def take(self, steps: int = 1) -> bool:
        """Whether there was so much left."""
        self._left -= steps
        self.spent = self.spent or self._left < 0
        return not self.spent


def components(edges: Sequence[Sequence[int]]) -> list[int]:
    """The strongly connected component of each node, by a number (Tarjan's algorithm, without recursion)."""
    found = [-1] * len(edges)
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    open_: list[int] = []
    count = 0
    for root in range(len(edges)):
        if root in order:
            continue
        work = [(root, iter(edges[root]))]
        order[root] = low[root] = len(order)
        open_.append(root)
        while work:
            node, ahead = work[-1]
            for other in ahead:
                if other not in order:
                    order[other] = low[other] = len(order)
                    open_.append(other)
                    work.append((other, iter(edges[other])))
                    break
                if found[other] < 0:
                    low[node] = min(low[node], order[other])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    low[above] = min(low[above], low[node])
                if low[node] == order[node]:
                    while found[node] < 0:
                        found[open_.pop()] = count
                    count += 1
    return found


def elementary_cycles(
    edges: Sequence[Sequence[int]], starts: Collection[int], budget: Budget
) -> Iterator[tuple[int, ...]]:
    """Each cycle through one of `starts` once, as its nodes in order, the shortest cycles first.

    A node stands at most once in a cycle; a node with an edge to itself is a cycle of one. Ends early where the budget
    is spent.
    """
    part = components(edges)
    inside = [[other for other in ahead if part[other] == part[node]] for node, ahead in enumerate(edges)]
    behind: list[list[int]] = [[] for _ in edges]
    for node, ahead in enumerate(inside):
        for other in ahead:
            behind[other].append(node)
    # Each cycle is found from the first of its starts: the starts before are closed to it.
    ways: list[tuple[int, dict[int, int]]] = []
    closed: set[int] = set()
    for start in sorted(starts):
        home = _distances(behind, start, closed, budget)
        if any(other in home for other in inside[start]):
            ways.append((start, home))
        closed.add(start)
    for length in range(1, 1 + max((len(home) for _, home in ways), default=0)):
        for start, home in ways:
            if length <= len(home):
                yield from _cycles(inside, start, home, length, budget)
            if budget.spent:
                return


def _distances(behind: Sequence[Sequence[int]], start: int, closed: set[int], budget: Budget) -> dict[int, int]:
    """How far it is to the start from each node that leads there."""
    found = {start: 0}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        if not budget.take(1 + len(behind[node])):
            break
        for other in behind[node]:
            if other not in found and other not in closed:
                found[other] = found[node] + 1
                waiting.append(other)
    return found


def _cycles(
    edges: Sequence[Sequence[int]], start: int, home: dict[int, int], length: int, budget: Budget
) -> Iterator[tuple[int, ...]]:
    path, taken = [start], {start}
    work = [iter(edges[start])]
    while work:
        for other in work[-1]:
            if not budget.take():
                return
            if other == start and len(path) == length:
                yield tuple(path)
            elif other not in taken and len(path) + home.get(other, length) <= length:
                path.append(other)
                taken.add(other)
                work.append(iter(edges[other]))
                break
        else:
            work.pop()
            taken.discard(path.pop())
