from __future__ import annotations

import pytest

from runtime.settings import Settings
from schemas.errors import Refused
from schemas.export.topics import TOPICS as DOCUMENTED
from schemas.names import DEFINITIONS, EVENT_TOPICS, RUNS, TIMERS
from streams.topics import _common_count, complete, topics

TOPICS = {topic.name: topic for topic in topics(["onestack.workflow.commands.nothing"])}


def test_what_is_created_is_what_is_documented() -> None:
    documented = {topic.name: topic for topic in DOCUMENTED}
    assert set(TOPICS) == {*documented, "onestack.workflow.commands.nothing"}
    for name, topic in documented.items():
        config = TOPICS[name].config
        assert (TOPICS[name].single, config["cleanup.policy"]) == (topic.one_partition, topic.cleanup)
        assert config.get("retention.ms") == (str(topic.days * 86_400_000) if topic.days else None)
        assert config["max.message.bytes"] == str(2 * 1024 * 1024)


def test_the_definitions_alone_are_on_one_partition_and_what_is_current_is_compacted() -> None:
    assert [name for name, topic in TOPICS.items() if topic.single] == [DEFINITIONS]
    kept = [name for name, topic in TOPICS.items() if topic.config["cleanup.policy"] == "compact"]
    assert kept == [DEFINITIONS, TIMERS]


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


def test_a_cluster_that_has_all_topics_tells_how_many_partitions_they_have() -> None:
    counts = {name: 1 if topic.single else 6 for name, topic in TOPICS.items()}

    class Cluster:
        def partitions_for_topic(self, name: str) -> set[int] | None:
            return set(range(counts[name])) if name in counts else None

    commands, cluster = ["onestack.workflow.commands.nothing"], Cluster()
    assert complete(cluster, Settings(), commands) == 6
    counts[RUNS] = 4
    with pytest.raises(Refused, match=f"{RUNS} has 4"):
        complete(cluster, Settings(), commands)
    del counts[RUNS]
    assert complete(cluster, Settings(), commands) is None
