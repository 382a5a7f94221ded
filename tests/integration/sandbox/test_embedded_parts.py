import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import asyncpg
import orjson
import psutil
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from runtime.kafka import partition_of
from sandbox import process
from sandbox.broker import Tansu
from sandbox.errors import SandboxError
from sandbox.kafka import Kafka
from sandbox.modules.publisher import Publisher
from sandbox.postgres import Postgres
from sandbox.process import free_port
from sandbox.wire import answers
from schemas.events.decode import decode

HOST = "127.0.0.1"


async def create_topic(bootstrap: str, name: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, partitions, 1)])
    await admin.close()


async def read_all(bootstrap: str, topic: str, count: int) -> list[object]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=10)
    await consumer.start()
    records = [await consumer.getone() for _ in range(count)]
    await consumer.stop()
    return records


async def query(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_tansu_answers_and_a_restart_keeps_the_port(tmp_path: Path) -> None:
    with Tansu(tmp_path) as broker:
        assert answers(HOST, broker.port)
        await create_topic(broker.bootstrap, "onestack.events.rmm", 4)
        broker.kill()
        assert not answers(HOST, broker.port)
        broker.start()
        assert answers(HOST, broker.port)


async def test_published_events_are_cloudevents_on_the_murmur2_partition(tmp_path: Path) -> None:
    with Tansu(tmp_path) as broker:
        await create_topic(broker.bootstrap, "onestack.events.rmm", 4)
        publisher = Publisher(broker.bootstrap)
        await publisher.start()
        made = [publisher.event("device.offline", "acme", {"device": {"id": f"d-{n}"}}) for n in range(12)]
        for event in made:
            await publisher.publish(event)
        await publisher.stop()
        for record in await read_all(broker.bootstrap, "onestack.events.rmm", 12):
            read = decode(record.value, record.headers)  # type: ignore[attr-defined]
            assert record.key == read.entity_key.encode()  # type: ignore[attr-defined]
            assert record.partition == partition_of(record.key, 4)  # type: ignore[attr-defined]
            assert orjson.loads(record.value) in made  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["plain", "with spaces", "deep/" + "long-" * 30, "quote's"])
async def test_postgres_starts_in_any_folder_and_keeps_its_data(tmp_path: Path, name: str) -> None:
    with Postgres(tmp_path / name) as postgres:
        assert await query(postgres.url, "select current_setting('fsync')") == "on"
        await query(postgres.url, "create table kept as select 42 as answer")
        postgres.kill()
        postgres.start()
        assert await query(postgres.url, "select answer from kept") == 42
        postgres.stop()
        postgres.start()
        assert await query(postgres.url, "select answer from kept") == 42


async def test_postgres_is_closed_to_other_users(tmp_path: Path) -> None:
    with Postgres(tmp_path) as postgres:
        assert stat.S_IMODE(postgres.data.stat().st_mode) == 0o700
        assert await query(postgres.url, "show listen_addresses") == ""


async def test_postgres_takes_settings(tmp_path: Path) -> None:
    with Postgres(tmp_path, settings={"fsync": "off", "max_connections": 20}) as postgres:
        assert await query(postgres.url, "show fsync") == "off"


def test_children_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, time, threading\n"
        "from sandbox.broker import Tansu\n"
        "from sandbox.postgres import Postgres\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "parts = []\n"
        # Started from a thread that ends at once, which must not end the children.
        "thread = threading.Thread(target=lambda: parts.extend([Tansu(folder).start(), Postgres(folder).start()]))\n"
        "thread.start(); thread.join(); time.sleep(0.3)\n"
        "print(*(part.process.pid for part in parts if part.process.poll() is None), flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    assert len(children) == 2
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    _gone, alive = psutil.wait_procs(children, timeout=10)
    assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []


def test_a_part_that_cannot_start_says_why_in_one_sentence(tmp_path: Path) -> None:
    with Tansu(tmp_path / "a") as first:
        with pytest.raises(SandboxError, match="the Tansu broker ended with code"):
            Tansu(tmp_path / "b", port=_not_bindable()).start()
        assert free_port(first.port) != first.port


def _not_bindable() -> int:
    return 65536  # beyond the last port there is


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has sockets by a name without a file")
def test_a_port_is_given_to_one_process_at_a_time() -> None:
    port = free_port()

    def another_is_given() -> int:
        asks = f"from sandbox.process import free_port; print(free_port({port}))"
        return int(subprocess.check_output([sys.executable, "-c", asks]))

    assert another_is_given() != port
    assert free_port(port) == port, "it is still ours"
    claim = process._given.pop(port)
    assert claim is not None
    os.close(claim)
    assert another_is_given() == port


def test_kafka_without_java_or_maven_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(SandboxError, match=r"Java 17 or later.*install a JRE"):
        Kafka(tmp_path / "k").start()
    (tmp_path / "java").write_text("#!/bin/sh\n")
    (tmp_path / "java").chmod(0o755)
    with pytest.raises(SandboxError, match=r"no `mvn` command: install Maven"):
        Kafka(tmp_path / "k").start()


@pytest.mark.kafka
async def test_kafka_keeps_data_and_port_over_a_kill(tmp_path: Path) -> None:
    with Kafka(tmp_path / "with space", options={"log.flush.interval.messages": 1}) as kafka:
        port = kafka.port
        await create_topic(kafka.bootstrap, "onestack.events.rmm", 2)
        publisher = Publisher(kafka.bootstrap)
        await publisher.start()
        await publisher.publish(publisher.event("device.offline", "acme", {"device": {"id": "d"}}))
        await publisher.stop()
        kafka.kill()
        kafka.start()
        assert kafka.port == port
        (record,) = await read_all(kafka.bootstrap, "onestack.events.rmm", 1)
        assert b"device.offline" in record.value  # type: ignore[attr-defined]
