"""Stand-ins for the One Stack modules: real servers that keep state, and publish the events that a change causes."""

from sandbox.modules.server import StandIns

__all__ = ["StandIns"]
