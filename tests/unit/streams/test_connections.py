from __future__ import annotations

from typing import Any

from bench.workload import NOOP_TOPICS, NOOPS
from runtime.settings import load
from schemas.names import ACTIONS
from streams.app import build
from streams.connections import read_by
from streams.parts import Parts


class Named:
    def __init__(self, name: str) -> None:
        self.name = name

    async def perform(self, call: Any) -> Any:
        raise NotImplementedError


def _topics_of_the_app(*more: str) -> set[str]:
    settings = load()
    names = [name for name in (*ACTIONS, *more) if name != "delay"]
    app = build(settings, Parts(settings, 4), {name: Named(name) for name in names})
    return {topic for agent in app.agents.values() for topic in agent.channel.topics}


def test_the_group_is_joined_for_the_topics_that_the_app_reads() -> None:
    assert set(read_by()) == _topics_of_the_app()


def test_also_with_actions_of_ones_own() -> None:
    assert set(read_by(NOOP_TOPICS)) == _topics_of_the_app(*NOOPS)
