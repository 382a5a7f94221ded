"""`onestack topics` against brokers: what is created has no difference, and what was changed is found and mended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from sandbox.broker import Tansu
from sandbox.kafka import Kafka
from schemas.names import DEFINITIONS, EVENT_TOPICS, RUNS
from streams.topics import MIN_INSYNC
from tests.topics import own_settings, replace_settings

RMM = EVENT_TOPICS["rmm"]


@pytest.fixture(scope="module")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Tansu(tmp_path_factory.mktemp("tansu")) as broker:
        yield broker.bootstrap


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[str]:
    with Kafka(tmp_path) as broker:
        yield broker.bootstrap


def topics(broker: str, *arguments: str) -> tuple[int, Any]:
    """Exit code, and stdout: as JSON where that was asked for."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "topics", *arguments],
        env={**os.environ, "ONESTACK_BROKER": broker, "ONESTACK_PARTITIONS": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "internal error" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout) if "--json" in arguments else done.stdout


async def make(broker: str, *new: NewTopic) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    await admin.create_topics(list(new))
    await admin.close()


def test_on_the_embedded_broker_missing_topics_are_a_danger_until_they_are_created(tansu: str) -> None:
    code, missing = topics(tansu, "check", "--json")
    assert (code, missing["ok"]) == (1, False)
    assert {one["mend"] for one in missing["findings"]} == {"onestack topics create"}
    assert topics(tansu, "create")[0] == 0
    code, told = topics(tansu, "check", "--json")
    assert (code, told["ok"]) == (0, True)
    assert [one for one in told["findings"] if one["severity"] != "unknown"] == []


async def test_on_the_embedded_broker_a_stranger_is_a_warning_and_leaves_the_exit_code(tansu: str) -> None:
    topics(tansu, "create")
    await make(tansu, NewTopic("onestack.events.rmmm", 1, 1))
    code, text = topics(tansu, "check")
    assert code == 0
    assert "warning: onestack.events.rmmm" in text


@pytest.mark.kafka
async def test_on_kafka_differences_are_found_mended_and_other_settings_kept(kafka: str) -> None:
    # A topic as earlier versions made it goes on working, and one that somebody made by hand is found.
    await make(
        kafka,
        NewTopic(RMM, 2, 1, topic_configs={"retention.ms": "3600000", "compression.type": "zstd"}),
        NewTopic(DEFINITIONS, 1, 1, topic_configs={"cleanup.policy": "delete"}),
    )
    assert topics(kafka, "create")[0] == 0
    await replace_settings(kafka, RUNS, {**await own_settings(kafka, RUNS), "retention.ms": "-1"})
    code, told = topics(kafka, "check", "--json")
    found = {(one["topic"], one["setting"]): one for one in told["findings"]}
    assert code == 1
    assert found[RMM, "retention.ms"]["severity"] == "danger"
    assert found[DEFINITIONS, "cleanup.policy"]["severity"] == "danger"
    assert found[RUNS, "retention.ms"]["severity"] == "warning"
    assert {one["topic"] for one in told["findings"]} == {RMM, DEFINITIONS, RUNS}

    code, dry = topics(kafka, "apply", "--dry-run", "--json")
    assert code == 0
    assert topics(kafka, "check", "--json")[1]["findings"] == told["findings"], "a dry run changes nothing"
    code, done = topics(kafka, "apply", "--json")
    assert (code, done["changed"]) == (0, dry["changed"])
    code, told = topics(kafka, "check", "--json")
    assert (code, [(one["topic"], one["severity"]) for one in told["findings"]]) == (0, [(RUNS, "warning")])
    mine = await own_settings(kafka, RMM)
    assert (mine["compression.type"], mine["retention.ms"]) == ("zstd", str(7 * 24 * 3600 * 1000))
    assert MIN_INSYNC not in mine, "one copy needs one acknowledgement, which is the default"

    topics(kafka, "apply", "--warnings")
    assert topics(kafka, "check", "--json") == (0, {"ok": True, "brokers": 1, "replication": 1, "findings": []})
