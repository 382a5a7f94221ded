"""Whether an image is named so that tomorrow's pull gives the same."""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(r"(?P<name>[^@:]+(?::\d+/[^@:]+)?)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?")
_MOVING: Final = frozenset({"latest", "main", "master", "edge", "nightly", "stable"})


def fault(image: str) -> str | None:
    """Why this image is not pinned; None where it is."""
    found = _NAME.fullmatch(image)
    if found is None:
        return f"image {image!r} is no image's name"
    if found["digest"]:
        return None
    tag = found["tag"]
    if not tag or tag in _MOVING:
        return f"image {image} has no tag that stays: name a version"
    if not re.search(r"\d", tag):
        return f"image {image} names no version"
    return None
