from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from runtime.settings import Settings, load
from schemas.errors import Refused

SECRET = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("ONESTACK_"):
            monkeypatch.delenv(name)


def test_the_defaults_are_the_documented_ones() -> None:
    found = load()
    assert (found.partitions, found.max_calls, found.max_event_bytes, found.storm_limit) == (12, 64, 256 * 1024, 0)
    assert found.brokers == ["127.0.0.1:9092"]
    assert found.webhook_allow == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARTITIONS", "many"),
        ("PARTITIONS", "0"),
        ("PARTITIONS", "1.5"),
        ("REPLICATION", "8"),
        ("WEBHOOK_ALLOW", "10.0.0.0/99"),
        ("WEBHOOK_ALLOW", "10.0.0.0/8,localhost"),
        ("ACTION_TIMEOUT", "0"),
        ("MAX_CALLS", "0"),
        ("MAX_EVENT_BYTES", "2000000"),
        ("REPEAT_WINDOW", "299"),
        ("STORM_LIMIT", "-1"),
        ("SESSION_TIMEOUT", "long"),
        ("COMMIT_INTERVAL", "0"),
        ("FETCH_MAX_WAIT_MS", "0"),
        ("METRICS_PORT", "65536"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_refusal_names_the_variable(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"ONESTACK_{name}", value)
    with pytest.raises(Refused) as refused:
        load()
    assert [fault.field for fault in refused.value.faults] == [f"ONESTACK_{name}"]
    assert "\n" not in str(refused.value)


def test_every_wrong_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTACK_PARTITIONS", "x")
    monkeypatch.setenv("ONESTACK_MAX_CALLS", "y")
    with pytest.raises(Refused) as refused:
        load()
    assert {fault.field for fault in refused.value.faults} == {"ONESTACK_PARTITIONS", "ONESTACK_MAX_CALLS"}


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTACK_POSTGRES_URL", f"postgresql://ann:{SECRET}@db/x")
    monkeypatch.setenv("ONESTACK_MODULE_TOKEN", SECRET)
    monkeypatch.setenv("ONESTACK_SMTP_URL", f"smtp://ann:{SECRET}@mail:25")
    found = load()
    assert SECRET not in repr(found) + str(found) + found.model_dump_json()
    assert found.module_token is not None
    assert found.module_token.get_secret_value() == SECRET
    monkeypatch.setenv("ONESTACK_PARTITIONS", SECRET)
    with pytest.raises(Refused) as refused:
        load()
    assert SECRET not in str(refused.value) + repr(refused.value)


@pytest.mark.parametrize("name", ["INSTANCE", "DATA_DIR", "PSA_URL", "MODULE_TOKEN", "SMTP_URL", "SECRETS_DIR"])
def test_an_optional_variable_that_is_blank_counts_as_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"ONESTACK_{name}", " ")
    assert getattr(load(), name.lower()) is None


def test_lists_are_read_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTACK_BROKER", "a:9092, b:9092")
    monkeypatch.setenv("ONESTACK_WEBHOOK_ALLOW", "10.1.2.3/8, ::1,")
    found = load()
    assert found.brokers == ["a:9092", "b:9092"]
    assert found.webhook_allow == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1"))


def test_what_is_given_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTACK_PARTITIONS", "5")
    monkeypatch.setenv("ONESTACK_SECRET_X", "of no interest here")
    assert load().partitions == 5
    assert load(partitions=7).partitions == 7


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_is(name: str) -> None:
    described = {"mail_from", "broker"} | {n for n, field in Settings.model_fields.items() if field.description}
    assert name in described


def test_a_secret_is_read_from_the_file_that_its_variable_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "url"
    file.write_text(f"postgresql://u:{SECRET}@db/history\n")
    monkeypatch.setenv("ONESTACK_POSTGRES_URL_FILE", str(file))
    monkeypatch.setenv("ONESTACK_POSTGRES_URL", "")
    found = load()
    assert found.postgres_url.get_secret_value() == f"postgresql://u:{SECRET}@db/history"
    assert SECRET not in repr(found)


def test_secret_files_are_refused_by_their_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(SECRET)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_text("x" * 65_537)
    monkeypatch.setenv("ONESTACK_MODULE_TOKEN", SECRET)
    monkeypatch.setenv("ONESTACK_MODULE_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("ONESTACK_POSTGRES_URL_FILE", str(tmp_path / "missing"))
    monkeypatch.setenv("ONESTACK_SMTP_URL_FILE", str(tmp_path / "binary"))
    monkeypatch.setenv("ONESTACK_KAFKA_PASSWORD_FILE", str(tmp_path / "large"))
    with pytest.raises(Refused) as refused:
        load()
    assert {fault.field for fault in refused.value.faults} == {
        "ONESTACK_MODULE_TOKEN_FILE",
        "ONESTACK_POSTGRES_URL_FILE",
        "ONESTACK_SMTP_URL_FILE",
        "ONESTACK_KAFKA_PASSWORD_FILE",
    }
    assert SECRET not in str(refused.value)
    assert "No such file" in str(refused.value)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, {"KAFKA_USERNAME", "KAFKA_PASSWORD"}),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_USERNAME": "worker"}, {"KAFKA_PASSWORD"}),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "OAUTHBEARER"},
            {"KAFKA_OAUTH_TOKEN_URL", "KAFKA_OAUTH_CLIENT_ID", "KAFKA_OAUTH_CLIENT_SECRET"},
        ),
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, {"KAFKA_SECURITY_PROTOCOL"}),
        ({"KAFKA_SASL_MECHANISM": "GSSAPI"}, {"KAFKA_SASL_MECHANISM"}),
        ({"KAFKA_PASSWORD": SECRET}, {"KAFKA_PASSWORD"}),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_KEY_FILE": "/key.pem"}, {"KAFKA_CERT_FILE"}),
    ],
)
def test_kafka_security_that_is_not_whole_is_refused(
    given: dict[str, str], names: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"ONESTACK_{name}", value)
    with pytest.raises(Refused) as refused:
        load()
    assert {fault.field for fault in refused.value.faults} == {f"ONESTACK_{name}" for name in names}
    assert SECRET not in str(refused.value)
