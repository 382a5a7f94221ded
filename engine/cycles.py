"""Loops that workflows can form: an action causes an event, the event starts a workflow, whose action causes another.

The graph's nodes are actions with one event type each that they may cause (engine.effects). There is an edge from one
to another where that event can start the other's workflow and then reach the other action: the trigger's type fits, and
neither the workflow's conditions, nor a gate, nor a branch on the way is false for what is known of the event
(engine.possible). Known is what the action sets; and, for an action on the triggering entity itself, what the
conditions on the way to it have found, unless a delay lies between or an earlier step sets the same field.

A cycle of actions is told as a cycle of workflows, each once, the shortest first. There can be more cycles than anybody
reads or any machine counts, so both are bounded, and `Loops.complete` says whether all were found.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from engine.effects import Effect, effects
from engine.graphs import Budget, components, elementary_cycles
from engine.possible import Expected, Known, Possible
from engine.rules import RULES
from schemas.definitions import ActionStep, BranchStep, GateStep, parse_definition
from schemas.events import EVENT_TYPES, entity_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from engine.paths import Segments
    from schemas.definitions import Definition

MOST_CYCLES: Final = 100
_MOST_WORK: Final = 500_000
"""Steps of the search through one organisation's graph: a second or so."""


class Body(Protocol):
    """A definition as JSON, as compiled workflows have it."""

    @property
    def body(self) -> dict[str, Any]:
        """The definition's document."""


class Link(NamedTuple):
    """One workflow in a loop: the step that goes on with it, what that does, and the event that it causes."""

    workflow: str
    name: str
    state: str
    step: str
    does: str
    causes: str

    @property
    def told(self) -> str:
        """The workflow and its step in words."""
        return f"'{self.name}' (step {self.step} {self.does})"


@dataclass(frozen=True, slots=True)
class Cycle:
    """A loop: each link's event starts the next one's workflow, and the last one's the first."""

    org: str
    links: tuple[Link, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The workflows' ids, in the order in which they start each other."""
        return tuple(link.workflow for link in self.links)

    @property
    def words(self) -> str:
        """The loop as a person would tell it."""
        loop = ""
        for link in self.links:
            loop += (
                f"which starts {link.told}, which causes {link.causes}, "
                if loop
                else f"{link.told} causes {link.causes}, "
            )
        return f"A loop: {loop}which starts '{self.links[0].name}' again. {self._note()}{self._end()}"

    def _note(self) -> str:
        asleep = list(dict.fromkeys(f"'{link.name}'" for link in self.links if link.state == "shadow"))
        verb = "is" if len(asleep) == 1 else "are"
        return f"Nothing comes of it while {' and '.join(asleep)} {verb} in shadow. " if asleep else ""

    def _end(self) -> str:
        if len(self.links) > RULES.chain_limit:
            return f"At run time the chain stops after {RULES.chain_limit} workflows."
        return f"At run time the chain stops after {'each' if len(self.links) > 1 else 'this'} workflow ran once."

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "org": self.org,
            "workflows": list(self.ids),
            "words": self.words,
            "links": [link._asdict() for link in self.links],
        }


_Needs = tuple[tuple[Possible, bool], ...]
"""Conditions and what each has to be."""
_Facts = dict["Segments", Known]


class Loops(NamedTuple):
    """The cycles that were found, and whether there are no more than these."""

    cycles: list[Cycle]
    complete: bool


class _Node:
    """An action and one event type that it may cause, and what has to be so on the way to it."""

    __slots__ = ("definition", "effect", "event", "needs", "path")

    def __init__(self, definition: Definition, path: str, effect: Effect, needs: _Needs, facts: _Facts) -> None:
        self.definition = definition
        self.path = path
        self.effect = effect
        self.needs = needs
        self.event = Expected(effect.type, entity_of(effect.type), {**facts, **dict(effect.values)}, effect.changed)

    def reached_by(self, event: Expected, answers: dict[int, bool | None]) -> bool:
        """Whether this event can start the workflow and get to the action; `answers` are those known of the event."""
        for condition, wanted in self.needs:
            if id(condition) not in answers:
                answers[id(condition)] = condition.answer(event)
            if answers[id(condition)] is (not wanted):
                return False
        return True

    def link(self) -> Link:
        """The node as a loop tells it."""
        mine, effect = self.definition, self.effect
        return Link(mine.id, mine.name or mine.id, mine.state, self.path, effect.words, effect.type)


def find_cycles(workflows: Iterable[Body]) -> list[Cycle]:
    """The loops that these workflows can form, at most MOST_CYCLES of each organisation, the shortest first.

    All of them count, whatever their states: leave out those that never run.
    """
    return analyse(workflows).cycles


def analyse(workflows: Iterable[Body], through: Collection[tuple[str, str]] | None = None) -> Loops:
    """The loops that these workflows can form; with `through`, those that one of these (org, id) is part of."""
    return search((Walked(parse_definition(workflow.body)) for workflow in workflows), through)


def search(
    walks: Iterable[Walked], through: Collection[tuple[str, str]] | None = None, most_work: int = _MOST_WORK
) -> Loops:
    """`analyse` of workflows that were walked through already; `most_work` bounds the search in each organisation."""
    by_org: dict[str, list[Walked]] = {}
    for walked in walks:
        by_org.setdefault(walked.definition.org, []).append(walked)
    cycles: list[Cycle] = []
    complete = True
    for org, mine in sorted(by_org.items()):
        nodes = _nodes(mine)
        starts = [n for n, node in enumerate(nodes) if through is None or (org, node.definition.id) in through]
        if not starts:
            continue
        found, all_of_them = _cycles(org, nodes, starts, most_work)
        cycles += found
        complete = complete and all_of_them
    return Loops(cycles, complete)


def _cycles(org: str, nodes: list[_Node], starts: list[int], most_work: int) -> tuple[list[Cycle], bool]:
    budget = Budget(most_work)
    told: dict[tuple[str, ...], Cycle] = {}
    for cycle in elementary_cycles(_edges(nodes), starts, budget):
        if len(told) == MOST_CYCLES:
            return list(told.values()), False
        links = [nodes[n].link() for n in cycle]
        ids = [link.workflow for link in links]
        first = min(range(len(ids)), key=lambda at: (*ids[at:], *ids[:at]))
        walk = (*ids[first:], *ids[:first])
        if walk not in told and (len(set(walk)) == len(walk) or not any(_within(one, walk) for one in told)):
            told[walk] = Cycle(org, (*links[first:], *links[:first]))
    return list(told.values()), not budget.spent


def _within(walk: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether all that the first goes through the second goes through too, so that it tells nothing new."""
    return _hops(walk) <= _hops(other)


def _hops(walk: tuple[str, ...]) -> set[tuple[str, str]]:
    return set(pairwise((*walk, walk[0])))


def _edges(nodes: list[_Node]) -> list[list[int]]:
    by_trigger: dict[str, list[int]] = {}
    for n, node in enumerate(nodes):
        by_trigger.setdefault(node.definition.trigger.type, []).append(n)
    found = []
    for node in nodes:
        answers: dict[int, bool | None] = {}
        ahead = by_trigger.get(node.effect.type, ())
        found.append([n for n in ahead if nodes[n].reached_by(node.event, answers)])
    return found


class Walked:
    """A definition, walked through once for any number of searches: what it does that can be part of a loop."""

    __slots__ = ("definition", "nodes")

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        unlike: dict[str, _Node] = {}
        # A draft may have no trigger.
        for node in _Walk(definition).nodes if getattr(definition, "trigger", None) is not None else ():
            likeness = f"{node.event!r} {[(id(condition), wanted) for condition, wanted in node.needs]}"
            unlike.setdefault(likeness, node)
        self.nodes = tuple(unlike.values())

    @property
    def essence(self) -> str:
        """Equal for definitions of which the same loops are told; most edits of a text leave it as it is."""
        mine = self.definition
        nodes = [
            (node.link(), node.event, [(condition.condition, wanted) for condition, wanted in node.needs])
            for node in self.nodes
        ]
        return repr((mine.org, mine.id, mine.trigger.type, nodes)) if nodes else ""


def _nodes(walks: list[Walked]) -> list[_Node]:
    """The actions that can be part of a loop, as far as event types tell; of those that are alike in one, the first."""
    found = [node for walked in walks for node in walked.nodes]
    types = list(EVENT_TYPES)
    at = {name: n for n, name in enumerate(types)}
    ahead: list[list[int]] = [[] for _ in types]
    for node in found:
        ahead[at[node.definition.trigger.type]].append(at[node.effect.type])
    part = components(ahead)
    return [node for node in found if part[at[node.definition.trigger.type]] == part[at[node.effect.type]]]


class _Walk:
    """Goes through a definition's steps and finds its nodes."""

    def __init__(self, definition: Definition) -> None:
        self.nodes: list[_Node] = []
        self._definition = definition
        self._trigger = definition.trigger.type
        self._set: set[str] = set()
        """Fields of the triggering entity that a step before may have set."""
        # A restart takes another event, and what the conditions found of the first is not known of that one.
        self._forgotten = bool(definition.restart_on)
        begin: _Needs = () if definition.conditions is None else ((Possible(definition.conditions), True),)
        self._steps(definition.steps, "", begin)

    def _steps(self, steps: list[Any], outer: str, needs: _Needs) -> None:
        for step in steps:
            path = f"{outer}{step.id}"
            if isinstance(step, GateStep):
                needs = (*needs, (Possible(step.condition), True))
            elif isinstance(step, BranchStep):
                condition = Possible(step.if_)
                self._steps(step.then, f"{path}.then.", (*needs, (condition, True)))
                self._steps(step.else_, f"{path}.else.", (*needs, (condition, False)))
            elif isinstance(step, ActionStep):
                self._action(step, path, needs)

    def _action(self, step: ActionStep, path: str, needs: _Needs) -> None:
        caused = effects(step.action, step.with_, self._trigger)
        for effect in caused:
            facts = self._facts(effect, needs) if effect.own else {}
            self.nodes.append(_Node(self._definition, path, effect, needs, facts))
        mine = [one.changed for one in caused if entity_of(one.type) == entity_of(self._trigger)]
        self._forgotten = self._forgotten or step.action == "delay" or None in mine
        self._set.update(name for changed in mine for name in changed or ())

    def _facts(self, effect: Effect, needs: _Needs) -> _Facts:
        """What the conditions on the way have found of the triggering entity, and the action leaves as it is."""
        if self._forgotten or effect.changed is None:
            return {}
        entity, gone = entity_of(self._trigger), self._set | effect.changed
        found = {path: known for one, wanted in needs if wanted for path, known in one.facts().items()}
        return {
            path: known
            for path, known in found.items()
            if len(path) == 2 and path[0] == entity and str(path[1]) not in gone
        }
