"""docs/reference/api.md, from the Hub's OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from cli.reference.text import code, kind, page, table

_METHODS: Final = ("get", "post", "put", "delete")
_LOGIN: Final = """
## Signing in

- *A token of your issuer:* `Authorization: Bearer <JWT>`, RS256 or EdDSA, its keys from `ONESTACK_JWKS`. Its claims are
  `org`, `role` (Owner, Admin, Member, Billing, Viewer), `permissions`, `exp`, and `name` or `sub` for who it is.
- *An API key:* `Authorization: Bearer tos_…`, made in the web app's settings, by `POST /api/v1/keys` or by
  `onestack keys create`.
- *The web app's session:* an HttpOnly cookie; a request that changes something carries `X-Onestack: 1` as well.

A role is a ceiling, and a claim of permissions only takes away from it:

"""
_PAGES: Final = """
## What is alike everywhere

- A list is a page: `items`, and `next`, the `cursor` of the page that follows, or null.
- An error is a problem (RFC 9457, `application/problem+json`); `faults` names each field with a JSON pointer and a
  reason.
- A workflow's `ETag` is its version: `PUT` needs it as `If-Match`, and answers 412 where somebody was quicker.
- A write with an `Idempotency-Key` is done once, however often it is sent, for 24 hours.
- What was written can be read when the answer arrives; where the history does not follow within 10 s the answer is 202
  with `Onestack-Pending: true`: Kafka has it, and it will be there.
- `GET /openapi.json` is all of this for programs.
"""


def api() -> str:
    """Every operation with its permission and parameters, by what it is about."""
    from hub.app import create_app
    from hub.parts import Parts
    from runtime.settings import Settings

    document = create_app(Parts(Settings.model_construct(**_defaults(Settings)))).openapi()
    parts = [str(document["info"]["description"]), _LOGIN + _roles(), _PAGES]
    for tag in document["tags"]:
        operations = [
            (method, path, operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if method in _METHODS and tag["name"] in operation.get("tags", ())
        ]
        if operations:
            parts += [f"## {tag['name'].capitalize()}", tag["description"]]
            parts += [_operation(*one) for one in operations]
    return page("HTTP API", *parts)


def _defaults(settings: Any) -> dict[str, Any]:
    """As without any variable: the page says nothing of whoever writes it."""
    return {name: field.get_default(call_default_factory=True) for name, field in settings.model_fields.items()}


def _roles() -> str:
    from hub.access import ROLES
    from hub.access.roles import PERMISSIONS

    rows = [(role, ", ".join(code(one) for one in PERMISSIONS if one in held) or "–") for role, held in ROLES.items()]
    return table(("role", "permissions"), rows)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    needs = operation.get("x-onestack-permission")
    signed_in = "signed in" if operation.get("security") else "open to all"
    told = " ".join(str(operation.get("description", "")).split())
    head = f"### `{method.upper()} {path}`\n\n{told} ({code(needs) or signed_in})"
    given = [_parameter(one) for one in operation.get("parameters", ()) if one["name"] != "Idempotency-Key"]
    body = _body(operation)
    return "\n\n".join(filter(None, (head, body, table(("parameter", "value", ""), given) if given else "")))


def _parameter(one: dict[str, Any]) -> tuple[str, str, str]:
    name = code(one["name"])
    about = one.get("description") or one["schema"].get("description", "")
    return f"**{name}**" if one.get("required") else name, kind(one["schema"]), " ".join(about.split())


def _body(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return ""
    told = []
    for media_type, one in content.items():
        schema = one.get("schema", {})
        name = schema.get("$ref", "").rpartition("/")[2]
        told.append(f"{code(media_type)}{f' ({name})' if name else ''}")
    return f"Body: {', '.join(told)}."
