"""docs/reference/definitions.md."""

from __future__ import annotations

from typing import Any, get_args

from cli.reference.text import code, fields, page, table
from schemas.actions import PARAMETERS
from schemas.calendars import CalendarDefinition
from schemas.conditions import Operator
from schemas.definitions import Definition
from schemas.export.models import definitions_of

_INTRO = """
A definition is JSON on `onestack.workflow.definitions`, under the key `{org}/{id}`, and the same in YAML for people
(`onestack publish`). Only a higher `version` replaces what is in force; a null value deletes. What is refused becomes a
dead letter, and what was in force stays. `onestack validate` checks files before, and `onestack schemas` writes
`definition.schema.json`, with which an editor completes and checks while you type.

```yaml
id: alert-to-ticket
org: acme
version: 1
name: Alert to Ticket
state: enabled
trigger: {type: alert.triggered}
conditions:
  any:
    - {field: alert.severity, op: equals, value: critical}
    - {field: alert.severity, op: equals, value: high}
steps:
  - {id: ticket, action: create_ticket, with: {priority: P1, title: "{{alert.title}} on {{device.name}}"}}
  - {id: matters, condition: {field: device.criticality, op: greater_than, value: 3}}
  - {id: tell, action: send_notification, with: {channel: email, to: "{{device.assigned_technician.email}}",
     subject: "{{steps.ticket.id}}: {{alert.title}}", body: "{{alert.message}}"}}
```

Files of up to 1 MB and several documents are read. `on`, `yes` and times stay text; a key stands once; tags and merge
keys are refused.
"""
_STEPS = """
## Steps

A step performs an action; or it is a gate, a condition whose being false ends the run there, as completed; or a branch,
whose `then` or `else` steps are taken, and then those behind it. Ids are unique in a workflow; a step's path is
`ticket`, or `which.then.ticket` inside a branch. What an action returned is `steps.<id>` from then on.

An action whose failure may pass (no answer, no connection, 408, 409, 425, 429, 5xx) is tried again as `retry` says, the
step's or else the workflow's: after `initial_interval`, then `multiplier` times longer each time up to `max_interval`,
each wait 0.8 to 1.2 times as long; a longer `Retry-After` is honoured, up to a day. An action that fails for good is
recorded, and the run goes on, unless `on_error: stop` says otherwise; such a run ends as failed either way.

## While a run is under way

An event of the same entity that `cancel_on` names ends the run: between two actions (a call in flight is finished and
recorded first), and at once where it waits. One that `restart_on` names begins it again from the first step, with the
new event, without looking at the conditions again; an event that cancels does not restart. An event that starts a
waiting run again does not begin a second run of that workflow, and one that the workflow caused itself restarts
nothing. A run ends under the version that it began with, whatever is published, disabled or deleted meanwhile.

In the state `shadow` a workflow runs with all its conditions, waits and cancellations, but performs no action: its runs
tell what each would have been asked.
"""
_CONDITIONS = """
## Conditions

`all`, `any` and `not` nest freely. A missing field makes a comparison false, never an error, and the trace of the run
says that it was missing. Numbers, ISO times and durations compare as what they are; text compares without regard to
case unless `case_sensitive: true`; `contains` works on text and lists.
"""
_TEMPLATES = """
## Templates

`{{path | filter}}` in any string of `with`, and in a condition's `field` and `value`. A string that is one expression
keeps its type. In scope: the event's data (`alert`, `device` …), `event`, `workflow`, `org`, `run` and `steps.<id>`. A
missing path renders as empty text, and `onestack validate` warns of paths that the trigger's events are not known to
have.

## Durations

ISO 8601 (`PT15M`), or a number with `ms`, `s`, `m`, `h`, `d` or `w` (`2.5s`, `15m`).
"""
_CALENDARS = """
## Business calendars

A calendar is JSON on the same topic, under the key `{org}/calendar/{id}`, with versions as definitions have them; in
YAML for people, and `calendar.schema.json` for editors. [Business hours](../how-to/business-hours.md) tells what
delays make of it.
"""
_PARTS = ("Trigger", "EventMatch", "Retry", "Throttle")
_STEP_PARTS = ("ActionStep", "GateStep", "BranchStep")
_CONDITION_PARTS = ("Leaf", "All", "Any_", "Not")


def definitions() -> str:
    """The definition's fields, its steps and conditions."""
    names, schemas = definitions_of("#/$defs/")
    operators = ", ".join(code(one) for one in get_args(Operator))
    actions = [(code(name), (model.__doc__ or "").strip()) for name, model in PARAMETERS.items()]
    return page(
        "Definitions",
        _INTRO,
        "## Fields",
        fields(schemas[names[Definition]]),
        *(_part(schemas, name) for name in _PARTS),
        _STEPS,
        *(_part(schemas, name) for name in _STEP_PARTS),
        "### Actions\n\nTheir parameters are in [actions.md](actions.md).",
        table(("action", ""), actions),
        _CONDITIONS,
        f"Operators: {operators}.",
        *(_part(schemas, name) for name in _CONDITION_PARTS),
        _TEMPLATES,
        _CALENDARS,
        fields(schemas[names[CalendarDefinition]]),
        *(_part(schemas, name) for name in ("Week", "Hours", "Holidays")),
    )


def _part(schemas: dict[str, dict[str, Any]], name: str) -> str:
    return f"### {name}\n\n{schemas[name].get('description', '')}\n\n{fields(schemas[name])}"
