"""The examples in the OpenAPI document are such as the API takes and gives."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from pydantic import BaseModel

from hub import documents


def _examples() -> list[tuple[type[BaseModel], Any]]:
    found = []
    for one in iter_modules(documents.__path__):
        module = import_module(f"{documents.__name__}.{one.name}")
        for model in vars(module).values():
            if isinstance(model, type) and issubclass(model, BaseModel) and model.__module__ == module.__name__:
                extra: Any = model.model_config.get("json_schema_extra") or {}
                found += [(model, example) for example in extra.get("examples", [])]
    return found


@pytest.mark.parametrize(("model", "example"), _examples(), ids=lambda one: getattr(one, "__name__", ""))
def test_an_example_is_what_its_schema_says(model: type[BaseModel], example: Any) -> None:
    model.model_validate(example)
