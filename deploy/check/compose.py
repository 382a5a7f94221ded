"""deploy/compose.yaml against the schema of compose, and against what this product asks of its containers."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema
import yaml

from deploy.check import images, settings

_DEFAULTED: Final = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")
_WRITES_ITS_ROOT: Final = frozenset({"kafka"})
"""Its image writes server.properties when it starts."""
_OURS: Final = "onestack-workflow-engine"


def read(file: Path) -> dict[str, Any]:
    """The file as a dictionary, YAML's merge keys carried out."""
    document: dict[str, Any] = yaml.safe_load(file.read_text())
    return document


def faults(document: dict[str, Any], folder: Path) -> list[str]:
    """What is wrong with a compose file that lies in this folder."""
    found = list(_schema(document))
    if found:
        return found
    for name, service in document["services"].items():
        found += [f"service {name}: {fault}" for fault in _service(name, service, document, folder)]
    found += _secrets(document, folder)
    return found


def _schema(document: dict[str, Any]) -> Iterator[str]:
    # The file that check-jsonschema brings: its own program would want another version of click than typer has.
    package = importlib.util.find_spec("check_jsonschema")
    folder = Path((package.submodule_search_locations or [""])[0]) if package else Path()
    schema = json.loads((folder / "builtin_schemas" / "vendor" / "compose-spec.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    for error in validator.iter_errors(document):
        yield f"{error.json_path}: {error.message[:200]}"


def _service(name: str, service: Mapping[str, Any], document: Mapping[str, Any], folder: Path) -> Iterator[str]:
    image = filled(str(service.get("image", "")))
    if (fault := images.fault(image)) is not None:
        yield fault
    if "ALL" not in service.get("cap_drop", []):
        yield "cap_drop: ALL is missing"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "security_opt: no-new-privileges is missing"
    if service.get("privileged"):
        yield "it is privileged"
    if not service.get("read_only") and name not in _WRITES_ITS_ROOT:
        yield "read_only is missing"
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    yield from (f"deploy.resources.limits.{one} is missing" for one in ("cpus", "memory", "pids") if one not in limits)
    if not service.get("restart"):
        yield "restart is missing"
    if image.startswith(_OURS):
        yield from _ours(service)
    elif "healthcheck" not in service:
        yield "healthcheck is missing"
    yield from _links(service, document, folder)


def _ours(service: Mapping[str, Any]) -> Iterator[str]:
    user = str(service.get("user", "")).partition(":")[0]
    if not user.isdigit() or user == "0":
        yield f"user is {user or 'not given'}: a number that is not root's"
    environment = {key: filled(str(value)) for key, value in service.get("environment", {}).items()}
    yield from settings.faults(environment)
    mounted = {f"/run/secrets/{name}" for name in service.get("secrets", [])}
    for key, value in environment.items():
        if key.endswith("_FILE") and value.startswith("/run/secrets/") and value not in mounted:
            yield f"{key} is {value}, which is none of its secrets"


def filled(text: str) -> str:
    """The text with the defaults of its variables: `${X:-y}` is y."""
    return _DEFAULTED.sub(lambda found: found[2] or "", text)


def _links(service: Mapping[str, Any], document: Mapping[str, Any], folder: Path) -> Iterator[str]:
    services = document["services"]
    for name, how in service.get("depends_on", {}).items():
        if name not in services:
            yield f"it depends on {name}, which is not there"
        elif how["condition"] == "service_healthy" and services[name].get("healthcheck", {}).get("disable", False):
            yield f"it waits for {name} to be healthy, which has no health check"
    for kind in ("secrets", "networks"):
        yield from (f"{kind}: {name} is not declared" for name in service.get(kind, []) if name not in document[kind])
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            yield f"port {port} is open to all the network: begin with 127.0.0.1:"
    for volume in service.get("volumes", []):
        yield from _mounted(str(volume).partition(":")[0], document, folder)


def _mounted(source: str, document: Mapping[str, Any], folder: Path) -> Iterator[str]:
    if not source.startswith("."):
        if source not in document["volumes"]:
            yield f"volume {source} is not declared"
    elif not (folder / source).exists() and (folder / Path(source).parts[0]).exists():
        yield f"{source} is mounted, but is not in {folder.name}/"


def _secrets(document: Mapping[str, Any], folder: Path) -> Iterator[str]:
    made = set(re.findall(r"^keep (\w+)", (folder / "secrets.sh").read_text(), re.MULTILINE))
    for name, secret in document.get("secrets", {}).items():
        if secret.get("file") != f"./secrets/{name}" or name not in made:
            yield f"secret {name} is not what secrets.sh makes"
