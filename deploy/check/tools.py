"""The programs that the checks call: found, fetched where that is possible, or named with how to get them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

KUSTOMIZE: Final = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.0"
_FETCHED: Final = Path(".onestack") / "tools"
_SECONDS: Final = 900


class Missing(Exception):  # noqa: N818 - the word that the user reads
    """A program that a check needs is not to be had; the text says how to get it."""


def kustomize(root: Path, *, fetch: bool = True) -> str:
    """Kustomize's path: of the PATH, or built by Go into .onestack/tools, with `fetch` now. Raises Missing."""
    name = "kustomize"
    fetched = (root / _FETCHED / name).absolute()
    found = shutil.which(name) or (str(fetched) if fetched.exists() else None)
    if found is not None:
        return found
    if not fetch:
        raise Missing("kustomize is not on the PATH: `make deploy-check` builds it, where there is Go")
    go = shutil.which("go")
    if go is None:
        raise Missing("kustomize is not on the PATH, and neither is Go to build it: install one of the two")
    environment = {**os.environ, "GOBIN": str(fetched.parent), "GOFLAGS": "-trimpath", "CGO_ENABLED": "0"}
    done = _run([go, "install", KUSTOMIZE], environment)
    if done.returncode or not fetched.exists():
        raise Missing(f"kustomize could not be built by 'go install {KUSTOMIZE}': {done.stderr.strip()[-500:]}")
    return str(fetched)


def build(program: str, overlay: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The documents of an overlay, and what kustomize complained of."""
    done = _run([program, "build", str(overlay)])
    complaints = [line for line in done.stderr.splitlines() if line.strip()]
    if done.returncode:
        return [], complaints or [f"kustomize ended with {done.returncode}"]
    return [one for one in yaml.safe_load_all(done.stdout) if one], complaints


def faults_of(name: str, arguments: Sequence[str], how: str) -> list[str]:
    """What a program complains of; empty where it is content. Raises Missing, with how to get it."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(".venv") / "bin"))
    if found is None:
        raise Missing(f"{name} is not on the PATH: {how}")
    done = _run([found, *arguments])
    if not done.returncode:
        return []
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def _run(command: Sequence[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - a program of ours to name, without a shell
        command, env=environment, capture_output=True, text=True, check=False, timeout=_SECONDS
    )
