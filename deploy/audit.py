"""`make audit`: known faults of the packages that are shipped, by PyPI's, OSV's and npm's advisory services.

Exit codes: 0 everything was audited and nothing is known, 1 faults are known, 3 something could not be audited and
nothing is known of the rest. pip-audit itself ends with 0 where its service knows none of the packages, as with a
mirror of the index: here that is "not audited".
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from deploy.locks import SHIPPED, WEB, pins, web_packages

NOTHING, FAULTS, NOT_AUDITED = 0, 1, 3
_SECONDS: Final = 180


@dataclass(slots=True)
class Audited:
    """What an audit found: packages that were looked up, those that were not and why, and what is known of them."""

    looked_up: int = 0
    not_looked_up: dict[str, str] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)


def main() -> int:
    """Audit both locks; the exit code."""
    code = NOTHING
    audits: dict[str, Callable[[], Audited]] = {"Python": python, "web app": web}
    for name, audit in audits.items():
        found = audit()
        for fault in found.known:
            print(f"{name}: {fault}", file=sys.stderr)
        if found.not_looked_up:
            first, reason = next(iter(found.not_looked_up.items()))
            print(
                f"WARNING: NOT AUDITED: {len(found.not_looked_up)} packages ({name}), such as {first}: {reason}",
                file=sys.stderr,
            )
        print(f"{name}: {found.looked_up} packages audited, {len(found.known)} known faults")
        if found.known:
            code = FAULTS
        elif found.not_looked_up and code == NOTHING:
            code = NOT_AUDITED
    return code


def python() -> Audited:
    """The image's Python packages, by PyPI's advisories; by OSV's where PyPI tells none."""
    found = Audited()
    for service in ("pypi", "osv"):
        found = from_pip_audit(*_run(_pip_audit(service)), [name for name, _version in pins(SHIPPED)])
        if found.looked_up:
            break
    return found


def _pip_audit(service: str) -> list[str]:
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", service, "--timeout", "10"]
    options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"]
    return [*command, *options, "--requirement", str(SHIPPED)]


def from_pip_audit(output: str, complaint: str, packages: list[str]) -> Audited:
    """What pip-audit's JSON says."""
    try:
        told = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        reason = _last_line(complaint) or "pip-audit told nothing"
        return Audited(0, dict.fromkeys(packages, reason))
    found = Audited()
    for one in told:
        if "skip_reason" in one:
            found.not_looked_up[one["name"]] = one["skip_reason"]
            continue
        found.looked_up += 1
        for fault in one["vulns"]:
            mended = ", ".join(fault.get("fix_versions", [])) or "no version yet"
            found.known.append(f"{one['name']} {one['version']}: {fault['id']}, mended in {mended}")
    told_of = {one["name"] for one in told}
    found.not_looked_up |= {name: "pip-audit left it out" for name in packages if name not in told_of}
    return found


def web() -> Audited:
    """The web app's npm packages, by npm's advisories."""
    command = ["npm", "--prefix", str(WEB), "audit", "--package-lock-only", "--omit=dev", "--json"]
    return from_npm(*_run(command), sorted(name for name, _version in web_packages()))


def from_npm(output: str, complaint: str, packages: list[str]) -> Audited:
    """What npm's JSON says."""
    told: dict[str, Any] = {}
    try:
        told = json.loads(output)
        known = told["vulnerabilities"]
    except (ValueError, KeyError):
        reason = told.get("message") or _last_line(complaint) or "npm told nothing"
        return Audited(0, dict.fromkeys(packages, str(reason)))
    found = Audited(len(packages))
    for name, fault in known.items():
        titles = [via["title"] for via in fault.get("via", []) if isinstance(via, dict) and "title" in via]
        found.known.append(
            f"{name} {fault.get('range', '')}: {fault['severity']}: {'; '.join(titles) or 'by what it uses'}"
        )
    return found


def _last_line(text: str) -> str:
    return next((line.strip()[:300] for line in reversed(text.splitlines()) if line.strip()), "")


def _run(command: list[str]) -> tuple[str, str]:
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        return "", f"no answer within {_SECONDS} s"
    return done.stdout, done.stderr


if __name__ == "__main__":
    sys.exit(main())
