"""Bodies that come in more than one form: read within bounds, and described for OpenAPI."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request
from pydantic import BaseModel

from hub.problems import Problem

YAML_TYPES: Final = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
JSON_TYPE: Final = "application/json"


def media_type(request: Request) -> str:
    """The body's media type; JSON where nothing is said. Raises Problem 415 where it is neither JSON nor YAML."""
    given = request.headers.get("content-type", JSON_TYPE).partition(";")[0].strip().lower()
    if given in YAML_TYPES:
        return given
    if given == JSON_TYPE or (given.startswith("application/") and given.endswith("+json")):
        return JSON_TYPE
    raise Problem(415, f"Here {JSON_TYPE} and {YAML_TYPES[0]} are read, not {given[:60]!r}.")


async def bounded(request: Request, most: int) -> bytes:
    """The body. Raises Problem 413 where it is longer, and 415 where it is of a type that is not read."""
    media_type(request)
    raw = await request.body()
    if len(raw) > most:
        raise Problem(413, f"The body has {len(raw):,} bytes; at most {most:,} are read here.")
    return raw


def takes(json: type[BaseModel] | dict[str, Any], yaml: dict[str, Any]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its body itself: JSON of this model, or YAML of this schema."""
    schema = json if isinstance(json, dict) else json.model_json_schema()
    content = {JSON_TYPE: {"schema": schema}, YAML_TYPES[0]: {"schema": yaml}}
    return {"requestBody": {"required": True, "content": content}}
