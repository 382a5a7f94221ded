"""What can go wrong with a measurement."""

from __future__ import annotations


class BenchError(Exception):
    """No figure can be given; the message is a sentence that says why."""
