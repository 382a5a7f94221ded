"""Which differences of a topic are told, how bad they are, and what mends them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.names import ADMISSIONS, COMMAND_TOPICS, DEAD_LETTERS, DEFINITIONS, EVENT_TOPICS, RUNS, TIMERS
from streams.topic_rules import OFFSETS, Finding, Found, Partition, check, plan
from streams.topics import MIN_INSYNC, min_insync, topics

RMM = EVENT_TOPICS["rmm"]
DAY = 24 * 3600 * 1000
WANTED = topics()


def cluster(replication: int = 3, partitions: int = 4) -> dict[str, Found]:
    """A cluster as `onestack topics create` leaves it."""
    brokers = tuple(range(1, replication + 1))
    found = {}
    for topic in WANTED:
        parts = tuple(Partition(number, brokers) for number in range(1 if topic.single else partitions))
        config = {**topic.config, MIN_INSYNC: str(min_insync(replication)), "retention.bytes": "-1"}
        found[topic.name] = Found(topic.name, parts, config)
    found[OFFSETS] = Found(OFFSETS, (Partition(0, brokers),))
    return found


def findings(there: dict[str, Found], replication: int = 3) -> list[Finding]:
    return check(WANTED, there, 4, replication)


def with_setting(name: str, setting: str, value: str) -> Finding:
    """The one finding of a cluster that differs in this."""
    there = cluster()
    there[name] = replace(there[name], config={**there[name].config, setting: value})
    (one,) = findings(there)
    assert (one.topic, one.setting, one.actual) == (name, setting, value)
    return one


@pytest.mark.parametrize("replication", [1, 2, 3])
def test_what_is_created_has_no_difference(replication: int) -> None:
    assert findings(cluster(replication), replication) == []


def test_two_of_three_copies_acknowledge_and_fewer_copies_need_one() -> None:
    assert [min_insync(copies) for copies in (1, 2, 3)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("name", "setting", "value", "severity"),
    [
        (RUNS, "cleanup.policy", "compact", "danger"),
        (DEFINITIONS, "cleanup.policy", "compact,delete", "danger"),
        (TIMERS, "cleanup.policy", "delete", "danger"),
        (RMM, "message.timestamp.type", "CreateTime", "danger"),
        (RMM, "max.message.bytes", "1048588", "danger"),
        (RMM, "max.message.bytes", "8388608", "warning"),
        (RMM, "retention.ms", str(2 * DAY), "warning"),
        (RMM, "retention.ms", str(DAY // 2), "danger"),
        (RMM, "retention.ms", "-1", "warning"),
        (RUNS, "retention.ms", str(30 * DAY), "warning"),
        (ADMISSIONS, "retention.ms", str(30 * DAY), "danger"),
        (DEAD_LETTERS, "retention.ms", str(7 * DAY), "warning"),
        (RMM, "retention.bytes", "1000000", "warning"),
        (ADMISSIONS, "retention.bytes", "1000000", "danger"),
        (DEFINITIONS, "min.compaction.lag.ms", "0", "danger"),
        (DEFINITIONS, "max.compaction.lag.ms", "60000", "danger"),
        (DEFINITIONS, "delete.retention.ms", "1000", "danger"),
        (TIMERS, "segment.ms", str(7 * DAY), "warning"),
        (RUNS, "unclean.leader.election.enable", "true", "danger"),
        (RUNS, MIN_INSYNC, "1", "danger"),
        (RUNS, MIN_INSYNC, "3", "danger"),
    ],
)
def test_a_setting_that_differs_is_told_with_the_command_that_mends_it(
    name: str, setting: str, value: str, severity: str
) -> None:
    one = with_setting(name, setting, value)
    assert one.severity == severity
    assert one.apply == one.wanted != value
    assert f"--entity-name {name} --add-config {setting}={one.wanted}" in one.mend


def test_equal_values_may_be_written_otherwise() -> None:
    there = cluster()
    there[TIMERS] = replace(there[TIMERS], config={**there[TIMERS].config, "min.cleanable.dirty.ratio": "0.20"})
    assert findings(there) == []


def test_a_topic_made_before_min_insync_was_set_is_told_and_a_setting_that_is_not_told_is_unknown() -> None:
    there = cluster()
    told = dict(there[RUNS].config)
    del told[MIN_INSYNC]
    there[RUNS] = replace(there[RUNS], config=told)
    there[RMM] = replace(there[RMM], config={}, untold="UnsupportedVersionError")
    assert [(one.severity, one.topic) for one in findings(there)] == [("unknown", RMM), ("unknown", RUNS)]


def test_missing_topics_and_those_of_nobody() -> None:
    there = cluster()
    del there[RMM]
    there["onestack.events.rmmm"] = Found("onestack.events.rmmm", (Partition(0, (1,)),))
    first, second = findings(there)
    assert (first.severity, first.topic, first.mend) == ("danger", RMM, "onestack topics create")
    assert (second.severity, second.topic) == ("warning", "onestack.events.rmmm")


def test_partitions_that_disagree_are_a_danger_and_another_common_number_a_warning() -> None:
    there = cluster(partitions=4)
    there[RMM] = replace(there[RMM], partitions=there[RMM].partitions[:2])
    (one,) = findings(there)
    assert (one.severity, one.wanted, one.actual, one.apply) == ("danger", "4", "2", None)
    (other,) = check(WANTED, cluster(partitions=6), 4, 3)
    assert (other.severity, other.topic) == ("warning", "all topics")
    assert other.mend.startswith("set ONESTACK_PARTITIONS=6;")
    there = cluster()
    there[DEFINITIONS] = replace(there[DEFINITIONS], partitions=there[RMM].partitions)
    assert [(one.severity, one.topic) for one in findings(there)] == [("danger", DEFINITIONS)]


def test_copies_that_are_missing_are_a_danger_also_for_kafkas_own_offsets_and_a_plan_adds_them() -> None:
    there = cluster()
    single = tuple(replace(part, replicas=(2,)) for part in there[RUNS].partitions)
    there[RUNS] = replace(there[RUNS], partitions=single, config={**there[RUNS].config, MIN_INSYNC: "1"})
    there[OFFSETS] = Found(OFFSETS, (Partition(0, (3,)),))
    found = findings(there)
    assert [(one.severity, one.topic, one.setting) for one in found] == [
        ("danger", OFFSETS, "replication"),
        ("danger", RUNS, "replication"),
    ]
    moves = plan(found, there, [1, 2, 3])["partitions"]
    assert isinstance(moves, list)
    assert {(move["topic"], move["partition"]) for move in moves} == {(OFFSETS, 0), *((RUNS, n) for n in range(4))}
    for move in moves:
        first = 3 if move["topic"] == OFFSETS else 2
        assert move["replicas"][0] == first
        assert sorted(move["replicas"]) == [1, 2, 3]


def test_min_insync_follows_the_copies_that_a_topic_has() -> None:
    """With one copy, two acknowledgements would stop every write: it is raised when the copies are there."""
    there = cluster(replication=1)
    there[RUNS] = replace(there[RUNS], config={**there[RUNS].config, MIN_INSYNC: "2"})
    (one,) = findings(there, replication=1)
    assert (one.severity, one.setting, one.apply) == ("danger", MIN_INSYNC, "1")


def test_command_topics_are_checked_like_the_others() -> None:
    assert {topic.name for topic in WANTED} >= set(COMMAND_TOPICS.values())


def test_every_setting_that_is_created_is_judged() -> None:
    for topic in WANTED:
        for setting, value in topic.config.items():
            other = str(float(value) * 2) if setting.endswith("ratio") else f"{value}0" if value.isdigit() else "other"
            assert with_setting(topic.name, setting, other).severity in {"danger", "warning"}
