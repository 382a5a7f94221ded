"""What is to be said of definitions together, printed: the loops that they can form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.output import complain
from hub.services.reviewing import review

if TYPE_CHECKING:
    from engine.cycles import Loops

__all__ = ["review", "tell"]


def tell(loops: Loops) -> int:
    """Print each loop as a warning; how many there are."""
    for cycle in loops.cycles:
        complain(f"{cycle.org}: warning: {cycle.words}")
    if not loops.complete:
        complain(f"warning: there are more loops than these {len(loops.cycles)}, or too many ways to look at all.")
    return len(loops.cycles)
