"""Conditions as a definition has them: leaves that compare a field, groups that nest freely."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, Tag, model_validator

Operator = Literal[
    "equals",
    "not_equals",
    "contains",
    "not_contains",
    "greater_than",
    "greater_or_equal",
    "less_than",
    "less_or_equal",
    "in",
    "not_in",
    "exists",
    "starts_with",
    "ends_with",
    "changed",
]
WITHOUT_VALUE: Final = frozenset({"exists", "changed"})
WITH_LIST: Final = frozenset({"in", "not_in"})


class Node(BaseModel):
    """A part of a condition; a field that it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Leaf(Node):
    """One comparison: a field of the event (a path, or a template), an operator, and the wanted value."""

    field: str = Field(min_length=1, max_length=2000, description="`alert.severity`, or `{{alert.severity}}`.")
    op: Operator
    value: Any = None
    case_sensitive: StrictBool = False

    @model_validator(mode="after")
    def _value_fits(self) -> Leaf:
        given = "value" in self.model_fields_set
        if self.op not in WITHOUT_VALUE and not given:
            message = f"'{self.op}' needs a value"
            raise ValueError(message)
        if self.op in WITH_LIST and not isinstance(self.value, list) and not _is_template(self.value):
            message = f"'{self.op}' needs a list as its value"
            raise ValueError(message)
        return self


def _is_template(value: object) -> bool:
    return isinstance(value, str) and "{{" in value


class All(Node):
    """True where every one of its conditions is."""

    all: list[Condition] = Field(min_length=1)


class Any_(Node):  # noqa: N801 - `Any` is typing's
    """True where one of its conditions is."""

    any: list[Condition] = Field(min_length=1)


class Not(Node):
    """True where its condition is not."""

    not_: Condition = Field(alias="not")


def _shape(given: object) -> str:
    # In angle brackets, so that a tag in an error's location can be told from a field.
    if isinstance(given, dict):
        return next((f"<{name}>" for name in ("all", "any", "not") if name in given), "<leaf>")
    for model, tag in ((All, "<all>"), (Any_, "<any>"), (Not, "<not>")):
        if isinstance(given, model):
            return tag
    return "<leaf>"


Condition = Annotated[
    Annotated[All, Tag("<all>")]
    | Annotated[Any_, Tag("<any>")]
    | Annotated[Not, Tag("<not>")]
    | Annotated[Leaf, Tag("<leaf>")],
    Discriminator(_shape),
]
for _model in (All, Any_, Not):
    _model.model_rebuild()
