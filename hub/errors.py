"""What can go wrong in the Hub before an answer is there."""

from __future__ import annotations


class HubError(Exception):
    """The root of this package's errors."""


class NotConfigured(HubError):  # noqa: N818 - it says what is so
    """The Hub must not start with these settings; the text says which, and what to do."""
