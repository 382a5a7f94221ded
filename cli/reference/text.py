"""Markdown, and the types of JSON Schema in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WORDS = {"string": "text", "boolean": "true or false", "array": "list", "null": "null"}


def page(title: str, *parts: str) -> str:
    """A whole page, with the note that it is generated."""
    note = "<!-- Written by `make docs` from the code: change it there. -->"
    return "\n\n".join([f"# {title}", note, *(part.strip() for part in parts if part.strip())]) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; bars in cells are escaped."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def code(text: object) -> str:
    """Inline code, or nothing."""
    return f"`{text}`" if text not in {None, ""} else ""


def kind(schema: dict[str, Any]) -> str:
    """What values a schema takes, in words: `text`, `one of critical, high …`, `list of text`."""
    if "enum" in schema:
        return "one of " + ", ".join(f"`{one}`" for one in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "$ref" in schema:
        return f"[{(name := schema['$ref'].rpartition('/')[2])}](#{name.lower()})"
    if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        told = dict.fromkeys(kind(one) for one in choices)
        return " or ".join(one for one in told if one not in {"null", "object"}) or "object"
    given = schema.get("type")
    if given == "array":
        inside = kind(schema.get("items", {}))
        return "list" if inside == "any" else f"list of {inside}"
    if isinstance(given, list):
        return " or ".join(_WORDS.get(str(one), str(one)) for one in given)
    if schema.get("format") == "date-time":
        return "time"
    return _WORDS.get(str(given), str(given)) if given else "any"


def fields(schema: dict[str, Any]) -> str:
    """A table of an object's fields; the required ones are bold."""
    required = set(schema.get("required", ()))
    rows = []
    for name, one in schema.get("properties", {}).items():
        default = one.get("default")
        shown = code(json.dumps(default, ensure_ascii=False)) if default not in (None, [], {}) else ""
        rows.append(
            (f"**{code(name)}**" if name in required else code(name), kind(one), shown, one.get("description", ""))
        )
    columns = ("field", "value", "default", "")
    keep = [n for n in range(4) if n < 2 or any(row[n] for row in rows)]
    return table([columns[n] for n in keep], [[row[n] for n in keep] for row in rows])
