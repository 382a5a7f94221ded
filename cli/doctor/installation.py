"""This machine's side: settings that contradict each other, files, and what the processes here run."""

from __future__ import annotations

import ipaddress
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from cli.doctor.finding import Finding, fault, in_thread, ok, warning
from runtime.health import process_version
from runtime.secret_files import is_secret, variable_of
from runtime.settings import Settings

_METADATA: Final = ipaddress.ip_address("169.254.169.254")
_DEFAULT_METRICS: Final = 9464


async def settings_(settings: Settings) -> Sequence[Finding]:
    """What the variables say together."""
    found = [*_contradictions(settings), *await in_thread(lambda: list(_files(settings)))]
    return found or [ok("settings", "No variable contradicts another.")]


def _contradictions(settings: Settings) -> Iterator[Finding]:
    check = "settings"
    if settings.timer_store == "rocksdb":
        if settings.data_dir is None:
            todo = "Set ONESTACK_DATA_DIR to a folder on a disk of this machine."
            yield fault(check, "ONESTACK_TIMER_STORE=rocksdb needs ONESTACK_DATA_DIR, which is not set.", todo)
        if find_spec("rocksdict") is None:
            todo = "pip install 'onestack-workflow-engine[rocksdb]'"
            yield fault(
                check, "ONESTACK_TIMER_STORE=rocksdb needs the package rocksdict, which is not installed.", todo
            )
    if settings.clock_file is not None:
        todo = "Unset ONESTACK_CLOCK_FILE anywhere but in demos and tests."
        yield warning(check, "The clock may be set forward by a file (ONESTACK_CLOCK_FILE).", todo)
    if settings.commit_interval >= settings.session_timeout:
        detail = (
            "ONESTACK_COMMIT_INTERVAL is not below ONESTACK_SESSION_TIMEOUT: a worker that dies leaves much to look up."
        )
        yield warning(check, detail, "Leave it at its default of 0.5 s.")
    if settings.metrics_port and settings.metrics_port == settings.hub_port:
        detail = f"ONESTACK_METRICS_PORT and ONESTACK_HUB_PORT are both {settings.hub_port}."
        yield fault(check, detail, "Give them different ports, where both run on one machine.")
    if settings.development_sign_in is not None and settings.jwks is not None:
        detail = "ONESTACK_DEVELOPMENT_SIGN_IN is set beside ONESTACK_JWKS: the Hub does not start with both."
        yield fault(check, detail, "Unset ONESTACK_DEVELOPMENT_SIGN_IN.")
    if settings.jwks is not None and (settings.jwt_issuer is None or settings.jwt_audience is None):
        detail = "ONESTACK_JWKS is set without ONESTACK_JWT_ISSUER and ONESTACK_JWT_AUDIENCE: any token is taken."
        yield warning(check, detail, "Set both to what your identity provider writes into tokens for the Hub.")
    if settings.module_token is None and any(
        getattr(settings, f"{name}_url") for name in ("psa", "rmm", "hub", "oncall")
    ):
        yield warning(check, "Module calls carry no token.", "Set ONESTACK_MODULE_TOKEN_FILE or ONESTACK_MODULE_TOKEN.")
    yield from _allowed(settings)


def _allowed(settings: Settings) -> Iterator[Finding]:
    for network in settings.webhook_allow:
        todo = "Name in ONESTACK_WEBHOOK_ALLOW only the hosts that webhooks are for."
        if network.prefixlen == 0:
            yield fault(
                "settings", f"ONESTACK_WEBHOOK_ALLOW has {network}: any workflow may call anything in here.", todo
            )
        elif network.version == 4 and _METADATA in network:
            detail = f"ONESTACK_WEBHOOK_ALLOW has {network}, where clouds give away credentials (169.254.169.254)."
            yield fault("settings", detail, todo)
        elif network.is_loopback:
            detail = (
                f"ONESTACK_WEBHOOK_ALLOW has {network}: any workflow may call what listens on the workers themselves."
            )
            yield warning("settings", detail, todo)
        elif network.version == 4 and network.prefixlen < 16:
            detail = f"ONESTACK_WEBHOOK_ALLOW has {network}, which is {network.num_addresses:,} addresses."
            yield warning("settings", detail, todo)


def _files(settings: Settings) -> Iterator[Finding]:
    """Files that variables name: there, readable, and secret where they have a secret."""
    for name in ("kafka_ca_file", "kafka_cert_file", "kafka_key_file"):
        path = getattr(settings, name)
        if path is None:
            continue
        variable = f"ONESTACK_{name.upper()}"
        if not os.access(path, os.R_OK):
            yield fault("files", f"{variable} is {path}, which can't be read.", f"Mount it, or mend {variable}.")
        elif name == "kafka_key_file" and path.stat().st_mode & 0o077:
            yield warning("files", f"The key {path} can be read by others than its owner.", f"chmod go-rwx {path}")
    for name, field in Settings.model_fields.items():
        variable = f"{variable_of('ONESTACK_', name)}_FILE"
        path = Path(os.environ.get(variable, "").strip())
        if is_secret(field) and path.is_file() and path.stat().st_mode & 0o004:
            yield warning("files", f"{path} ({variable}) can be read by everyone on this machine.", f"chmod o-r {path}")
    data = settings.data_dir
    if data is not None and data.exists() and not os.access(data, os.W_OK):
        yield fault(
            "files", f"ONESTACK_DATA_DIR is {data}, which can't be written.", f"chown {data}, or mount it anew."
        )


async def processes(settings: Settings, addresses: Sequence[str]) -> Sequence[Finding]:
    """What the processes at these addresses say of themselves; by default the one on this machine, if there is one."""
    given = bool(addresses)
    host = settings.metrics_host if settings.metrics_host not in {"0.0.0.0", "::"} else "127.0.0.1"  # noqa: S104
    places = list(addresses) or [f"http://{host}:{settings.metrics_port or _DEFAULT_METRICS}"]
    found: list[Finding] = []
    for place in places:
        found += _process(place, *await in_thread(_readyz, place), given=given)
    return found


def _process(place: str, status: int, body: dict[str, Any], *, given: bool) -> list[Finding]:
    if not status:
        if not given:
            return []
        return [fault("processes", f"Nothing answers at {place}/readyz.", "See whether it runs, and its metrics port.")]
    who, version, parts = body.get("process", "a process"), body.get("version"), body.get("parts", {})
    found = []
    for name, part in parts.items():
        if part.get("state") != "ready":
            todo = part.get("todo") or "Wait, and look again."
            since = f" since {part['since']}" if part.get("since") else ""
            detail = f"The {who} at {place}: {name} is {part.get('state')}{since}: {part.get('detail')}"
            found.append((fault if part.get("state") in {"stuck", "refused"} else warning)("processes", detail, todo))
    if not found:
        found.append(ok("processes", f"The {who} at {place} is ready{f', version {version}' if version else ''}."))
    if version and version != process_version():
        detail = f"The {who} at {place} runs version {version}, and this command is of version {process_version()}."
        found.append(
            warning(
                "processes", detail, "Finish the upgrade that is under way: docs/how-to/operate-through-failures.md."
            )
        )
    return found


def _readyz(place: str) -> tuple[int, dict[str, Any]]:
    if not place.startswith(("http://", "https://")):
        return 0, {}
    try:
        with urllib.request.urlopen(f"{place.rstrip('/')}/readyz", timeout=5) as answer:  # noqa: S310 - looked at above
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        try:
            return error.code, json.loads(error.read())
        except ValueError:
            return 0, {}
    except (OSError, ValueError):
        return 0, {}
