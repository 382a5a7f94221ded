"""docs/reference/events.md."""

from __future__ import annotations

from cli.reference.text import code, fields, page, table
from schemas.events import EVENT_TYPES, SOURCES, entity_of
from schemas.export.models import definitions_of, used_by
from schemas.names import EVENT_TOPICS

_PREFIX = "#/$defs/"
_INTRO = """
Modules publish [CloudEvents 1.0](https://cloudevents.io) as JSON: structured mode (`content-type:
application/cloudevents+json`, the whole event in the value) or binary mode (attributes in `ce_*` headers, `data` in the
value). The key is the entity key `{org}/{subject}`; an event that arrives without it, or on another partition, is
forwarded. `onestack schemas` writes a JSON Schema for each type.

```json
{"specversion": "1.0", "id": "ev-1", "source": "/rmm", "type": "device.offline", "subject": "device/d-17",
 "time": "2026-11-23T08:00:00Z", "orgid": "acme", "datacontenttype": "application/json",
 "data": {"device": {"id": "d-17", "name": "SRV-01"}, "company": {"id": "c-1", "name": "Globex"}}}
```

- `subject` is the entity's type and id, and `data` has an object of that type with the same `id`. All else in `data` is
  optional but typed, and unknown fields are kept.
- `orgid` is the organisation. Event ids are unique by organisation and source: a repeat starts nothing twice.
- An update also has `data.previous`: the changed fields with their old values.
- Optional: `traceparent` (W3C trace context), `causationid` (the run that caused it), `causationchain` (workflow ids).
- What can't be read becomes a [dead letter](topics.md#dead-letters) with a reason that names the field.
"""


def events() -> str:
    """The event types and the entities in their data."""
    rows = [
        (
            code(name),
            ", ".join(code(EVENT_TOPICS[module]) for module in SOURCES[name]),
            f"`{entity_of(name)}/<id>`",
            (model.__doc__ or "").strip(),
        )
        for name, model in EVENT_TYPES.items()
    ]
    names, schemas = definitions_of(_PREFIX)
    data = [schemas[names[model]] for model in EVENT_TYPES.values()]
    entities = {name: one for schema in data for name, one in used_by(schema, schemas, _PREFIX).items()}
    return page(
        "Events",
        _INTRO,
        "## Types",
        table(("type", "topic", "subject", ""), rows),
        "## Entities\n\nThe known fields of the objects in `data`.",
        *(f"### {name}\n\n{one.get('description', '')}\n\n{fields(one)}" for name, one in sorted(entities.items())),
    )
