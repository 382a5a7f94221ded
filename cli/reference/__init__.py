"""The generated pages of `docs/reference`: written by `make docs`, and a test says whether they are current."""

from __future__ import annotations

from pathlib import Path

from cli.reference.api import api
from cli.reference.commands import commands
from cli.reference.definitions import definitions
from cli.reference.events import events
from cli.reference.metrics import metrics_page
from cli.reference.settings import configuration
from cli.reference.topics import topics

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


def pages() -> dict[str, str]:
    """Each generated page's text by its file name."""
    return {
        "api.md": api(),
        "cli.md": commands(),
        "configuration.md": configuration(),
        "definitions.md": definitions(),
        "events.md": events(),
        "metrics.md": metrics_page(),
        "topics.md": topics(),
    }
