"""Each action's parameters as a form: the JSON Schema of `with`, with titles, hints and choices for people.

A form draws the properties in their order. Beside JSON Schema's own words there are:
- `x-onestack-widget`: text, textarea (of several lines), template (text with a picker of variables), duration, time,
  keyvalue (an object of names and values), choice, list (of texts; one text may stand for a list of one), secret
  (`secret:NAME`), code, json (any value, as JSON or as a template).
- `x-onestack-template`: whether `{{…}}` may stand in it, also where an `enum` lists the usual values.
- `x-onestack-when`: the parameter is shown where others have one of these values: `{"channel": ["email"]}`.
- `x-onestack-by`: words and widget that depend on another parameter: `{"channel": {"email": {"title": "To"}}}`.
- `x-onestack-placeholder`: what stands in an empty field.
- `x-onestack-suggestions`: usual values of a field that takes others too.
Of the whole: `x-onestack-either` lists parameters of which exactly one is given.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import PydanticUndefined

from schemas.actions import BUSINESS_TIMES, PARAMETERS, has_template
from schemas.names import PRIORITIES, SEVERITIES

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string", "x-onestack-template": True}
_ANY_OBJECT: Final[Schema] = {"type": "object", "additionalProperties": True, "x-onestack-template": True}


def _text(title: str, description: str, widget: str = "template", **more: Any) -> Schema:
    return {"title": title, "description": description, **_TEXT, "x-onestack-widget": widget} | _named(more)


def _choice(title: str, description: str, *choices: str, **more: Any) -> Schema:
    return {"title": title, "description": description, **_TEXT, "enum": list(choices)} | {
        "x-onestack-widget": "choice", **_named(more)
    }  # fmt: skip


def _named(more: dict[str, Any]) -> Schema:
    return {f"x-onestack-{name}": value for name, value in more.items()}


def _fixed(schema: Schema) -> Schema:
    """For what templates may not stand in."""
    return {**schema, "x-onestack-template": False}


_COMPANY: Final = _text("Company", "The company's id; by default the triggering entity's company.")
_ENTITY_TYPE: Final = _text(
    "Entity type", "What it belongs to, such as device; by default the triggering entity.",
    suggestions=["ticket", "device", "alert", "company", "contact", "deal", "invoice", "backup"],
)  # fmt: skip
_ENTITY_ID: Final = _text("Entity", "Its id; by default the triggering entity's.")

FORMS: Final[dict[str, dict[str, Schema]]] = {
    "create_ticket": {
        "title": _text("Title", "What the ticket is about.", placeholder="{{alert.title}} on {{device.name}}"),
        "board": _text("Board", "The PSA board that it is opened on.", placeholder="Service Desk"),
        "priority": _choice("Priority", "How urgent it is: P1 is the most urgent.", *PRIORITIES),
        "status": _text("Status", "The status that it begins with.", suggestions=["New", "Open", "In progress"]),
        "description": _text("Description", "The ticket's text.", "textarea"),
        "company_id": _COMPANY,
    },
    "update_ticket": {
        "fields": {
            "title": "Fields", "description": "The fields to change, each with its new value.",
            **_ANY_OBJECT, "minProperties": 1, "x-onestack-widget": "keyvalue",
            "x-onestack-suggestions": ["status", "priority", "assignee", "board", "title", "description"],
        },
        "ticket_id": _text("Ticket", "The ticket's id; by default the triggering ticket."),
    },
    "send_notification": {
        "channel": _choice("Channel", "How it is sent.", "email", "push", "teams", "slack"),
        "to": {
            "title": "To", "description": "Addresses, a user, or the chat's incoming webhook.",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
            "x-onestack-template": True, "x-onestack-widget": "list",
            "x-onestack-by": {
                "channel": {
                    "email": {"title": "To", "description": "E-mail addresses.", "x-onestack-widget": "list",
                              "x-onestack-placeholder": "{{company.primary_contact.email}}"},
                    "push": {"title": "User", "description": "The user whose devices are told.",
                             "x-onestack-widget": "template", "x-onestack-placeholder": "{{ticket.assignee.id}}"},
                    "teams": {"title": "Incoming webhook", "x-onestack-widget": "secret",
                              "description": "The secret that holds the address of the Teams channel's webhook.",
                              "x-onestack-placeholder": "secret:TEAMS"},
                    "slack": {"title": "Incoming webhook", "x-onestack-widget": "secret",
                              "description": "The secret that holds the address of the Slack channel's webhook.",
                              "x-onestack-placeholder": "secret:SLACK"},
                }
            },
        },
        "subject": _text(
            "Subject", "The subject of the mail; in a chat the line in bold.",
            when={"channel": ["email", "teams", "slack"]},
        ),
        "body": _text("Message", "What is told.", "textarea"),
    },
    "escalate_on_call": {
        "team": _text("Team", "The On-Call team whose chain is called.", placeholder="Network"),
        "severity": _choice("Severity", "How bad it is.", *SEVERITIES),
        "message": _text("Message", "What whoever is called is told.", "textarea"),
    },
    "update_field": {
        "field": _text("Field", "The name of the field.", placeholder="criticality"),
        "value": {"title": "Value", "description": "What it is set to.", "x-onestack-template": True,
                  "x-onestack-widget": "json"},
        "entity_type": _ENTITY_TYPE,
        "entity_id": _ENTITY_ID,
    },
    "run_script": {
        "script_id": _text("Script", "The script's id in the RMM.", placeholder="restart-spooler"),
        "device_id": _text("Device", "The device's id; by default the affected device."),
        "parameters": {"title": "Parameters", "description": "What the script is given.", **_ANY_OBJECT,
                       "x-onestack-widget": "keyvalue"},
    },
    "create_note": {
        "body": _text("Note", "The note's text.", "textarea"),
        "title": _text("Title", "The note's title."),
        "company_id": _COMPANY,
    },
    "add_tag": {
        "tag": _text("Tag", "The tag to apply.", placeholder="needs-review"),
        "entity_type": _ENTITY_TYPE,
        "entity_id": _ENTITY_ID,
    },
    "webhook": {
        "url": _text("URL", "Where it is sent, by https; or the secret that holds the address.",
                     placeholder="https://hooks.example.com/onestack"),
        "secret": _fixed(_text("Signing secret", "The secret that it is signed with, as Standard Webhooks says.",
                               "secret", placeholder="secret:WEBHOOK")),
        "headers": {"title": "Headers", "description": "Further headers; a value may be secret:NAME.",
                    "type": "object", "additionalProperties": {"type": "string"}, "x-onestack-template": True,
                    "x-onestack-widget": "keyvalue"},
        "body": {"title": "Body", "description": "What is sent; by default the whole event.",
                 "x-onestack-template": True, "x-onestack-widget": "json"},
    },
    "delay": {
        "for": _text("For", "How long, such as 15m or 7d; with a calendar, business time alone counts.", "duration",
                     placeholder="15m"),
        "until": _text("Until", "A time, or when business hours begin.", "time",
                       suggestions=list(BUSINESS_TIMES), placeholder="{{ticket.due_at}}"),
        "calendar": _text("Calendar", "Whose business hours count: the id of a calendar of the organisation.",
                          placeholder="default"),
    },
}  # fmt: skip
"""The properties of each action's `with`, in the order of the form."""
_EITHER: Final = {"delay": ["for", "until"]}


def form_of(action: str, title: str) -> Schema:
    """The JSON Schema of this action's `with`."""
    model = PARAMETERS[action]
    info = {one.alias or name: one for name, one in model.model_fields.items()}
    properties = {}
    for name, told in FORMS[action].items():
        default = info[name].default
        has_default = default is not PydanticUndefined and default is not None
        properties[name] = {**told, "default": default} if has_default else dict(told)
        if has_default and has_template(default):
            properties[name]["x-onestack-placeholder"] = default
    schema: Schema = {
        "title": title,
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if info[name].is_required()],
        "additionalProperties": False,
    }
    if either := _EITHER.get(action):
        schema |= {"oneOf": [{"required": [one]} for one in either], "x-onestack-either": either}
    return schema
