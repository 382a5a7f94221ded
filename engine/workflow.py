"""A definition, compiled once: conditions that are functions, parameters that are renderers, steps in order."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson

from engine.conditions import CompiledCondition, compile_condition, count
from engine.parameters import Parameter, compile_parameters
from schemas.definitions import ActionStep, BranchStep, Definition, GateStep, Trigger, parse_definition
from schemas.errors import Fault, Refused
from schemas.events import entity_of

if TYPE_CHECKING:
    from engine.templates import Template

_MOST_CONDITIONS: Final = 500
"""In one workflow: one decision may evaluate all of them, and its trace has to fit into a record of 2 MB."""
_MOST_PINNED: Final = 1000


class Action:
    """A step that issues a command."""

    __slots__ = ("action", "id", "parameters", "path", "stops")

    def __init__(self, step: ActionStep, parameters: tuple[Parameter, ...], *, stops: bool) -> None:
        self.id = step.id
        self.path = step.id
        self.action = step.action
        self.parameters = parameters
        self.stops = stops


class Gate:
    """A condition between two steps."""

    __slots__ = ("condition", "id", "path")

    def __init__(self, step: GateStep, condition: CompiledCondition) -> None:
        self.id = step.id
        self.path = step.id
        self.condition = condition


class Workflow:
    """A compiled definition. `body` is the definition as JSON, `digest` the SHA-256 of it in canonical form.

    `reference` names the version as run-log entries do; `templates` are all templates with their fields.
    """

    __slots__ = (
        "body",
        "condition",
        "digest",
        "id",
        "name",
        "org",
        "reference",
        "state",
        "steps",
        "templates",
        "trigger_type",
        "version",
    )

    def __init__(self, definition: Definition, body: dict[str, Any]) -> None:
        self.id = definition.id
        self.org = definition.org
        self.version = definition.version
        self.name = definition.name
        self.state: str = definition.state
        self.trigger_type: str | None = _trigger(definition)
        self.body = body
        self.digest = sha256(canonical(body)).hexdigest()
        self.reference: dict[str, Any] = {"id": self.id, "name": self.name, "version": self.version}
        self.condition: CompiledCondition | None = None
        self.steps: tuple[Action | Gate, ...] = ()
        self.templates: tuple[tuple[str, Template], ...] = ()


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

    Raises Refused with every fault: template syntax, bounds, and what is not supported yet, by name.
    """
    compiler = _Compiler(definition)
    compiler.compile()
    if compiler.faults:
        raise Refused(compiler.faults)
    return compiler.workflow


class _Compiler:
    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.faults = unsupported(definition)
        self.workflow = Workflow(definition, body_of(definition))
        self._entity = entity_of(trigger) if (trigger := self.workflow.trigger_type) else None
        self._templates: list[tuple[str, Template]] = []
        self._conditions = 0

    def compile(self) -> None:
        workflow = self.workflow
        if self.definition.conditions is not None:
            workflow.condition = self._condition(self.definition.conditions, "conditions")
        steps: list[Action | Gate] = []
        for index, step in enumerate(self.definition.steps):
            at = f"steps[{index}]"
            if isinstance(step, GateStep):
                if condition := self._condition(step.condition, f"{at}.condition"):
                    steps.append(Gate(step, condition))
            elif isinstance(step, ActionStep) and (action := self._action(step, at)):
                steps.append(action)
        workflow.steps = tuple(steps)
        workflow.templates = tuple(self._templates)

    def _condition(self, condition: Any, at: str) -> CompiledCondition | None:
        before, self._conditions = self._conditions, self._conditions + count(condition)
        if before <= _MOST_CONDITIONS < self._conditions:
            self.faults.append(Fault(at, f"a workflow has at most {_MOST_CONDITIONS} conditions, groups included"))
        if self._conditions > _MOST_CONDITIONS:
            return None
        try:
            compiled = compile_condition(condition, at, self._entity)
        except Refused as refused:
            self.faults += refused.faults
            return None
        self._templates += compiled.templates
        return compiled

    def _action(self, step: ActionStep, at: str) -> Action | None:
        try:
            parameters = compile_parameters(step.action, step.with_, f"{at}.with")
        except Refused as refused:
            self.faults += refused.faults
            return None
        self._templates += [(f"{at}.with.{parameter.name}", parameter.template) for parameter in parameters]
        return Action(step, parameters, stops=(step.on_error or self.definition.on_error) == "stop")


def unsupported(definition: Definition) -> list[Fault]:
    """What the definition asks for that this version can't do yet, each by its name."""
    faults = []
    if definition.state == "shadow":
        faults.append(Fault("state", "'shadow' is not supported yet"))
    if definition.retry is not None and definition.retry.max_retries:
        faults.append(_retry("retry"))
    later = [name for name in ("cancel_on", "restart_on", "throttle") if getattr(definition, name)]
    faults += [Fault(name, f"'{name}' is not supported yet") for name in later]
    for index, step in enumerate(definition.steps):
        at = f"steps[{index}]"
        if isinstance(step, BranchStep):
            faults.append(Fault(f"{at}.if", "a branch ('if') is not supported yet"))
        elif isinstance(step, ActionStep):
            if step.action == "delay":
                faults.append(Fault(f"{at}.action", "'delay' is not supported yet"))
            if step.retry is not None and step.retry.max_retries:
                faults.append(_retry(f"{at}.retry"))
    return faults


def _retry(at: str) -> Fault:
    return Fault(f"{at}.max_retries", "'retry' is not supported yet: leave it out, or set max_retries to 0")


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
