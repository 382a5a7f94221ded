"""The wheel as the image has it: built from what the image copies, installed, and never written to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.process import free_port

ROOT = Path(__file__).resolve().parents[3]
DIST = ROOT / "hub" / "web" / "dist"
HEALTH = ROOT / "deploy" / "healthcheck.py"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as the Dockerfile does, of a folder with the files that it copies and no others."""
    folder = tmp_path_factory.mktemp("build")
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    for name in copied:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--no-build-isolation", "--wheel-dir", folder / "wheels", folder], check=True)
    (found,) = (folder / "wheels").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where it is installed, without its dependencies; nothing in there may be written."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", folder, wheel], check=True)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)


def environment(site: Path, home: Path, **more: str) -> dict[str, str]:
    # The site comes before the checkout, which an editable installation puts on the path.
    given = {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"], "HOME": str(home)}
    return {**given, **more}


def onestack(site: Path, home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, site / "bin" / "onestack", *arguments],
        cwd=home,
        env=environment(site, home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def everything(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_has_all_data_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    data = [*ROOT.glob("projections/sql/**/*.sql"), *ROOT.glob("templates/*.yaml"), *DIST.rglob("*")]
    for file in data:
        assert file.is_dir() or file.relative_to(ROOT).as_posix() in names
    tops = {name.partition("/")[0] for name in names}
    assert not tops & {"tests", "bench", "deploy", "docs"}
    assert not [name for name in names if "node_modules" in name or name.startswith("hub/web/src")]


def test_the_command_line_runs_from_an_installation_that_it_never_writes_to(site: Path, tmp_path: Path) -> None:
    before = everything(site)
    assert "Commands:" in onestack(site, tmp_path, "--help")
    assert "alert-to-ticket" in onestack(site, tmp_path, "templates")
    where = subprocess.run(
        [sys.executable, "-c", "import projections.migrations as m; print(m.__file__, len(m.migrations()))"],
        cwd=tmp_path,
        env=environment(site, tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    file, count = where.stdout.split()
    assert Path(file).is_relative_to(site)
    assert int(count) == len(list(ROOT.glob("projections/sql/0*.sql")))
    assert everything(site) == before
    assert list(tmp_path.iterdir()) == []


@contextmanager
def hub(site: Path, home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    nowhere = {"ONESTACK_BROKER": "127.0.0.1:1", "ONESTACK_POSTGRES_URL": "postgresql://u@127.0.0.1:1/d"}
    given = environment(site, home, ONESTACK_HUB_PORT=str(port), ONESTACK_LOG_FORMAT="json", **nowhere)
    process = subprocess.Popen([sys.executable, site / "bin" / "onestack", "hub"], cwd=home, env=given)
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(20) == 0


def page(port: int, path: str) -> tuple[int, str, str]:
    """Status, media type and body, asked for until the Hub is up."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.headers.get_content_type(), answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers.get_content_type(), refused.read().decode()
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the Hub does not answer")


def health(port: int) -> int:
    command = [sys.executable, "-I", "-S", str(HEALTH)]
    return subprocess.run(
        command, env={"ONESTACK_HUB_PORT": str(port), "ONESTACK_METRICS_PORT": "1"}, check=False
    ).returncode


def test_the_hub_serves_the_web_app_from_the_installation(site: Path, tmp_path: Path) -> None:
    if not (DIST / "index.html").exists() and os.environ.get("CI") != "true":
        pytest.skip("the web app is not built: `make web`")
    port = free_port()
    assert health(port) == 1, "nothing listens yet"
    before = everything(site)
    with hub(site, tmp_path, port):
        status, kind, body = page(port, "/")
        assert (status, kind) == (200, "text/html")
        script = re.search(r'src="(/assets/[^"]+\.js)"', body)
        assert script is not None
        assert page(port, script[1])[:2] == (200, "text/javascript")
        assert page(port, "/healthz")[0] == 200
        assert page(port, "/readyz")[0] == 503, "Kafka and Postgres are away"
        assert health(port) == 0
    assert everything(site) == before
    assert list(tmp_path.iterdir()) == []
