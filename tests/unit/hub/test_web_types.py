"""What the web app believes of the Hub's answers: hub/web/src/api/types beside hub/documents."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Final

import pytest
from pydantic import BaseModel

from hub import documents

_TYPES: Final = Path(documents.__file__).parents[1] / "web" / "src" / "api" / "types"
_INTERFACE: Final = re.compile(r"export interface (\w+)(?:<\w+>)?(?: extends (\w+)[^{]*)? \{")
_FIELD: Final = re.compile(r"\s*(\w+)\??:")


def _body(text: str, begin: int) -> str:
    depth, at = 1, begin
    while depth:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return text[begin : at - 1]


def _interfaces() -> dict[str, set[str]]:
    """The fields of every interface, those of what it extends among them."""
    text = re.sub(r"//[^\n]*", "", "\n".join(path.read_text() for path in sorted(_TYPES.glob("*.ts"))))
    found: dict[str, set[str]] = {}
    for match in _INTERFACE.finditer(text):
        fields, depth = set(found.get(match[2] or "", ())), 0
        for line in re.split(r";|\n", _body(text, match.end())):
            if depth == 0 and (field := _FIELD.match(line)):
                fields.add(field[1])
            depth += line.count("{") - line.count("}")
        found[match[1]] = fields
    return found


def _models() -> dict[str, type[BaseModel]]:
    modules = [import_module(f"{documents.__name__}.{one.name}") for one in iter_modules(documents.__path__)]
    return {
        name: one
        for module in modules
        for name, one in vars(module).items()
        if isinstance(one, type) and issubclass(one, BaseModel) and one.__module__ == module.__name__
    }


_INTERFACES: Final = _interfaces()
_MODELS: Final = _models()


@pytest.mark.parametrize("name", sorted(_INTERFACES.keys() & _MODELS.keys()))
def test_an_answer_has_the_fields_that_the_web_app_reads_and_no_others(name: str) -> None:
    fields = {field.serialization_alias or field.alias or key for key, field in _MODELS[name].model_fields.items()}
    assert _INTERFACES[name] == fields


def test_the_web_app_s_types_are_found() -> None:
    assert {"WorkflowSummary", "Run", "Template", "Session"} <= _INTERFACES.keys()
    assert len(_INTERFACES.keys() & _MODELS.keys()) > 15
