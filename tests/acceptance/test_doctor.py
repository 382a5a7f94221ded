"""`onestack doctor` against real breakages: each is found, with what to do, and hides none of the others."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import trustme
from aiokafka.admin import AIOKafkaAdminClient

from runtime.postgres import connect
from sandbox.process import end
from schemas.names import SIGNALS, TIMERS
from tests.acceptance.house import ONESTACK, House
from tests.topics import replace_settings

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

DEFINITION: Final = """\
id: hook
org: acme
version: 1
name: Hook
state: enabled
trigger: {type: alert.triggered}
steps:
  - {id: call, action: webhook, with: {url: "https://example.com/in", secret: "secret:SIGNING"}}
"""
PASSWORD: Final = "hunter2-and-more"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    one = House(kafka=True)
    try:
        one.start()
        definition = one.folder / "hook.yaml"
        definition.write_text(DEFINITION)
        one.onestack("topics", "create")  # the worker may be at it still
        one.onestack("publish", str(definition))
        yield one
    finally:
        one.stop()


def doctor(house: House, **more: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """The exit code, and what was found by check."""
    env = {**house.env, "ONESTACK_SECRET_SIGNING": "whsec_c2lnbmluZw==", **more}
    done = subprocess.run(
        [ONESTACK, "doctor", "--seconds", "15", "--json"],
        env=env, cwd=house.folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert PASSWORD not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    found: dict[str, list[dict[str, Any]]] = {}
    for one in json.loads(done.stdout)["findings"]:
        assert one["level"] == "ok" or one["todo"], "whatever is wrong comes with what to do"
        found.setdefault(one["check"], []).append(one)
    return done.returncode, found


def faults(found: dict[str, list[dict[str, Any]]], check: str) -> str:
    return "\n".join(one["detail"] for one in found.get(check, []) if one["level"] == "fault")


def test_where_all_is_well_there_is_no_fault(house: House) -> None:
    code, found = doctor(house)
    wrong = [one for findings in found.values() for one in findings if one["level"] == "fault"]
    assert wrong == []
    assert code == 0
    checks = {
        "broker",
        "topics",
        "workers",
        "projector",
        "lag",
        "definitions",
        "database",
        "tables",
        "history",
        "clock",
    }
    assert checks | {"targets", "secrets"} <= set(found)
    assert "1 definitions are there: 1 enabled" in str(found["definitions"])
    assert "Postgres' clock agrees" in str(found["clock"])
    told = subprocess.run([ONESTACK, "doctor"], env=house.env, capture_output=True, text=True, timeout=60, check=False)
    assert "0 faults" in told.stdout or "secret" in told.stdout


def test_targets_that_can_not_be_reached_are_told_apart(house: House, tmp_path: Path) -> None:
    with _listening(b"") as silent, _listening(b"554 go away\r\n") as mail, _expired(tmp_path) as (secured, authority):
        code, found = doctor(
            house,
            ONESTACK_PSA_URL="http://127.0.0.1:1",
            ONESTACK_RMM_URL="http://nowhere.invalid",
            ONESTACK_HUB_URL=f"http://127.0.0.1:{silent}",
            ONESTACK_ONCALL_URL=f"https://localhost:{secured}",
            ONESTACK_SMTP_URL=f"smtp://someone:{PASSWORD}@127.0.0.1:{mail}",
            SSL_CERT_FILE=str(authority),
        )
    told = faults(found, "targets")
    assert code == 1
    assert "the psa module at 127.0.0.1:1 can't be reached: Connection refused" in told
    assert "the rmm module at nowhere.invalid:80: the name can't be resolved" in told
    assert f"the hub module at 127.0.0.1:{silent}: no answer within 5 s" in told
    assert f"the oncall module at localhost:{secured}: its certificate is not good: certificate has expired" in told
    assert f"the mail server at 127.0.0.1:{mail} can't be reached" in told
    assert faults(found, "broker") == faults(found, "database") == ""


def test_settings_files_and_secrets_that_do_not_fit(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "OTHER").write_text("x")
    (folder / "OTHER").chmod(0o644)
    code, found = doctor(
        house, ONESTACK_SECRETS_DIR=str(folder), ONESTACK_SECRET_SIGNING="", ONESTACK_WEBHOOK_ALLOW="0.0.0.0/0",
        ONESTACK_TIMER_STORE="rocksdb", ONESTACK_KAFKA_CA_FILE=str(tmp_path / "none.pem"),
    )  # fmt: skip
    assert code == 1
    assert "acme/hook names the secret 'SIGNING', which is not there" in faults(found, "secrets")
    assert "can be read by everyone" in str(found["secrets"])
    assert "any workflow may call anything" in faults(found, "settings")
    assert "needs ONESTACK_DATA_DIR" in faults(found, "settings")
    assert "ONESTACK_KAFKA_CA_FILE" in faults(found, "files")
    code, found = doctor(house, ONESTACK_PARTITIONS="none")
    assert (code, list(found)) == (1, ["settings"])
    assert "ONESTACK_PARTITIONS" in faults(found, "settings")


async def test_topics_tables_and_workers_that_are_not_as_they_should_be(house: House) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=house.broker.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([SIGNALS])
    finally:
        await admin.close()
    # The broker does one after the other: when it tells of the settings, the topic is gone.
    await replace_settings(house.broker.bootstrap, TIMERS, {"cleanup.policy": "delete"})
    connection = await connect(house.env["ONESTACK_POSTGRES_URL"])
    await connection.execute("delete from history_data.migrations where version = (select max(version) from "
                             "history_data.migrations)")  # fmt: skip
    await connection.close()
    assert end(house.processes.pop("worker"), signal.SIGTERM) == 0
    code, found = doctor(house)
    assert code == 1
    assert f"1 topic missing, {SIGNALS}: what belongs there waits" in faults(found, "topics")
    assert f"{TIMERS}: cleanup.policy is delete, where compact is wanted" in faults(found, "topics")
    (mend,) = [one["todo"] for one in found["topics"] if f"{TIMERS}: cleanup.policy" in one["detail"]]
    assert "kafka-configs.sh" in mend
    assert "Migrations are missing" in faults(found, "tables")
    assert "Nobody is in the group onestack-worker" in faults(found, "workers")
    assert faults(found, "projector") == ""


def test_a_database_that_is_away_hides_nothing_of_kafka_and_the_other_way_round(house: House) -> None:
    url = f"postgresql://someone:{PASSWORD}@127.0.0.1:1/history"
    code, found = doctor(house, ONESTACK_POSTGRES_URL=url)
    assert code == 1
    assert "Postgres at 127.0.0.1:1" in faults(found, "database")
    assert faults(found, "broker") == ""
    code, found = doctor(house, ONESTACK_BROKER="127.0.0.1:1")
    assert code == 1
    assert "Kafka at 127.0.0.1:1 does not answer, spoken to by PLAINTEXT" in faults(found, "broker")
    assert faults(found, "database") == ""
    with _listening(b"") as silent:
        code, found = doctor(house, ONESTACK_BROKER=f"127.0.0.1:{silent}")
    assert code == 1
    assert faults(found, "broker")
    assert faults(found, "database") == ""


@contextlib.contextmanager
def _listening(greeting: bytes) -> Iterator[int]:
    """A port that takes connections, greets, and then says nothing for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    kept.append(connection)
                    connection.sendall(greeting)

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        for one in kept:
            one.close()


@contextlib.contextmanager
def _expired(folder: Path) -> Iterator[tuple[int, Path]]:
    """A TLS server whose certificate has ended, and the file of the authority that it is from."""
    import ssl

    authority = trustme.CA()
    ended = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", not_before=ended - dt.timedelta(days=9), not_after=ended).configure_cert(context)
    file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True):
                        pass

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], file
