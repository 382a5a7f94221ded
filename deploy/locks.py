"""What the locks say is shipped: the Python packages of the image, and the npm packages in the web app."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SHIPPED: Final = ROOT / "deploy" / "requirements.lock"
EVERYTHING: Final = ROOT / "requirements.lock"
WEB: Final = ROOT / "hub" / "web"
_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?P<rest>(?:.*\\\n)*.*)$", re.MULTILINE)

Package = tuple[str, str]
"""(name as PyPI or npm compares names, version)."""


def pins(lock: Path) -> dict[Package, frozenset[str]]:
    """Each package of a requirements lock with its hashes."""
    found: dict[Package, frozenset[str]] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock.read_text()):
        if (pin := _PIN.match(block)) is not None:
            found[canonical(pin["name"]), pin["version"]] = frozenset(re.findall(r"sha256:[0-9a-f]{64}", block))
    return found


def canonical(name: str) -> str:
    """A Python package's name as PyPI compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def web_packages(lock: Path = WEB / "package-lock.json") -> set[Package]:
    """The npm packages that the web app is bundled from, without what only builds and tests it."""
    packages = json.loads(lock.read_text())["packages"]
    return {
        (one.get("name") or path.rpartition("node_modules/")[2], one["version"])
        for path, one in packages.items()
        if path and not one.get("dev") and not one.get("devOptional")
    }
