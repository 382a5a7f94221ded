"""The words of conditions and templates: operators, and filters with an example of each."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from hub.services.catalogue.fields import Type
from hub.services.wording import OPERATORS
from schemas.conditions import WITH_LIST, WITHOUT_VALUE

_ALL: Final[tuple[Type, ...]] = ("text", "number", "boolean", "time", "list", "object", "any")
_TYPES: Final[dict[str, tuple[Type, ...]]] = {
    "equals": ("text", "number", "boolean", "time", "any"),
    "not_equals": ("text", "number", "boolean", "time", "any"),
    "contains": ("text", "list", "any"),
    "not_contains": ("text", "list", "any"),
    "greater_than": ("number", "time", "any"),
    "greater_or_equal": ("number", "time", "any"),
    "less_than": ("number", "time", "any"),
    "less_or_equal": ("number", "time", "any"),
    "in": ("text", "number", "any"),
    "not_in": ("text", "number", "any"),
    "exists": _ALL,
    "starts_with": ("text", "any"),
    "ends_with": ("text", "any"),
    "changed": _ALL,
}


class Operator(NamedTuple):
    """A comparison: its words, the types of fields for which it makes sense, and what it is compared with."""

    op: str
    title: str
    types: tuple[Type, ...]
    value: Literal["one", "list", "none"]


def all_operators() -> list[Operator]:
    """Every operator, in the order in which the language lists them."""
    return [
        Operator(op, words[0], _TYPES[op], "none" if op in WITHOUT_VALUE else "list" if op in WITH_LIST else "one")
        for op, words in OPERATORS.items()
    ]


class FilterTold(NamedTuple):
    """A filter of the template language."""

    name: str
    description: str
    example: str


FILTERS_TOLD: Final = (
    FilterTold("default", "Another value where there is none.", "{{device.name | default: 'a device'}}"),
    FilterTold("upcase", "In capitals.", "{{alert.severity | upcase}}"),
    FilterTold("downcase", "In small letters.", "{{alert.title | downcase}}"),
    FilterTold("capitalize", "The first letter as a capital.", "{{alert.severity | capitalize}}"),
    FilterTold("truncate", "Cut to so many characters.", "{{alert.message | truncate: 40}}"),
    FilterTold("truncatewords", "Cut to so many words.", "{{alert.message | truncatewords: 5}}"),
    FilterTold("date", "A time in a format of its own.", "{{event.time | date: '%d %b %Y, %H:%M'}}"),
    FilterTold("later", "The time so long after another.", "{{event.time | later: '3d'}}"),
    FilterTold("replace", "One text in place of another.", "{{alert.message | replace: 'C:', 'disk C'}}"),
    FilterTold("remove", "Without a certain text.", "{{device.name | remove: 'SRV-'}}"),
    FilterTold("append", "With a text behind it.", "{{device.name | append: '.local'}}"),
    FilterTold("prepend", "With a text before it.", "{{alert.id | prepend: 'alert '}}"),
    FilterTold("strip", "Without spaces around it.", "{{alert.title | strip}}"),
    FilterTold("lstrip", "Without spaces before it.", "{{alert.title | lstrip}}"),
    FilterTold("rstrip", "Without spaces behind it.", "{{alert.title | rstrip}}"),
    FilterTold("strip_newlines", "On one line.", "{{alert.message | strip_newlines}}"),
    FilterTold("newline_to_br", "With <br /> at each line's end.", "{{alert.message | newline_to_br}}"),
    FilterTold("escape", "With &lt; in place of <, as HTML asks.", "{{alert.message | escape}}"),
    FilterTold("url_encode", "As a part of an address.", "https://kb.example/?q={{alert.title | url_encode}}"),
    FilterTold("slice", "A part: from so many characters on, so many.", "{{device.name | slice: 0, 3}}"),
    FilterTold("split", "A list of the parts of a text.", "{{device.ip | split: '.'}}"),
    FilterTold("join", "The parts of a list as one text.", "{{device.tags | join: ', '}}"),
    FilterTold("first", "The first of a list.", "{{device.tags | first}}"),
    FilterTold("last", "The last of a list.", "{{device.tags | last}}"),
    FilterTold("size", "How long a text or a list is.", "{{device.tags | size}}"),
    FilterTold("map", "One field of each object in a list.", "{{company.contacts | map: 'email' | join: ', '}}"),
    FilterTold("reverse", "A list from its end.", "{{device.tags | reverse}}"),
    FilterTold("compact", "A list without what is nothing.", "{{device.tags | compact}}"),
    FilterTold("json", "Written as JSON.", "{{device | json}}"),
    FilterTold("plus", "Added to it.", "{{device.criticality | plus: 1}}"),
    FilterTold("minus", "Taken from it.", "{{device.criticality | minus: 1}}"),
    FilterTold("times", "So many times as much.", "{{device.criticality | times: 10}}"),
    FilterTold("divided_by", "Divided; a whole number gives a whole one.", "{{device.criticality | divided_by: 2}}"),
    FilterTold("modulo", "What a division leaves.", "{{device.criticality | modulo: 2}}"),
    FilterTold("at_least", "At least so much.", "{{device.criticality | at_least: 3}}"),
    FilterTold("at_most", "At most so much.", "{{device.criticality | at_most: 3}}"),
    FilterTold("abs", "Without its sign.", "{{device.criticality | minus: 10 | abs}}"),
    FilterTold("round", "Rounded, to so many places.", "{{device.criticality | divided_by: 3.0 | round: 1}}"),
    FilterTold("ceil", "The next whole number.", "{{device.criticality | divided_by: 2.0 | ceil}}"),
    FilterTold("floor", "The whole number below.", "{{device.criticality | divided_by: 2.0 | floor}}"),
)
"""Every filter, those that are used most first; the examples are about a sample alert.triggered event."""
