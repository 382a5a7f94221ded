"""Writes the dashboards: `make dashboards`."""

from __future__ import annotations

from deploy.grafana.files import FOLDER, files

for name, text in files().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"wrote deploy/grafana/dashboards/{name}")
