"""A definition, compiled once: conditions that are functions, parameters that are renderers, steps as a program."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson

from engine.conditions import CompiledCondition, compile_condition, count
from engine.parameters import compile_parameters
from engine.policy import policy_of
from engine.program import END, Action, Branch, Gate, Throttle, Watch
from engine.templates import compile_text
from schemas.definitions import ActionStep, BranchStep, Definition, EventMatch, GateStep, Trigger, parse_definition
from schemas.durations import parse_duration
from schemas.errors import Fault, Refused
from schemas.events import entity_of

if TYPE_CHECKING:
    from engine.templates import Template

__all__ = [
    "Action",
    "Branch",
    "Gate",
    "Pinned",
    "Throttle",
    "Watch",
    "Workflow",
    "body_of",
    "canonical",
    "compile_workflow",
]

_MOST_CONDITIONS: Final = 500
"""In one workflow: one decision may evaluate all of them, and its trace has to fit into a record of 2 MB."""
_MOST_PINNED: Final = 1000


class Workflow:
    """A compiled definition. `body` is the definition as JSON, `digest` the SHA-256 of it in canonical form.

    `reference` names the version as run-log entries do; `templates` are all templates with their fields. `steps` has
    every step, those of branches after the branch, in the order in which they stand.
    """

    __slots__ = (
        "body",
        "cancel_on",
        "condition",
        "digest",
        "id",
        "index",
        "name",
        "org",
        "reference",
        "restart_on",
        "shadow",
        "state",
        "steps",
        "templates",
        "throttle",
        "trigger_type",
        "version",
        "watches",
    )

    def __init__(self, definition: Definition, body: dict[str, Any]) -> None:
        self.id = definition.id
        self.org = definition.org
        self.version = definition.version
        self.name = definition.name
        self.state: str = definition.state
        self.shadow = definition.state == "shadow"
        self.trigger_type: str | None = _trigger(definition)
        self.body = body
        self.digest = sha256(canonical(body)).hexdigest()
        self.reference: dict[str, Any] = {"id": self.id, "name": self.name, "version": self.version}
        self.condition: CompiledCondition | None = None
        self.steps: tuple[Action | Gate | Branch, ...] = ()
        self.index: dict[str, int] = {}
        self.cancel_on: tuple[Watch, ...] = ()
        self.restart_on: tuple[Watch, ...] = ()
        self.watches: frozenset[str] = frozenset()
        self.throttle: Throttle | None = None
        self.templates: tuple[tuple[str, Template], ...] = ()

    def node(self, path: str) -> Action | Gate | Branch | None:
        """The step at a path such as `which.then.ticket`; None where there is none."""
        index = self.index.get(path)
        return None if index is None else self.steps[index]


def _trigger(definition: Definition) -> str | None:
    trigger: Trigger | None = definition.trigger  # a draft may have none
    return None if trigger is None else trigger.type


def canonical(body: Any) -> bytes:
    """JSON with its keys in order: equal for equal documents."""
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def body_of(definition: Definition) -> dict[str, Any]:
    """The definition as JSON, with what it says and without the defaults of what it leaves out."""
    return definition.model_dump(mode="json", by_alias=True, exclude_unset=True)


def compile_workflow(definition: Definition) -> Workflow:
    """The definition as something that runs. An unfinished draft is compiled as far as it goes.

    Raises Refused with every fault: template syntax, and bounds.
    """
    compiler = _Compiler(definition)
    compiler.compile()
    if compiler.faults:
        raise Refused(compiler.faults)
    return compiler.workflow


class _Compiler:
    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.faults: list[Fault] = []
        self.workflow = Workflow(definition, body_of(definition))
        self._entity = entity_of(trigger) if (trigger := self.workflow.trigger_type) else None
        self._templates: list[tuple[str, Template]] = []
        self._steps: list[Action | Gate | Branch] = []
        self._conditions = 0

    def compile(self) -> None:
        workflow, definition = self.workflow, self.definition
        if definition.conditions is not None:
            workflow.condition = self._condition(definition.conditions, "conditions", self._entity)
        _follow(self._block(definition.steps, "steps", ""), END)
        workflow.steps = tuple(self._steps)
        for index, step in enumerate(self._steps):
            if workflow.index.setdefault(step.path, index) != index:
                # An id may have dots, and so may be what another step's path is.
                self.faults.append(
                    Fault(f"{step.at}.id", f"{step.path!r} is the path of another step of this workflow")
                )
        workflow.cancel_on = self._watches(definition.cancel_on, "cancel_on")
        workflow.restart_on = self._watches(definition.restart_on, "restart_on")
        workflow.watches = frozenset(watch.type for watch in (*workflow.cancel_on, *workflow.restart_on))
        self._throttle()
        workflow.templates = tuple(self._templates)

    def _block(self, steps: list[Any], where: str, outer: str) -> list[_Open]:
        """Compile a list of steps one after the other; gives what is to go on with the step after them."""
        still_open: list[_Open] = []
        for number, step in enumerate(steps):
            at, here = f"{where}[{number}]", len(self._steps)
            names = (step.id, f"{outer}{step.id}", at)
            if isinstance(step, ActionStep):
                opened = self._action(step, names)
            elif isinstance(step, GateStep):
                opened = self._gate(step, names)
            else:
                opened = self._branch(step, names)
            if len(self._steps) > here:
                _follow(still_open, here)
                still_open = opened
        return still_open

    def _action(self, step: ActionStep, names: tuple[str, str, str]) -> list[_Open]:
        at = names[2]
        try:
            parameters = compile_parameters(step.action, step.with_, f"{at}.with")
        except Refused as refused:
            self.faults += refused.faults
            return []
        self._templates += [(f"{at}.with.{parameter.name}", parameter.template) for parameter in parameters]
        stops = (step.on_error or self.definition.on_error) == "stop"
        made = Action(names, step.action, parameters, policy_of(self.definition.retry, step.retry), stops=stops)
        self._steps.append(made)
        return [(made, "next")]

    def _gate(self, step: GateStep, names: tuple[str, str, str]) -> list[_Open]:
        condition = self._condition(step.condition, f"{names[2]}.condition", self._entity)
        if condition is None:
            return []
        made = Gate(names, condition)
        self._steps.append(made)
        return [(made, "next")]

    def _branch(self, step: BranchStep, names: tuple[str, str, str]) -> list[_Open]:
        _, path, at = names
        made = Branch(names, self._condition(step.if_, f"{at}.if", self._entity) or _NEVER)
        self._steps.append(made)
        still_open: list[_Open] = [(made, "next")]
        for word, attribute, steps in (("then", "then", step.then), ("else", "else_", step.else_)):
            here = len(self._steps)
            inner = self._block(steps, f"{at}.{word}", f"{path}.{word}.")
            if len(self._steps) > here:
                setattr(made, attribute, here)
                still_open += inner
            else:
                still_open.append((made, attribute))
        return still_open

    def _condition(self, condition: Any, at: str, entity: str | None) -> CompiledCondition | None:
        before, self._conditions = self._conditions, self._conditions + count(condition)
        if before <= _MOST_CONDITIONS < self._conditions:
            self.faults.append(Fault(at, f"a workflow has at most {_MOST_CONDITIONS} conditions, groups included"))
        if self._conditions > _MOST_CONDITIONS:
            return None
        try:
            compiled = compile_condition(condition, at, entity)
        except Refused as refused:
            self.faults += refused.faults
            return None
        self._templates += compiled.templates
        return compiled

    def _watches(self, matches: list[EventMatch], where: str) -> tuple[Watch, ...]:
        return tuple(
            Watch(
                match.type,
                None
                if match.where is None
                else self._condition(match.where, f"{where}[{index}].where", entity_of(match.type)) or _NEVER,
            )
            for index, match in enumerate(matches)
        )

    def _throttle(self) -> None:
        given = self.definition.throttle
        if given is None:
            return
        try:
            key = compile_text(given.key, "throttle.key")
        except Refused as refused:
            self.faults += refused.faults
            return
        self._templates.append(("throttle.key", key))
        self.workflow.throttle = Throttle(key, given.limit, parse_duration(given.per))


_Open = tuple["Action | Gate | Branch", str]
"""A step, and which of its ways on has no goal yet."""
_NEVER: Final = CompiledCondition(lambda _scope: (False, {}), ())
"""In the place of a condition that has faults: the workflow is refused for them."""


def _follow(still_open: list[_Open], goal: int) -> None:
    for step, way in still_open:
        setattr(step, way, goal)


class Pinned:
    """Compiled workflows by the digest of their bodies: what the commands that carry a body need again and again.

    The least recently used are forgotten beyond `most`; a body that is asked for again is compiled again.
    """

    def __init__(self, most: int = _MOST_PINNED) -> None:
        self._most = most
        self._known: OrderedDict[str, Workflow] = OrderedDict()

    def get(self, digest: str, body: dict[str, Any]) -> Workflow:
        """The workflow of this body. Raises Refused where the body is not one that this version can run."""
        known = self._known.get(digest)
        if known is None:
            known = compile_workflow(parse_definition(body))
            if known.digest != digest:
                # A command that was tampered with must not change what other commands find here.
                return known
            self._known[digest] = known
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(digest)
        return known
