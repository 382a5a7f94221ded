"""docs/reference/configuration.md."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import PurePath
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from cli.reference.text import code, page, table
from runtime.secret_files import is_secret
from runtime.settings import Settings

_INTRO = """
Every process is configured by environment variables alone, and reads them once, when it starts. A value that can't be
used is refused with the variable's name, and so are values that contradict each other. All processes of one
installation need the same broker, Postgres, partitions and limits; the rest is each one's own.

*Secret* is what no log, error or command prints. A secret may be kept in a file, as Kubernetes and compose mount them:
`<VARIABLE>_FILE` is the path of that file (up to 64 kB of UTF-8; a line break at its end does not count), and is given
instead of the variable, never beside it. It is read at the start, so a changed file counts from the next start on.

*Read by* names the processes: w is a worker, p a projector, h the Hub, c the command line. To others a variable says
nothing. Give a process the secrets that it reads and no others.
"""
_SECRETS = """
## Secrets of definitions

A definition names a secret as `secret:NAME` and never holds it: a webhook's signing secret, a header, or the incoming
webhook's URL of a Teams or Slack channel. `NAME` is looked for as the file `<organisation>/NAME` in
`ONESTACK_SECRETS_DIR`, which no other organisation finds (a Kubernetes Secret has it by `items`, with that as `path`).
Behind that, for all organisations, in `ONESTACK_SECRET_<NAME>` (as written, then in upper case) and as the file `NAME`
in the folder. **Any organisation's workflow may name what is for all.**

Each is read when it is needed, so a changed file counts at once, and by workers alone (w). Secrets are never in the run
log, the history, the logs or an error.

## Variables of others

Traces are turned on by OpenTelemetry's own `OTEL_*` variables. Certificates that HTTPS calls are checked against are
the system's, or those of `SSL_CERT_FILE`. `NO_COLOR` turns colours off.
"""
# Who reads a variable is told by who asks `settings` for it: runtime/ for all, streams/ and actions/ in a worker ...
_GROUPS: Final[dict[str, dict[str, str]]] = {
    "Kafka": {
        "broker": "wphc",
        "partitions": "wc",
        "replication": "wc",
        **{
            f"kafka_{name}": "wphc"
            for name in (
                *("security_protocol", "sasl_mechanism", "username", "password", "ca_file", "cert_file", "key_file"),
                *("oauth_token_url", "oauth_client_id", "oauth_client_secret", "oauth_scope"),
            )
        },
        "session_timeout": "w",
        "commit_interval": "w",
        "fetch_max_wait_ms": "wph",
    },
    "Postgres": {"postgres_url": "phc"},
    "The process": {"instance": "wp", "data_dir": "w", "timer_store": "w", "clock_file": "wphc"},
    "Modules, mail and webhooks": {
        **dict.fromkeys(("psa_url", "rmm_url", "hub_url", "oncall_url", "module_token", "smtp_url", "mail_from"), "w"),
        "secrets_dir": "w",
        "webhook_allow": "w",
    },
    "Limits": {"action_timeout": "w", "max_calls": "w", "max_event_bytes": "wphc", "repeat_window": "w"},
    "Guards": {"storm_limit": "whc", "chain_limit": "wh", "chain_repeats": "wh"},
    "What is told and kept": {
        "redact": "wphc",
        **dict.fromkeys(("keep_skipped", "keep_completed", "keep_failed", "keep_events", "keep_events_by_org"), "pc"),
    },
    "The Hub": dict.fromkeys(
        (
            *("hub_host", "hub_port", "jwks", "jwt_issuer", "jwt_audience", "sign_in_url"),
            "development_sign_in",
        ),
        "h",
    ),
    "Probes, metrics and logs": {
        "metrics_port": "wp",
        "metrics_host": "wp",
        "stuck_after": "wp",
        "log_level": "wph",
        "log_format": "wph",
    },
}
_UNITS: Final = {
    **dict.fromkeys(
        ("session_timeout", "commit_interval", "action_timeout", "repeat_window", "stuck_after"),
        "seconds",
    ),
    "fetch_max_wait_ms": "milliseconds",
    "max_event_bytes": "bytes",
    "max_calls": "calls",
    "storm_limit": "runs a minute",
    "chain_limit": "workflows",
    "chain_repeats": "times",
    "hub_port": "port",
    "metrics_port": "port",
    "webhook_allow": "CIDR blocks, with commas",
    "redact": "names, with commas",
    "keep_events_by_org": "organisation=duration, with commas",
    **dict.fromkeys(("keep_skipped", "keep_completed", "keep_failed", "keep_events"), "duration, at least 1h"),
    **dict.fromkeys(("psa_url", "rmm_url", "hub_url", "oncall_url", "kafka_oauth_token_url", "sign_in_url"), "URL"),
    **dict.fromkeys(("postgres_url", "smtp_url"), "URL"),
    **dict.fromkeys(("data_dir", "secrets_dir"), "folder"),
    **dict.fromkeys(("kafka_ca_file", "kafka_cert_file", "kafka_key_file", "clock_file"), "file"),
}
OTHERS: Final = "Others"
"""The heading of what has no place yet; a test says that there is none."""


def configuration() -> str:
    """Every variable by what it is about: its values and default, who reads it, whether it is secret, its meaning."""
    fields = Settings.model_fields
    placed = {name for names in _GROUPS.values() for name in names}
    groups = {**_GROUPS, OTHERS: dict.fromkeys((name for name in fields if name not in placed), "wphc")}
    parts: list[str] = []
    for title, names in groups.items():
        rows = [_row(name, readers, fields[name]) for name, readers in names.items() if name in fields]
        if rows:
            parts += [f"## {title}", table(("variable", "value", "default", "read by", "meaning"), rows)]
    return page("Configuration", _INTRO, *parts, _SECRETS)


def _row(name: str, readers: str, field: FieldInfo) -> tuple[str, str, str, str, str]:
    secret = " *Secret.*" if is_secret(field) else ""
    variable = code(f"ONESTACK_{name.upper()}")
    return variable, _value(name, field), _default(field.get_default()), readers, f"{field.description or ''}{secret}"


def _value(name: str, field: FieldInfo) -> str:
    """What the variable takes: its unit, and the least and the most."""
    if get_origin(field.annotation) is Literal:
        return ", ".join(code(one) for one in get_args(field.annotation))
    number = field.annotation in {int, float} or any(one in {int, float} for one in get_args(field.annotation))
    unit = _UNITS.get(name, "" if number else "text")
    bounds = [
        f"{sign} {getattr(one, key):,}"
        for one in field.metadata
        for key, sign in (("gt", "&gt;"), ("ge", "≥"), ("le", "≤"))
        if hasattr(one, key)
    ]
    return ", ".join(filter(None, (unit, *bounds)))


def _default(given: Any) -> str:
    if given is None or given is PydanticUndefined or given in ((), {}):
        return ""
    if isinstance(given, timedelta):
        return code(f"{given / timedelta(days=1):g}d")
    if isinstance(given, SecretStr):
        return code(given.get_secret_value())
    return code(given if isinstance(given, str | PurePath) else json.dumps(given))
