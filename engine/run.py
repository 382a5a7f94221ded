"""A run's life in one place: start, decide, evolve, and what to send next."""

from engine.commands import call_of, next_command
from engine.decide import decide, start
from engine.evolve import evolve
from engine.state import RunState, state_from_json, state_to_json

__all__ = ["RunState", "call_of", "decide", "evolve", "next_command", "start", "state_from_json", "state_to_json"]
