"""The steps of a compiled workflow: a flat program, in which each step knows the index of what follows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from engine.conditions import CompiledCondition
from engine.policy import RetryPolicy

if TYPE_CHECKING:
    from engine.parameters import Parameter
    from engine.templates import Template

END: Final = -1
"""In the place of a step's index: the end of the run."""


class Node:
    """A step. `path` names it in its run, `at` is its field in the definition, `next` the index of what follows it."""

    __slots__ = ("at", "id", "next", "path")

    def __init__(self, id: str, path: str, at: str) -> None:
        self.id = id
        self.path = path
        self.at = at
        self.next = END


class Action(Node):
    """A step that issues a command, or waits. `reads` are the names of all fields that its parameters read."""

    __slots__ = ("action", "parameters", "reads", "retry", "stops")

    def __init__(
        self,
        names: tuple[str, str, str],
        action: str,
        parameters: tuple[Parameter, ...],
        retry: RetryPolicy,
        *,
        stops: bool,
    ) -> None:
        super().__init__(*names)
        self.action = action
        self.parameters = parameters
        self.reads = frozenset(name for parameter in parameters for name in parameter.template.reads)
        self.retry = retry
        self.stops = stops


class Gate(Node):
    """A condition between two steps; false ends the run, also inside a branch."""

    __slots__ = ("condition",)

    def __init__(self, names: tuple[str, str, str], condition: CompiledCondition) -> None:
        super().__init__(*names)
        self.condition = condition


class Branch(Node):
    """A fork: `then` and `else_` are the indices of what follows where the condition holds, and where not."""

    __slots__ = ("condition", "else_", "then")

    def __init__(self, names: tuple[str, str, str], condition: CompiledCondition) -> None:
        super().__init__(*names)
        self.condition = condition
        self.then = END
        self.else_ = END


@dataclass(frozen=True, slots=True)
class Watch:
    """Events that cancel or restart a run: of this type, where the condition holds."""

    type: str
    condition: CompiledCondition | None


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most `limit` runs per rendered key and period."""

    key: Template
    limit: int
    per: timedelta
