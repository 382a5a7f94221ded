"""The contracts for other programs: JSON Schema 2020-12 of every message, one AsyncAPI 3 document of all topics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schemas.export.asyncapi import asyncapi
from schemas.export.documents import json_schemas

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["asyncapi", "documents", "json_schemas", "write"]


def documents(partitions: int = 12) -> dict[str, dict[str, Any]]:
    """Each exported document by its path below the export folder, such as `events/alert.triggered.schema.json`."""
    return {**json_schemas(), "asyncapi.json": asyncapi(partitions)}


def write(folder: Path, partitions: int = 12) -> list[Path]:
    """Write every document below `folder`, which is made where it is missing, and return the paths. Raises OSError."""
    written = []
    for name, document in documents(partitions).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written
