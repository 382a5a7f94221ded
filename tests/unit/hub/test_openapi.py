"""The OpenAPI document says what is so."""

from __future__ import annotations

from typing import Any

import pytest

from hub.app import create_app
from hub.parts import Parts
from runtime.settings import load


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Parts(load())).openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def test_every_operation_says_who_may_and_how_it_fails(document: dict[str, Any]) -> None:
    public = ("/healthz", "/readyz", "/metrics", "/api/v1/session")
    for path, method, operation in operations(document):
        answers = operation["responses"]
        assert {"500", "503"} <= answers.keys(), path
        assert any(status.startswith("2") for status in answers), path
        if not path.startswith(public):
            assert operation["security"] == [{"bearer": []}, {"session": []}], path
            assert {"401", "403"} <= answers.keys(), path
        for status, answer in answers.items():
            if status[0] in "45" and path != "/readyz":
                assert list(answer["content"]) == ["application/problem+json"], (path, method, status)


def test_every_operation_is_described_and_has_a_tag_that_is(document: dict[str, Any]) -> None:
    told = {tag["name"] for tag in document["tags"]}
    for path, method, operation in operations(document):
        assert operation.get("description"), (path, method)
        assert set(operation["tags"]) <= told, (path, method)
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_to_something(document: dict[str, Any]) -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str):
                assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"], reference
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(document["paths"])
    walk(document["components"])


def test_writes_take_an_idempotency_key(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        names = [one.get("name") for one in operation.get("parameters", [])]
        wanted = method != "get" and not path.startswith("/api/v1/session")
        assert ("Idempotency-Key" in names) is wanted, (path, method)
