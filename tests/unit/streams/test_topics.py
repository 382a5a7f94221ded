from __future__ import annotations

import pytest

from schemas.errors import Refused
from schemas.names import COMMAND_TOPICS, DEFINITIONS, EVENT_TOPICS, RUNS
from streams.topics import _common_count, topics

TOPICS = {topic.name: topic for topic in topics(["onestack.workflow.commands.nothing"])}


def test_every_documented_topic_is_there() -> None:
    assert {DEFINITIONS, RUNS, *EVENT_TOPICS.values(), *COMMAND_TOPICS.values()} < set(TOPICS)
    assert len(TOPICS) == 7 + 1 + 10 + 1 + 1 + 1 + 1
    assert all(topic.config["max.message.bytes"] == str(2 * 1024 * 1024) for topic in TOPICS.values())


def test_the_definitions_alone_are_compacted_and_on_one_partition() -> None:
    assert [name for name, topic in TOPICS.items() if topic.single] == [DEFINITIONS]
    assert [name for name, topic in TOPICS.items() if topic.config["cleanup.policy"] != "delete"] == [DEFINITIONS]


def test_topics_that_are_there_decide_the_number_of_partitions() -> None:
    wanted = list(TOPICS.values())
    assert _common_count(wanted, {}, 12) == 12
    assert _common_count(wanted, {RUNS: 6, DEFINITIONS: 1}, 12) == 6


def test_topics_that_disagree_are_refused_with_their_numbers() -> None:
    wanted = list(TOPICS.values())
    rmm = EVENT_TOPICS["rmm"]
    with pytest.raises(Refused, match=rf"ONESTACK_PARTITIONS: .*{rmm} has 4, {RUNS} has 6"):
        _common_count(wanted, {RUNS: 6, rmm: 4}, 12)
    with pytest.raises(Refused, match="must have one partition, but has 3"):
        _common_count(wanted, {DEFINITIONS: 3}, 12)
