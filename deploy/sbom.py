"""`make sbom`: what the image is made of, as CycloneDX JSON in build/sbom, checked against the locks.

`python.cdx.json` is from deploy/requirements.lock, `web.cdx.json` from hub/web/package-lock.json without what only
builds or tests. Exit code 1 where a document is not valid CycloneDX, or does not have just the packages of the lock.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.locks import EVERYTHING, ROOT, SHIPPED, WEB, Package, canonical, pins, web_packages

FOLDER: Final = ROOT / "build" / "sbom"


def main() -> int:
    """Write both documents; the exit code."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    faults = [f"deploy/requirements.lock: {fault}" for fault in strangers()]
    for file, write, wanted in (
        (FOLDER / "python.cdx.json", python, set(pins(SHIPPED))),
        (FOLDER / "web.cdx.json", web, web_packages()),
    ):
        file.write_text(json.dumps(write(), indent=2, sort_keys=True) + "\n")
        found = list(faults_of(file.read_text(), wanted))
        faults += [f"{file.name}: {fault}" for fault in found]
        print(f"{file.relative_to(ROOT)}: {len(wanted)} packages")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def strangers() -> Iterator[str]:
    """What the image's lock has otherwise than the lock that everything was tested with."""
    tested = pins(EVERYTHING)
    for package, hashes in pins(SHIPPED).items():
        if tested.get(package) != hashes:
            yield f"{'=='.join(package)} is not what requirements.lock has: run `make lock`"


def python() -> dict[str, Any]:
    """The image's Python packages."""
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(SHIPPED), "--pyproject", "pyproject.toml"]
    return _json([*command, "--output-reproducible", "--sv", "1.6", "--no-validate"], ROOT)


def web() -> dict[str, Any]:
    """The web app's npm packages."""
    with tempfile.TemporaryDirectory() as folder:
        # npm wants a version of the app, which package.json leaves to the package that carries it.
        package = json.loads((WEB / "package.json").read_text())
        package["version"] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        (Path(folder) / "package.json").write_text(json.dumps(package))
        (Path(folder) / "package-lock.json").write_text((WEB / "package-lock.json").read_text())
        command = ["npm", "sbom", "--package-lock-only", "--sbom-format=cyclonedx"]
        document = _shipped(_json([*command, "--sbom-type=application"], Path(folder)))
    # When and under which number it was written says nothing of the app, and would make each one differ.
    document.pop("serialNumber", None)
    document.get("metadata", {}).pop("timestamp", None)
    return document


def _shipped(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what only builds and tests the app.

    npm's own `--omit=dev` leaves out react too, for something that only tests needs it as well.
    """
    wanted = web_packages()
    document["components"] = [one for one in document["components"] if _package(one) in wanted]
    refs = {one["bom-ref"] for one in [document["metadata"]["component"], *document["components"]]}
    document["dependencies"] = [
        {**one, "dependsOn": [ref for ref in one.get("dependsOn", []) if ref in refs]}
        for one in document["dependencies"]
        if one["ref"] in refs
    ]
    return document


def faults_of(text: str, wanted: Collection[Package]) -> Iterator[str]:
    """What is wrong with a document that should have these packages."""
    document = json.loads(text)
    version = SchemaVersion.from_version(document["specVersion"])
    if (invalid := JsonStrictValidator(version).validate_str(text)) is not None:
        yield f"is no valid CycloneDX {document['specVersion']}: {invalid}"
    found = {_package(one) for one in document.get("components", [])}
    yield from (f"lacks {'@'.join(one)}" for one in sorted(set(wanted) - found))
    yield from (f"has {'@'.join(one)}, which the lock has not" for one in sorted(found - set(wanted)))


def _package(component: dict[str, Any]) -> Package:
    group = component.get("group")
    name = f"{group}/{component['name']}" if group else component["name"]
    if str(component.get("purl", "")).startswith("pkg:pypi/"):
        name = canonical(name)
    return name, component.get("version", "")


def _json(command: list[str], folder: Path) -> dict[str, Any]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        message = f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}"
        raise SystemExit(message)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


if __name__ == "__main__":
    sys.exit(main())
