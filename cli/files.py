"""Definitions and calendars in files: read, checked as the engine checks them, each fault with its place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.errors import USAGE, Failure
from hub.services.checking import Document, checked, refuse_twins
from schemas.calendars import is_calendar
from schemas.documents import LIMIT, load_yaml
from schemas.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Document", "checked", "content", "read"]

_ENDINGS: Final = (".yaml", ".yml", ".json")


def read(paths: Iterable[Path], changes: dict[str, Any] | None = None) -> list[Document]:
    """Every definition in these files and folders (`-`: stdin), checked; `changes` are written over each body.

    A calendar has no state: of the changes it takes the others.

    Raises Failure where a file can't be read. A file that is no YAML is one refused document.
    """
    found: list[Document] = []
    for path in paths:
        for file in _files(path):
            found += _documents(file, changes or {})
    refuse_twins(found)
    return found


def _files(path: Path) -> list[Path]:
    if str(path) == "-":
        return [path]
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.suffix in _ENDINGS and one.is_file())
        if not files:
            raise Failure(f"{path}: there is no {' or '.join(_ENDINGS)} file in this folder", USAGE)
        return files
    if not path.exists():
        raise Failure(f"{path}: no such file", USAGE)
    return [path]


def _documents(file: Path, changes: dict[str, Any]) -> list[Document]:
    name = str(file) if str(file) != "-" else "stdin"
    try:
        bodies = load_yaml(content(file))
    except Refused as refused:
        return [Document(name, 0, faults=refused.faults)]
    return [checked(Document(name, number, _changed(body, changes))) for number, body in enumerate(bodies, start=1)]


def _changed(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    fitting = {field: value for field, value in changes.items() if field != "state" or not is_calendar(body)}
    return {**body, **fitting}


def content(file: Path) -> bytes:
    """What the file holds (`-`: stdin), as far as a definition may be long."""
    if str(file) == "-":
        return sys.stdin.buffer.read(LIMIT + 1)
    with file.open("rb") as opened:
        return opened.read(LIMIT + 1)
