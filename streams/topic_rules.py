"""What a topic of ours may look like: each setting with what it must be, and what comes of another value.

Pure: `check` compares what a cluster told with what `streams.topics` would make, and says for each difference how bad
it is and what mends it. A difference that endangers a guarantee of the product is a danger; one that an operator may
well have chosen, such as records that are kept longer, is a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from schemas.names import ADMISSIONS, DEAD_LETTERS, DEFINITIONS, GUARD, RUNS, SIGNALS, TIMERS
from streams.topics import MIN_INSYNC, min_insync

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streams.topics import Topic

Severity = Literal["danger", "warning", "unknown"]

OFFSETS: Final = "__consumer_offsets"
"""Kafka's own topic of committed offsets: a group whose offsets are lost begins anew."""
NAMESPACE: Final = "onestack."
_DAY: Final = 24 * 3600 * 1000
_FOREVER: Final = -1
_READ_BACK: Final = frozenset({SIGNALS, GUARD, ADMISSIONS})
"""Topics that a worker reads back when it starts: what is gone there is forgotten."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition as the cluster tells it: its number and the brokers that hold a copy, the preferred one first.

    `led` says whether a broker leads it, `behind` how many of the copies lack what the leader has.
    """

    number: int
    replicas: tuple[int, ...]
    led: bool = True
    behind: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the cluster has it.

    `config` is what is in force, broker defaults included; `own` are the names that were set on the topic itself.
    `untold` says why the configuration is not known.
    """

    name: str
    partitions: tuple[Partition, ...]
    config: Mapping[str, str] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    untold: str | None = None

    @property
    def replication(self) -> int:
        """The copies that its least copied partition has."""
        return min((len(one.replicas) for one in self.partitions), default=0)


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: which setting of which topic, both values, what comes of it, and what mends it.

    `apply` is the value to set where `onestack topics apply` can mend it.
    """

    severity: Severity
    topic: str
    setting: str
    wanted: str
    actual: str
    reason: str
    mend: str
    apply: str | None = None


def check(wanted: Sequence[Topic], there: Mapping[str, Found], partitions: int, replication: int) -> list[Finding]:
    """Every difference between the topics that are wanted and those that are there, dangers first."""
    found: list[Finding] = []
    for topic in wanted:
        if (one := there.get(topic.name)) is None:
            found.append(_missing(topic.name))
            continue
        found += _copies(one, replication)
        if one.untold is not None:
            found.append(_untold(topic.name, one.untold))
        else:
            found += _settings(topic, one)
    found += _partitions(wanted, there, partitions)
    if (offsets := there.get(OFFSETS)) is not None:
        found += _copies(offsets, replication)
    found += _strangers(wanted, there)
    order = ("danger", "warning", "unknown")
    return sorted(found, key=lambda one: (order.index(one.severity), one.topic, one.setting))


def configure(topic: str, setting: str, value: str) -> str:
    """The command of Kafka's own tools that sets it."""
    return (
        f'kafka-configs.sh --bootstrap-server "$ONESTACK_BROKER" --alter --entity-type topics --entity-name {topic} '
        f"--add-config {setting}={f'[{value}]' if ',' in value else value}"
    )


def _missing(name: str) -> Finding:
    reason = "what belongs there waits, or is refused by Kafka"
    return Finding("danger", name, "topic", "there", "missing", reason, "onestack topics create")


def _untold(name: str, why: str) -> Finding:
    reason = f"the broker does not tell its settings: {why}"
    return Finding(
        "unknown", name, "configuration", "as created", "not told", reason, "check it with the broker's tools"
    )


def _copies(one: Found, wanted: int) -> Iterator[Finding]:
    have = one.replication
    if have < wanted:
        mend = (
            "onestack topics check --plan raise.json, then kafka-reassign-partitions.sh --bootstrap-server "
            '"$ONESTACK_BROKER" --reassignment-json-file raise.json --execute'
        )
        reason = "acknowledged records are lost with the last broker that has a copy"
        yield Finding("danger", one.name, "replication", str(wanted), str(have), reason, mend)
    elif have > wanted and one.name != OFFSETS:
        reason = "more copies than asked for; new topics get fewer"
        yield Finding(
            "warning", one.name, "replication", str(wanted), str(have), reason, f"set ONESTACK_REPLICATION={have}"
        )


def _partitions(wanted: Sequence[Topic], there: Mapping[str, Found], setting: int) -> Iterator[Finding]:
    counts = {topic.name: len(there[topic.name].partitions) for topic in wanted if topic.name in there}
    single = counts.pop(DEFINITIONS, 1)
    if single != 1:
        reason = "definitions would be seen in different orders, so that workers disagree about which is in force"
        mend = "delete the topic and create it anew, then publish the definitions again"
        yield Finding("danger", DEFINITIONS, "partitions", "1", str(single), reason, mend)
    if not counts:
        return
    numbers = sorted(counts.values())
    usual = max(numbers, key=numbers.count)
    for name, count in counts.items():
        if count != usual:
            reason = f"the other topics have {usual}: an entity's records are no longer together, and no worker starts"
            mend = _repartition(name, count, usual)
            yield Finding("danger", name, "partitions", str(usual), str(count), reason, mend)
    if usual != setting:
        reason = "the topics decide; ONESTACK_PARTITIONS is not what is in force"
        mend = f"set ONESTACK_PARTITIONS={usual}; partitions of topics in use are never changed, for keys would move"
        yield Finding("warning", "all topics", "partitions", str(setting), str(usual), reason, mend)


def _repartition(name: str, count: int, usual: int) -> str:
    if count < usual:
        return (
            f'if it is empty: kafka-topics.sh --bootstrap-server "$ONESTACK_BROKER" --alter --topic {name} '
            f"--partitions {usual}; else its keys would move"
        )
    return "if it is empty: delete the topic, then onestack topics create; Kafka never takes partitions away"


def _settings(topic: Topic, one: Found) -> Iterator[Finding]:
    for setting, wanted in topic.config.items():
        actual = one.config.get(setting)
        if actual is None:
            yield Finding(
                "unknown", one.name, setting, wanted, "not told", "the broker does not know this setting", "–"
            )
        elif _plain(actual) != _plain(wanted):
            severity, reason = _judge(one, setting, wanted, actual)
            yield _set(severity, one.name, setting, wanted, actual, reason)
    yield from _insync(one)
    yield from _losses(topic, one)


def _plain(value: str) -> str:
    """One text for one value: `compact,delete` is `delete, compact`, 0.20 is 0.2."""
    try:
        return repr(float(value))
    except ValueError:
        return ",".join(sorted(part.strip() for part in value.split(",")))


def _set(severity: Severity, name: str, setting: str, wanted: str, actual: str, reason: str) -> Finding:
    return Finding(severity, name, setting, wanted, actual, reason, configure(name, setting, wanted), apply=wanted)


def _judge(one: Found, setting: str, wanted: str, actual: str) -> tuple[Severity, str]:
    """How bad it is that this setting has another value."""
    if setting == "retention.ms":
        return _kept(one.name, int(wanted), int(actual))
    if setting == "cleanup.policy":
        return "danger", _AGED if wanted == "compact" else _COMPACTED
    if setting in _AT_LEAST:
        less, more = _AT_LEAST[setting]
        return ("danger", less) if int(actual) < int(wanted) else ("warning", more)
    return _OTHERWISE[setting]


_AGED: Final = "records that are still needed are dropped as they age"
_AT_LEAST: Final = {
    "max.message.bytes": (
        "larger records, which the product accepts, are refused by the broker",
        "larger than asked for; the product writes none that are larger",
    ),
    "min.compaction.lag.ms": (
        "a refused definition may make compaction drop the one in force",
        "compaction comes later than asked for",
    ),
}
"""What comes of a smaller value, which is a danger, and of a larger one."""
_OTHERWISE: Final[dict[str, tuple[Severity, str]]] = {
    "message.timestamp.type": (
        "danger",
        "a worker that starts looks back in the logs by the broker's clock, not by each producer's",
    ),
    "segment.ms": ("warning", "a worker's start reads more, or the broker keeps more files, than it needs to"),
    "min.cleanable.dirty.ratio": (
        "warning",
        "a worker's start reads more, or the broker cleans more, than it needs to",
    ),
}
_COMPACTED: Final = "only the last record of a key would be kept: earlier events, commands or entries are lost"


def _kept(name: str, wanted: int, actual: int) -> tuple[Severity, str]:
    if actual == _FOREVER or actual > wanted:
        return "warning", "kept longer than asked for, at the cost of disk"
    if name in _READ_BACK:
        return "danger", "a worker that starts reads it back: what is gone is forgotten"
    if name == DEAD_LETTERS:
        return "warning", "dead letters can be sent again only as long as they are there"
    if actual < _DAY:
        return "danger", "records may be gone before they were read, after an outage of less than a day"
    if name == RUNS:
        return "warning", "the history can be made anew only as far back as the run log goes"
    return "warning", "an outage that lasts longer loses what was not read"


def _insync(one: Found) -> Iterator[Finding]:
    told = one.config.get(MIN_INSYNC)
    wanted = min_insync(one.replication)
    if told is None:
        reason = "the broker does not know this setting"
        yield Finding("unknown", one.name, MIN_INSYNC, str(wanted), "not told", reason, "–")
        return
    actual = int(told)
    if actual == wanted:
        return
    if actual < wanted:
        reason = "a record is acknowledged with one copy: it is lost if that broker is, before the others have it"
        severity: Severity = "danger"
    elif actual >= one.replication:
        reason = f"with {one.replication} copies nothing is acknowledged while one broker is away"
        severity = "danger"
    else:
        severity, reason = "warning", "stricter than asked for: writes stop sooner when brokers are away"
    yield _set(severity, one.name, MIN_INSYNC, str(wanted), str(actual), reason)


def _losses(topic: Topic, one: Found) -> Iterator[Finding]:
    """Settings that we leave to the broker, and that lose records where they were changed."""
    if one.config.get("unclean.leader.election.enable") == "true":
        reason = "a broker that lags may lead: acknowledged records are lost"
        yield _set("danger", one.name, "unclean.leader.election.enable", "false", "true", reason)
    size = int(one.config.get("retention.bytes", _FOREVER))
    if size != _FOREVER and topic.config["cleanup.policy"] == "delete":
        severity: Severity = "danger" if one.name in _READ_BACK else "warning"
        reason = "records are dropped by size, however young they are: a burst or an outage loses what was not read"
        yield _set(severity, one.name, "retention.bytes", str(_FOREVER), str(size), reason)
    compacts = one.config.get("max.compaction.lag.ms")
    lag = topic.config.get("min.compaction.lag.ms")
    if compacts is not None and lag is not None and int(compacts) < int(lag):
        reason = "compaction is forced before a refused definition's predecessor was published again"
        yield _set("danger", one.name, "max.compaction.lag.ms", lag, compacts, reason)
    tombstones = one.config.get("delete.retention.ms")
    if one.name in {DEFINITIONS, TIMERS} and tombstones is not None and int(tombstones) < 3600 * 1000:
        reason = "a reader that is slower than this sees what was deleted as still there"
        yield _set("danger", one.name, "delete.retention.ms", str(_DAY), tombstones, reason)


def _strangers(wanted: Sequence[Topic], there: Mapping[str, Found]) -> Iterator[Finding]:
    ours = {topic.name for topic in wanted}
    for name in sorted(there):
        if name.startswith(NAMESPACE) and name not in ours:
            reason = "no part of this version reads it: of another version, a benchmark, or a name that was mistyped"
            mend = f'if nobody needs it: kafka-topics.sh --bootstrap-server "$ONESTACK_BROKER" --delete --topic {name}'
            yield Finding("warning", name, "topic", "none", "there", reason, mend)


def plan(findings: Sequence[Finding], there: Mapping[str, Found], brokers: Sequence[int]) -> dict[str, object]:
    """A reassignment as Kafka's kafka-reassign-partitions.sh reads it, which gives every topic its missing copies.

    Copies that are there stay where they are; new ones go to the brokers in turn, so that all carry alike.
    """
    moves: list[dict[str, object]] = []
    for one in findings:
        if one.setting != "replication" or one.severity != "danger":
            continue
        for part in there[one.topic].partitions:
            start = part.number % max(1, len(brokers))
            turn = [*brokers[start:], *brokers[:start]]
            more = [broker for broker in turn if broker not in part.replicas]
            replicas = [*part.replicas, *more][: max(int(one.wanted), len(part.replicas))]
            moves.append({"topic": one.topic, "partition": part.number, "replicas": replicas})
    return {"version": 1, "partitions": moves}
