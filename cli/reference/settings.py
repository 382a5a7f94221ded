"""docs/reference/configuration.md."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import PurePath
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from cli.reference.text import code, page, table
from runtime.secret_files import is_secret
from runtime.settings import Settings

_INTRO = """
Every process is configured by environment variables alone, and reads them once, when it starts. A value that can't be
used is refused with the variable's name. A variable marked *secret* may be kept in a file instead, as Kubernetes and
compose mount them: `<VARIABLE>_FILE` is the path of that file. All processes of one installation need the same broker,
Postgres and partitions; the rest is each one's own.
"""
_SECRETS = """
## Secrets of definitions

A definition names a secret as `secret:NAME` and never holds it: a webhook's signing secret, a header, or the incoming
webhook's URL of a Teams or Slack channel. `NAME` is looked up in `ONESTACK_SECRET_<NAME>` and then in the file of that
name in `ONESTACK_SECRETS_DIR`. Secrets are never in the run log, the history, the logs or an error.
"""


def configuration() -> str:
    """Every variable with its default and meaning."""
    rows = [
        (code(f"ONESTACK_{name.upper()}"), _default(field.get_default()), _meaning(field))
        for name, field in Settings.model_fields.items()
    ]
    rows.append((code("ONESTACK_SECRET_<NAME>"), "", "A secret that definitions name as `secret:NAME`."))
    return page("Configuration", _INTRO, table(("variable", "default", "meaning"), rows), _SECRETS)


def _meaning(field: FieldInfo) -> str:
    return f"{field.description or ''}{' *Secret.*' if is_secret(field) else ''}"


def _default(given: Any) -> str:
    if given is None or given is PydanticUndefined or given in ((), {}):
        return ""
    if isinstance(given, timedelta):
        return code(f"{given / timedelta(days=1):g}d")
    if isinstance(given, SecretStr):
        return code(given.get_secret_value())
    return code(given if isinstance(given, str | PurePath) else json.dumps(given))
