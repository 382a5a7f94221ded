"""One JSON Schema document for each message and each action's parameters, every one complete in itself."""

from __future__ import annotations

from typing import Any, Final

from schemas.actions import PARAMETERS
from schemas.entries import DATA
from schemas.export.messages import Message, entry, messages
from schemas.export.models import definitions_of, used_by
from schemas.replays import REPLAY_DATA

Schema = dict[str, Any]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PREFIX: Final = "#/$defs/"


def json_schemas() -> dict[str, Schema]:
    """Each schema by its path, such as `definition.schema.json` or `events/alert.triggered.schema.json`."""
    names, schemas = definitions_of(_PREFIX)
    found = {_path(message): message.schema for message in messages(names, _PREFIX)}
    for action, model in PARAMETERS.items():
        found[f"actions/{action}.schema.json"] = schemas[names[model]]
    for kind, data in {**DATA, **REPLAY_DATA}.items():
        summary = (data.__doc__ or "").strip().splitlines()[0]
        found[f"entries/{kind}.schema.json"] = entry(kind, {"$ref": _PREFIX + names[data]}, summary)
    return {path: _whole(path, schema, schemas) for path, schema in sorted(found.items())}


def _path(message: Message) -> str:
    folder, _, name = message.name.partition(".")
    if folder == "command":
        return f"commands/{name}.schema.json"
    return f"events/{message.name}.schema.json" if name else f"{message.name}.schema.json"


def _whole(path: str, schema: Schema, schemas: dict[str, Schema]) -> Schema:
    urn = "urn:onestack:" + path.removesuffix(".schema.json").replace("/", ":")
    whole = {"$schema": _DIALECT, "$id": urn, **schema}
    return {**whole, "$defs": inside} if (inside := used_by(schema, schemas, _PREFIX)) else whole
