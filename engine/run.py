"""A run's life in one place: how it starts, goes on, ends and is folded, and what to send next."""

from engine.begin import start, suppress
from engine.commands import call_of, next_command
from engine.decide import decide, interrupt, resume
from engine.evolve import evolve, fold
from engine.rules import RULES, Calendar, Rules
from engine.signals import Signal, signal_for
from engine.state import RunState, state_from_json, state_to_json, waits_until

__all__ = [
    "RULES",
    "Calendar",
    "Rules",
    "RunState",
    "Signal",
    "call_of",
    "decide",
    "evolve",
    "fold",
    "interrupt",
    "next_command",
    "resume",
    "signal_for",
    "start",
    "state_from_json",
    "state_to_json",
    "suppress",
    "waits_until",
]
