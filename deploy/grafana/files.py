"""The dashboards as the files that Grafana reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from deploy.grafana.actions import ACTIONS
from deploy.grafana.history import HISTORY
from deploy.grafana.overview import OVERVIEW
from deploy.grafana.workers import WORKERS

FOLDER: Final = Path(__file__).with_name("dashboards")
DASHBOARDS: Final = (OVERVIEW, WORKERS, ACTIONS, HISTORY)


def files() -> dict[str, str]:
    """Each file's text by its name."""
    return {
        f"{dashboard.uid.removeprefix('onestack-')}.json": json.dumps(dashboard.as_json(), indent=2) + "\n"
        for dashboard in DASHBOARDS
    }
