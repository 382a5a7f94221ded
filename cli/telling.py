"""The commands that give the engine something: definitions, events; and the contracts as files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.errors import USAGE, Failure
from cli.output import Json, complain, show_json

if TYPE_CHECKING:
    from cli.files import Document
    from engine.cycles import Cycle
    from engine.registry import Registry

_FILES: Any = typer.Argument(
    metavar="FILE…", help="YAML or JSON, several documents in a file too; a folder; '-' is stdin."
)
Files = Annotated[list[Path], _FILES]
State = Annotated[str | None, typer.Option(help="Publish in this state: draft, shadow, enabled or disabled.")]
Enable = Annotated[bool | None, typer.Option("--enable/--disable", help="The same as --state enabled or disabled.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse what there are warnings about, too.")]
Published = Annotated[
    bool, typer.Option("--with-published", help="Look for loops and calendars among what Kafka has in force, too.")
]
Delete = Annotated[
    str | None, typer.Option(metavar="ID", help="Delete what is in force under this id (or calendar/ID), of --org.")
]


def validate(files: Files, strict: Strict = False, with_published: Published = False, json: Json = False) -> None:
    """Check definitions in files.

    Faults and warnings go to stderr as 'file: document n: field: reason'. The loops that the workflows can form are
    warnings; a draft counts as if it were enabled. Warnings alone keep exit code 0, unless --strict.
    """
    from cli.files import read
    from cli.publishing import published
    from cli.review import review, tell

    documents = read(files)
    loops = review(documents, asyncio.run(published()) if with_published else None, as_enabled=True)
    refused = _complain(documents)
    warned = _warned(documents) + tell(loops)
    valid = not refused and not (strict and warned)
    if json:
        told = [one.as_json() for one in documents]
        show_json({"valid": valid, "definitions": told, "loops": [cycle.as_json() for cycle in loops.cycles]})
    if refused:
        raise Failure(f"{refused} of {_count(documents)} refused.")
    if not valid:
        raise Failure(f"{_warnings(warned)}, and --strict takes none.")
    if not json:
        more = f", with {_warnings(warned)}" if warned else ""
        print(f"{_count(documents)} valid{more}.")


def publish(
    files: Annotated[list[Path] | None, _FILES] = None,
    org: Annotated[str | None, typer.Option(help="Publish for this organisation, whatever the files say.")] = None,
    state: State = None,
    enable: Enable = None,
    delete: Delete = None,
    strict: Strict = False,
    from_history: Annotated[
        bool, typer.Option("--from-history", help="Those that the history knows, where the topic was lost.")
    ] = False,
    json: Json = False,
) -> None:
    """Check definitions and business calendars and put them in force, or delete one.

    Sends them to the definitions topic and waits until Kafka has them.
    Nothing is sent unless all are valid. A definition replaces one of a lower version only. A loop that they can form
    with what is in force is a warning.
    """
    from cli.files import read

    if enable is not None and state is not None:
        raise Failure("Give either --state or --enable/--disable.", USAGE)
    wanted = state if enable is None else "enabled" if enable else "disabled"
    if delete is not None:
        _delete(delete, org, alone=not files and wanted is None, json=json)
        return
    if from_history:
        if files or wanted is not None:
            raise Failure("--from-history publishes what was in force, as it was; only --org goes with it.", USAGE)
        from cli.from_history import documents_of

        put_in_force(documents_of(org), json=json, strict=strict)
        return
    if not files:
        raise Failure("Name a FILE with definitions, or --delete one by its id.", USAGE)
    changes = {name: value for name, value in (("org", org), ("state", wanted)) if value is not None}
    put_in_force(read(files, changes), json=json, strict=strict)


def put_in_force(documents: list[Document], *, json: bool, strict: bool = False) -> None:
    """Publish documents, or none where one of them is refused, and say what became of each. Raises Failure.

    Warnings are told; where `strict`, they are refusals.
    """
    from cli.publishing import publish as send
    from cli.review import review, tell

    if any(one.faults for one in documents):
        refused = _complain(documents)
        raise Failure(f"{refused} of {_count(documents)} refused; nothing was published.")
    loops: list[Cycle] = []

    def look(will_be_in_force: Registry) -> None:
        found = review(documents, will_be_in_force, as_enabled=False)
        _complain(documents)
        loops.extend(found.cycles)
        warned = _warned(documents) + tell(found)
        if strict and warned:
            raise Failure(f"{_warnings(warned)}, and --strict takes none; nothing was published.")

    sent = asyncio.run(send(documents, look))
    if json:
        for told, one in zip(sent, documents, strict=True):
            told["warnings"] = [fault._asdict() for fault in one.warnings]
            told["loops"] = [
                cycle.as_json() for cycle in loops if one.name in {f"{cycle.org}/{id}" for id in cycle.ids}
            ]
        show_json(sent)
        return
    for told in sent:
        print(f"published {_name(told)}" if told["published"] else f"in force already: {_name(told)}")


def _name(told: dict[str, Any]) -> str:
    kind = "calendar " if told["kind"] == "calendar" else ""
    state = f" ({told['state']})" if "state" in told else ""
    return f"{kind}{told['org']}/{told['id']} version {told['version']}{state}"


def _delete(workflow_id: str, org: str | None, *, alone: bool, json: bool) -> None:
    from cli.publishing import delete

    if not alone:
        raise Failure("--delete takes an id and --org: leave files and states away.", USAGE)
    if not org:
        raise Failure("A definition belongs to an organisation: name it with --org.", USAGE)
    gone = asyncio.run(delete(org, workflow_id))
    if json:
        show_json([gone])
        return
    state = f" ({gone['state']})" if "state" in gone else ""
    print(f"deleted {org}/{workflow_id} version {gone['version']}{state}: Kafka has acknowledged it")


def _complain(documents: list[Document]) -> int:
    """Print faults and warnings; the number of refused documents."""
    for one in documents:
        for line in one.lines():
            complain(line)
    return sum(1 for one in documents if one.faults)


def _warned(documents: list[Document]) -> int:
    return sum(len(one.warnings) for one in documents)


def _warnings(count: int) -> str:
    return f"{count} warning{'s' if count > 1 else ''}"


def _count(documents: list[Document]) -> str:
    return "1 definition" if len(documents) == 1 else f"{len(documents)} definitions"


def emit(
    kind: Annotated[str | None, typer.Argument(metavar="TYPE", help="The event type, such as alert.triggered.")] = None,
    org: Annotated[str | None, typer.Option(help="The organisation.")] = None,
    subject: Annotated[str | None, typer.Option(help="The entity, such as alert/a-1 [from the data, or new].")] = None,
    data: Annotated[str | None, typer.Option(help="JSON, or @FILE: an object for each entity by its name.")] = None,
    id: Annotated[str | None, typer.Option(help="The event's id [new]; the same id starts nothing twice.")] = None,
    source: Annotated[
        str | None, typer.Option(help="The sending module, such as /rmm [the usual one of the type].")
    ] = None,
    time: Annotated[str | None, typer.Option(help="When it happened [now], such as 2026-11-23T08:00:00Z.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="CloudEvents as JSON: one, an array, or one a line; '-' is stdin.")
    ] = None,
    json: Json = False,
) -> None:
    """Send an event as a module would.

    Ends when Kafka has it. For example:

    onestack emit alert.triggered --org acme --data '{"alert": {"id": "a-1", "severity": "critical"}}'
    """
    from cli.publishing import emit as send
    from cli.publishing import events_in, new_event

    if (kind is None) == (file is None):
        raise Failure("Name either an event type or a --file with CloudEvents.", USAGE)
    given = {"subject": subject, "id": id, "source": source, "time": time}
    if file is not None and any((org, data, *given.values())):
        raise Failure("A --file holds whole events: leave the other options away.", USAGE)
    events = events_in(file) if file is not None else [new_event(kind or "", org, data, given)]
    sent: list[dict[str, Any]] = asyncio.run(send(events))
    if json:
        show_json(sent if file is not None else sent[0])
        return
    for one in sent:
        print(f"sent {one['type']} {one['id']} about {one['org']}/{one['subject']} to {one['topic']}")


def schemas(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to write them; made where it is missing.")
    ] = Path("onestack-schemas"),
    json: Json = False,
) -> None:
    """Write the contracts as JSON Schema and AsyncAPI.

    One schema for each message and each action, and one AsyncAPI 3 document of all topics.
    """
    from runtime.settings import load
    from schemas.export import write

    written = write(folder, load().partitions)
    if json:
        show_json([str(path) for path in written])
        return
    print(f"wrote {len(written)} documents to {folder}")
