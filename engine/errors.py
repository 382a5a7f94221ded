"""What can go wrong while a run is computed; refusals of documents are `schemas.errors.Refused`."""

from __future__ import annotations


class RenderError(Exception):
    """A template can't be rendered with this event: too long, too much work, or a filter that does not fit."""


class ParametersError(Exception):
    """A step's parameters can't be sent: the message names the parameter and says why."""


class FoldError(Exception):
    """A run-log entry that does not follow from the state that it is folded into."""


class NeverOpenError(ValueError):
    """A business calendar has no such moment within ten years: the message names it."""
