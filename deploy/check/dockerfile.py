"""deploy/Dockerfile: pinned bases, no root, a health check, and every package of ours in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from deploy.check import images


def faults(root: Path) -> list[str]:
    """What is wrong with the image's recipe of this checkout."""
    text = (root / "deploy" / "Dockerfile").read_text()
    return [*_instructions(text), *_packages(root, text)]


def _instructions(text: str) -> Iterator[str]:
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", text, re.MULTILINE))
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?", text, re.MULTILINE)
    for base, _name in stages:
        image = re.sub(r"\$\{(\w+)\}", lambda found: arguments.get(found[1], ""), base)
        if image not in {name for _, name in stages} and (fault := images.fault(image)) is not None:
            yield fault
    last = text[text.rindex("\nFROM ") :]
    user = re.findall(r"^USER (\S+)", last, re.MULTILINE)
    if not user or not re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", user[-1]):
        yield f"USER is {user[-1] if user else 'missing'}: a number that is not root's"
    for instruction in ("HEALTHCHECK", "ENTRYPOINT", "STOPSIGNAL", "LABEL org.opencontainers.image."):
        if not re.search(rf"^{re.escape(instruction)}", last, re.MULTILINE):
            yield f"{instruction} is missing"
    for line in re.findall(r"^[^#\n]*pip .*install.*", text, re.MULTILINE):
        if "--require-hashes" not in line and "--no-index" not in line:
            yield f"installs without hashes: {line.strip()}"


def _packages(root: Path, text: str) -> Iterator[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    found = {one.rstrip("*") for one in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    copied = set(re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE))
    ignored = (root / ".dockerignore").read_text().splitlines()
    for package in sorted(found):
        if package not in copied:
            yield f"package {package} is not copied into the image"
        if f"!{package}" not in ignored:
            yield f"package {package} is kept away from the image by .dockerignore"
    for package in sorted(copied - found):
        yield f"{package} is copied, but is no package of the wheel"
    version = project["project"]["version"]
    kustomization = (root / "deploy" / "kubernetes" / "base" / "kustomization.yaml").read_text()
    told = {
        "the Dockerfile": f"ARG VERSION={version}\n" in text,
        "the kustomization": f"newTag: {version}\n" in kustomization,
        "compose": f"onestack-workflow-engine:{version}}}\n" in (root / "deploy" / "compose.yaml").read_text(),
    }
    yield from (f"{where} names another version than {version}" for where, right in told.items() if not right)
