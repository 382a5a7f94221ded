from __future__ import annotations

from schemas.export.topics import TOPICS
from streams.topics import topics


def test_the_documented_topics_are_those_that_the_engine_creates() -> None:
    documented = {topic.name: (topic.cleanup, topic.one_partition) for topic in TOPICS}
    created = {topic.name: (topic.config["cleanup.policy"], topic.single) for topic in topics()}
    assert documented == created


def test_the_documented_retention_is_what_the_engine_sets() -> None:
    day = 24 * 3600 * 1000
    documented = {topic.name: topic.days and str(topic.days * day) for topic in TOPICS}
    assert documented == {topic.name: topic.config.get("retention.ms") for topic in topics()}
