"""The table of allowed imports (DESIGN.md §2) as a test: each file's own imports are read, nothing is run."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"schemas", "engine", "actions", "streams", "projections", "hub", "runtime", "cli", "sandbox", "templates"}
MAY_IMPORT = {
    "schemas": set(),
    "templates": set(),
    "engine": {"schemas"},
    "runtime": {"schemas"},
    "actions": {"schemas", "runtime"},
    "projections": {"schemas", "runtime"},
    "sandbox": {"schemas", "runtime"},
    "streams": {"schemas", "engine", "actions", "runtime"},
    "hub": {"schemas", "engine", "projections", "runtime"},
    "cli": PACKAGES,
}
IMPURE = {
    *(
        "aiohttp",
        "aiokafka",
        "aiosmtplib",
        "asyncio",
        "asyncpg",
        "concurrent",
        "faust",
        "http",
        "mode",
        "os",
        "pathlib",
    ),
    *("multiprocessing", "random", "secrets", "select", "shutil", "socket", "subprocess", "tempfile", "threading"),
    *("time", "urllib.request", "uuid", "uvloop"),
}
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {part for name in node.names for part in (name.name, name.name.partition(".")[0])}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, node.module.partition(".")[0]}
    return found


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_a_package_imports_only_what_it_may(package: str) -> None:
    files = [file for file in FILES if file.relative_to(ROOT).parts[0] == package]
    assert files
    wrong = {str(f.relative_to(ROOT)): imports(f) & PACKAGES - MAY_IMPORT[package] - {package} for f in files}
    assert {file: names for file, names in wrong.items() if names} == {}


@pytest.mark.parametrize("command", ["worker", "projector"])
def test_a_process_starts_without_the_hub(command: str) -> None:
    # What a worker does not need it must not wait for at its start.
    module = {"worker": "streams.worker", "projector": "projections.projector"}[command]
    code = f"import sys, cli.processes, {module}; print({{'hub', 'fastapi', 'uvicorn'}} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.strip() == "set()"


def test_the_engine_has_no_input_output_clock_or_randomness() -> None:
    engine = [file for file in FILES if file.relative_to(ROOT).parts[0] == "engine"]
    assert {str(file.relative_to(ROOT)): imports(file) & IMPURE for file in engine if imports(file) & IMPURE} == {}
    for file in engine:
        calls = {ast.unparse(n.func) for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call)}
        assert not {one for one in calls if one.endswith((".now", ".utcnow", ".today"))}, file


def test_the_command_line_does_not_hide_an_import_of_the_tests_or_the_benchmark() -> None:
    assert [str(file) for file in FILES if imports(file) & {"tests", "bench"}] == []
