"""Every `ONESTACK_*` variable that a process reads, in one place."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from runtime.secret_files import SecretFiles
from schemas.durations import parse_duration
from schemas.errors import Fault, Refused, fault_of
from schemas.names import is_id

_SHORTEST_KEPT = timedelta(hours=1)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in given.split(",") if part.strip())
    except ValueError as error:
        message = f"{error}: write CIDR blocks with commas between them, such as 10.1.0.0/16,127.0.0.0/8"
        raise ValueError(message) from None


def _names(given: object) -> object:
    return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given


def _kept_for(given: object) -> object:
    if not isinstance(given, str):
        return given
    found = parse_duration(given)
    if found < _SHORTEST_KEPT:
        message = f"{given[:40]!r} is less than an hour"
        raise ValueError(message)
    return found


def _kept_by_org(given: object) -> object:
    if not isinstance(given, str):
        return given
    found: dict[str, object] = {}
    for part in filter(None, map(str.strip, given.split(","))):
        org, equals, text = part.partition("=")
        if not equals or not is_id(org.strip()):
            message = f"{part[:100]!r} is not an organisation and a duration, such as acme=90d"
            raise ValueError(message)
        found[org.strip()] = _kept_for(text.strip())
    return found


def _blank_is_none(given: object) -> object:
    return None if isinstance(given, str) and not given.strip() else given


Optional = BeforeValidator(_blank_is_none)
_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:,/\[\]]+):(\d{1,5})")


def _addresses(text: str) -> str:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    for part in parts:
        found = _ADDRESS.fullmatch(part)
        if found is None or not 0 < int(found[1]) < 65536:
            message = f"{part[:100]!r} is not host:port"
            raise ValueError(message)
    if not parts:
        message = "names no broker: write host:port, several with commas"
        raise ValueError(message)
    return text


def _web_address(text: str | None) -> str | None:
    if text is not None and not text.startswith(("https://", "http://", "/")):
        message = f"{text[:100]!r} is no web address"
        raise ValueError(message)
    return text


class Settings(BaseSettings):
    """A process's settings, from the environment alone."""

    model_config = SettingsConfigDict(env_prefix="ONESTACK_", extra="ignore", frozen=True)

    broker: Annotated[str, AfterValidator(_addresses)] = Field(
        "127.0.0.1:9092", description="Kafka's bootstrap servers: host:port, several with commas."
    )
    postgres_url: SecretStr = Field(
        SecretStr("postgresql://postgres@127.0.0.1:5432/postgres"),
        description="Postgres: postgresql://user:password@host:port/db, or by unix socket postgresql://user:@/db?host=/dir.",
    )
    partitions: int = Field(12, ge=1, le=1000, description="Partitions of every topic but the definitions' one.")
    replication: int = Field(
        0, ge=0, le=7, description="Copies of each topic that is created; 0: three, or one a broker."
    )
    instance: Annotated[str | None, Optional] = Field(
        None, description="A process's stable name: restarted under it, a worker has its partitions back at once."
    )
    data_dir: Annotated[Path | None, Optional] = Field(
        None, description="Where a process may keep files between starts."
    )

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How Kafka is spoken to, by Kafka's own names: SSL is TLS; production has SASL_SSL."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        "SCRAM-SHA-512", description="How a process says to Kafka who it is, where the protocol is a SASL one."
    )
    kafka_username: Annotated[str | None, Optional] = Field(None, description="The name for PLAIN and SCRAM.")
    kafka_password: Annotated[SecretStr | None, Optional] = Field(None, description="The password for PLAIN and SCRAM.")
    kafka_ca_file: Annotated[Path | None, Optional] = Field(
        None, description="Certificates (PEM) that brokers' certificates are checked against; by default the system's."
    )
    kafka_cert_file: Annotated[Path | None, Optional] = Field(
        None, description="This client's own certificate (PEM), for brokers that ask for one."
    )
    kafka_key_file: Annotated[Path | None, Optional] = Field(
        None, description="The key (PEM, not encrypted) of that certificate, where it is not in the same file."
    )
    kafka_oauth_token_url: Annotated[str | None, Optional] = Field(
        None, description="Token endpoint for OAUTHBEARER, asked by the client credentials grant."
    )
    kafka_oauth_client_id: Annotated[str | None, Optional] = Field(None, description="The client's id there.")
    kafka_oauth_client_secret: Annotated[SecretStr | None, Optional] = Field(
        None, description="The client's secret there."
    )
    kafka_oauth_scope: Annotated[str | None, Optional] = Field(None, description="The scope that is asked for.")

    psa_url: Annotated[str | None, Optional] = Field(None, description="Base URL of the PSA module.")
    rmm_url: Annotated[str | None, Optional] = Field(None, description="Base URL of the RMM module.")
    hub_url: Annotated[str | None, Optional] = Field(None, description="Base URL of the Hub.")
    oncall_url: Annotated[str | None, Optional] = Field(None, description="Base URL of On-Call.")
    module_token: Annotated[SecretStr | None, Optional] = Field(
        None, description="The bearer token that module calls carry."
    )
    smtp_url: Annotated[SecretStr | None, Optional] = Field(
        None, description="Mail server: smtp://[user:password@]host:port, or smtps://."
    )
    mail_from: str = Field("workflows@onestack.invalid", description="Sender of e-mail notifications.")
    secrets_dir: Annotated[Path | None, Optional] = Field(
        None, description="Folder of secrets, a file each; ONESTACK_SECRET_<NAME> variables win over it."
    )
    webhook_allow: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = Field(
        (), description="CIDR list that webhooks and chats may reach although private, and by plain http."
    )
    action_timeout: float = Field(30.0, gt=0, le=600, description="Seconds that a call may take.")
    max_calls: int = Field(64, ge=1, le=4096, description="Action calls that a worker has in flight at most.")
    max_event_bytes: int = Field(
        256 * 1024, ge=1024, le=1_000_000, description="Largest event that is accepted, in bytes."
    )
    repeat_window: float = Field(
        600.0, ge=300, le=86400, description="Seconds for which a repeated event is recognised."
    )
    storm_limit: int = Field(
        0, ge=0, description="Circuit breaker: started runs a minute for each organisation and workflow; 0 is off."
    )

    chain_limit: int = Field(5, ge=1, le=100, description="Workflows in one causation chain at most.")
    chain_repeats: int = Field(1, ge=1, le=100, description="How often one workflow may run in a causation chain.")
    redact: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        (), description="Further field names, with commas, whose values are kept out of the run log and the history."
    )
    timer_store: Literal["memory", "rocksdb"] = Field(
        "memory", description="Where waiting runs are kept: rocksdb, in ONESTACK_DATA_DIR, for millions of them."
    )
    clock_file: Annotated[Path | None, Optional] = Field(
        None, description="For demos and tests: a file with a number of seconds that are added to the clock."
    )

    keep_skipped: Annotated[timedelta, BeforeValidator(_kept_for)] = Field(
        timedelta(days=14), description="How long the history keeps runs that were skipped or suppressed, such as 14d."
    )
    keep_completed: Annotated[timedelta, BeforeValidator(_kept_for)] = Field(
        timedelta(days=90), description="How long it keeps runs that completed or were cancelled."
    )
    keep_failed: Annotated[timedelta, BeforeValidator(_kept_for)] = Field(
        timedelta(days=365), description="How long it keeps runs that failed, and dead letters."
    )
    keep_events: Annotated[timedelta, BeforeValidator(_kept_for)] = Field(
        timedelta(days=30), description="How long it keeps module events."
    )
    keep_events_by_org: Annotated[dict[str, timedelta], NoDecode, BeforeValidator(_kept_by_org)] = Field(
        {}, description="How long it keeps the events of single organisations, such as acme=90d,globex=7d."
    )

    hub_host: str = Field("127.0.0.1", description="Address that the Hub listens on.")
    hub_port: int = Field(8080, ge=0, le=65535, description="Port of the Hub; 0 is a free one.")
    jwks: Annotated[str | None, Optional] = Field(
        None, description="Where the keys are that sign people's tokens: an https URL, or a file."
    )
    jwt_issuer: Annotated[str | None, Optional] = Field(None, description="What a token's iss has to be.")
    jwt_audience: Annotated[str | None, Optional] = Field(None, description="What a token's aud has to name.")
    sign_in_url: Annotated[str | None, Optional, AfterValidator(_web_address)] = Field(
        None, description="Where the web app sends people who have not signed in."
    )
    development_sign_in: Annotated[SecretStr | None, Optional] = Field(
        None,
        description="A secret with which `onestack up` lets anyone at this machine sign in as anyone. The Hub does not "
        "start with it unless it listens on a loopback address and ONESTACK_JWKS is not set.",
    )

    session_timeout: float = Field(6.0, ge=1, le=300, description="Seconds after which Kafka gives up a silent worker.")
    commit_interval: float = Field(0.5, gt=0, le=60, description="Seconds between commits of a worker's offsets.")
    fetch_max_wait_ms: int = Field(
        500, ge=1, le=5000, description="How long the broker may hold a fetch; 10 on Tansu, which answers late."
    )
    metrics_port: Annotated[int | None, Optional] = Field(
        None,
        ge=0,
        le=65535,
        description="Port of /metrics, /healthz and /readyz; by default 9464 or, where that is taken, a free one.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address that they listen on.")
    stuck_after: float = Field(
        60.0,
        ge=1,
        le=3600,
        description="Seconds without any progress on waiting records after which /readyz says stuck.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Lowest level that is logged.")
    log_format: Literal["console", "json"] = Field("console", description="How log lines look.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's own signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given, the files that the environment names for secrets, and the environment."""
        return init_settings, SecretFiles(settings_cls), env_settings

    @property
    def brokers(self) -> list[str]:
        """The bootstrap servers as a list."""
        return [part.strip() for part in self.broker.split(",") if part.strip()]


def load(**given: Any) -> Settings:
    """The settings from the environment; `given` wins over it.

    Raises Refused that names the variable and what is wrong with it, never its value where it is a secret.
    """
    try:
        settings = Settings(**given)
    except ValidationError as error:
        faults = [fault_of({**one, "input": None}) for one in error.errors(include_url=False)]
        raise Refused(f._replace(field="ONESTACK_" + f.field.upper()) for f in faults) from None
    if contradictions := _contradictions(settings):
        raise Refused(contradictions)
    return settings


def _contradictions(settings: Settings) -> list[Fault]:
    """What is missing beside other settings, or says nothing beside them."""
    protocol, mechanism = settings.kafka_security_protocol, settings.kafka_sasl_mechanism
    found: list[Fault] = []
    if protocol.startswith("SASL"):
        oauth = mechanism == "OAUTHBEARER"
        needed = ("oauth_token_url", "oauth_client_id", "oauth_client_secret") if oauth else ("username", "password")
        found += [
            Fault(f"ONESTACK_KAFKA_{name.upper()}", f"is needed for {protocol} with {mechanism}")
            for name in needed
            if getattr(settings, f"kafka_{name}") is None
        ]
    if settings.kafka_key_file is not None and settings.kafka_cert_file is None:
        found.append(Fault("ONESTACK_KAFKA_CERT_FILE", "is needed beside ONESTACK_KAFKA_KEY_FILE"))
    if protocol == "PLAINTEXT" and settings.kafka_password is not None:
        # Who gives a password believes that it is asked for, and the connection secured.
        found.append(
            Fault("ONESTACK_KAFKA_PASSWORD", "says nothing while ONESTACK_KAFKA_SECURITY_PROTOCOL is PLAINTEXT")
        )
    return found
