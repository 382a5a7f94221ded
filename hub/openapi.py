"""The OpenAPI document: what FastAPI finds out, and what every route has in common."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from hub.access.authentication import COOKIE
from hub.documents.problem import FaultDocument, ProblemDocument
from hub.routing import problems, rule_of

_TAGS: Final = {
    "workflows": "Workflows: list, read, write, switch, and their versions.",
    "catalogue": "What a designer offers: triggers and their fields, actions and their parameters, operators, filters.",
    "validation": "Checking a definition before it is saved.",
    "simulation": "Trying a definition out: on one event, or on those of the last days.",
    "templates": "Built-in workflows to begin with.",
    "runs": "Runs: what came of events, step by step; and cancelling, resuming and re-running them.",
    "events": "Module events: what came in, and publishing one without a Kafka client.",
    "dead-letters": "What could not be read, and sending it again.",
    "insight": "How it goes: throughput, failures, lag, storms; and what happens right now.",
    "session": "Signing in, and who one is.",
    "keys": "API keys for programs.",
    "audit": "Who did what.",
    "service": "For those who operate the Hub.",
}
_DESCRIPTION: Final = """
The HTTP API of the One Stack Workflow Engine. Sign in with a token of your issuer or with an API key:
`Authorization: Bearer …`. Every answer is about the caller's organisation alone.

Errors are problems (RFC 9457) with a JSON pointer for each fault. Times are RFC 3339 in UTC. Lists are pages: `next` is
the `cursor` of the page that follows. A write with an `Idempotency-Key` is done once, however often it is sent. A write
can be read when its answer arrives; where that takes too long the answer is 202 with `Onestack-Pending: true`.
"""
_IDEMPOTENCY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Chosen by the caller: a repeat with it is answered as the first time, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]{1,200}$"},
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        routes = [route for route in app.router.routes if isinstance(route, APIRoute)]
        found = get_openapi(
            title=app.title,
            version=version("onestack-workflow-engine"),
            description=_DESCRIPTION.strip(),
            routes=routes,
            tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
        )
        _add_components(found)
        for route in routes:
            if route.include_in_schema:
                for method in route.methods or ():
                    _complete(route, method, found["paths"][route.path_format][method.lower()])
        app.openapi_schema = found
    return app.openapi_schema


def _add_components(found: dict[str, Any]) -> None:
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    _, made = models_json_schema(
        [(FaultDocument, "validation"), (ProblemDocument, "validation")],
        ref_template="#/components/schemas/{model}",
    )
    schemas |= made["$defs"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT, or an API key tos_…",
            "description": "A token of your issuer (RS256 or EdDSA), or an API key.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": "The web app's session. A request that changes something needs `X-Onestack: 1` as well.",
        },
    }


def _complete(route: APIRoute, method: str, operation: dict[str, Any]) -> None:
    """What every operation of its kind can answer, and who may call it."""
    rule = rule_of(route)
    public = rule is not None and rule.public
    answers = operation["responses"]
    answers.pop("422", None) if _is_fastapis(answers.get("422")) else None
    statuses = [500, 503]
    if not public:
        operation["security"] = [{"bearer": []}, {"session": []}]
        statuses += [401, 403]
        if rule is not None and rule.permission is not None:
            operation["x-onestack-permission"] = rule.permission
    takes = bool(operation.get("parameters")) or "requestBody" in operation
    if takes:
        statuses.append(422)
    if method != "GET":
        statuses += [400, 413]
        if not route.path.startswith("/api/v1/session"):
            operation.setdefault("parameters", []).append(_IDEMPOTENCY)
            statuses += [409, 422]
    for status, told in problems(*statuses).items():
        answers.setdefault(str(status), told)
    operation["responses"] = dict(sorted(answers.items()))


def _is_fastapis(answer: dict[str, Any] | None) -> bool:
    return answer is not None and "HTTPValidationError" in str(answer)
