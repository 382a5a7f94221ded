"""One definition out of files, compiled: what simulate and backtest work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.errors import USAGE, Failure
from cli.files import content, read
from cli.output import complain
from schemas.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cli.files import Document
    from engine.calendars import Calendar
    from engine.workflow import Workflow


def one_workflow(file: Path, wanted: str | None, org: str | None, *, quiet: bool = False) -> Workflow:
    """The workflow in this file; of several the one with the id `wanted`. Warnings go to stderr, unless `quiet`.

    Raises Failure, or Refused with what is wrong in it.
    """
    from engine.workflow import compile_workflow

    documents = [one for one in read([file], {"org": org} if org else {}) if one.kind == "workflow"]
    document = _chosen(documents, wanted, file)
    for line in document.lines():
        if document.faults or not quiet:
            complain(line)
    if document.definition is None:
        raise Failure(f"{document.name} was refused.")
    return compile_workflow(document.definition)


def _chosen(documents: Sequence[Document], wanted: str | None, file: Path) -> Document:
    found = [one for one in documents if wanted is None or one.body.get("id") == wanted or one.name == wanted]
    if len(found) == 1:
        return found[0]
    ids = ", ".join(str(one.body.get("id", "?")) for one in documents)
    if found:
        raise Failure(f"{file} holds {len(documents)} definitions: choose one with --id, of {ids}.", USAGE)
    raise Failure(f"{file} holds no definition with the id {wanted!r}, but {ids}.", USAGE)


def calendars_in(files: Sequence[Path]) -> dict[tuple[str, str], Calendar]:
    """The business calendars in these files, by organisation and id. Raises Failure or Refused."""
    from engine.calendars import Calendar
    from schemas.calendars import parse_calendar
    from schemas.documents import load_yaml

    found = {}
    for file in files:
        if not file.exists():
            raise Failure(f"{file}: no such file", USAGE)
        try:
            for body in load_yaml(content(file)):
                calendar = Calendar(parse_calendar(body))
                found[calendar.org, calendar.id] = calendar
        except Refused as refused:
            raise Failure(f"{file}: {refused}") from None
    return found
