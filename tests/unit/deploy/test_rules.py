from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from schemas.documents import load_yaml

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule for group in load_yaml((FOLDER / "rules.yaml").read_text())[0]["groups"] for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None and os.environ.get("CI") != "true", reason="promtool is missing: apt-get install prometheus"
)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_says_what_is_wrong_how_bad_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", rule["alert"].removeprefix("Onestack")).lower()
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"
    runbook = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text()
    parts = ["What it means", "What users notice", "Look at this first", "Mend it", "When to escalate"]
    assert re.findall(r"^## (.+)$", runbook, re.MULTILINE) == parts
    assert rule["alert"] in runbook


def test_every_runbook_is_one_of_an_alert_and_in_the_list() -> None:
    folder = ROOT / "docs" / "runbooks"
    there = {file.name for file in folder.glob("*.md")} - {"README.md"}
    assert there == {Path(rule["annotations"]["runbook_url"]).name for rule in RULES}
    listed = set(re.findall(r"\]\(([a-z-]+\.md)\)", (folder / "README.md").read_text()))
    assert listed == there


def test_every_alert_is_tried_on_trouble_and_on_a_healthy_installation() -> None:
    [document] = load_yaml((FOLDER / "rules_test.yaml").read_text())
    healthy, *trouble = document["tests"]
    assert [one["alertname"] for one in healthy["alert_rule_test"]] == NAMES
    assert not any(one["exp_alerts"] for one in healthy["alert_rule_test"])
    fired = [one for test in trouble for one in test["alert_rule_test"] if one["exp_alerts"]]
    assert [one["alertname"] for one in fired] == NAMES


@needs_promtool
@pytest.mark.parametrize(
    "arguments",
    [("check", "config", "prometheus.yaml"), ("check", "rules", "rules.yaml"), ("test", "rules", "rules_test.yaml")],
    ids=" ".join,
)
def test_promtool_finds_nothing_wrong(arguments: tuple[str, ...]) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
