"""Postgres over TLS, as ONESTACK_POSTGRES_URL says it: a real server that takes nothing else.

The embedded Postgres is built without TLS, so this needs another one: Debian's `postgresql`, for example.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest
import trustme

from hub.database import Database
from hub.reading import Reads, bound
from projections.migrations import migrate
from runtime.postgres import connect, is_away, trouble
from runtime.settings import load

pytestmark = pytest.mark.timeout(120)
_NOBODY = 65534
_HBA = """
local   all all                 trust
hostssl all certified 127.0.0.1/32 cert
hostssl all all       127.0.0.1/32 trust
"""


class Server(NamedTuple):
    """Where it is, and the files that lead to it."""

    port: int
    folder: Path

    def url(self, ca: str = "ca.pem", user: str = "postgres", host: str = "localhost", more: str = "") -> str:
        return (
            f"postgresql://{user}@{host}:{self.port}/postgres?sslmode=verify-full&sslrootcert={self.folder / ca}{more}"
        )


def _programs() -> Path:
    # Not the embedded one, which is no program on the path.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    if (other := shutil.which("postgres")) is not None:
        found.append(Path(other))
    for server in found:
        if b"hostssl" in server.read_bytes():
            return server.resolve().parent
    reason = "there is no Postgres that is built with TLS (Debian's package `postgresql` is)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, unused_tcp_port_factory: object) -> Iterator[Server]:
    programs = _programs()
    folder = Path("/tmp") / f"onestack-tls-{os.getpid()}"
    folder.mkdir(mode=0o755)
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    other.cert_pem.write_to_path(folder / "other.pem")
    issued_to = {
        "server": authority.issue_cert("localhost"),
        "client": authority.issue_cert("x", common_name="certified"),
    }
    for name, issued in issued_to.items():
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        (folder / f"{name}.key").chmod(0o600)
    user: dict[str, Any] = {"user": _NOBODY, "group": _NOBODY} if os.geteuid() == 0 else {}
    if user:
        os.chown(folder, _NOBODY, _NOBODY)
        os.chown(folder / "server.key", _NOBODY, _NOBODY)
    port = unused_tcp_port_factory()  # type: ignore[operator]
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "--auth=trust", "-U", "postgres", "--no-sync"],
        check=True, capture_output=True, cwd=folder, **user,
    )  # fmt: skip
    (data / "pg_hba.conf").write_text(_HBA)
    settings = {
        "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off", "ssl": "on",
        "ssl_cert_file": folder / "server.pem", "ssl_key_file": folder / "server.key", "ssl_ca_file": folder / "ca.pem",
    }  # fmt: skip
    options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([programs / "postgres", "-D", data, *options], stdout=log, stderr=log, **user)
    for _ in range(200):
        if not subprocess.run([programs / "pg_isready", "-q", "-h", folder, "-p", str(port)], check=False).returncode:
            break
        time.sleep(0.05)
    yield Server(port, folder)
    process.terminate()
    process.wait()
    shutil.rmtree(folder)


async def test_all_that_asks_the_database_does_so_encrypted_and_by_the_right_certificate(server: Server) -> None:
    encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
    await migrate(server.url())
    one = await connect(server.url())
    assert await one.fetchval(encrypted) is True
    await one.close()
    settings = load(postgres_url=server.url())
    database, reads = Database(settings), Reads(settings)
    async with database.bound("acme") as hub:
        assert await hub.fetchval("select count(*) from history.runs") == 0
    (row,) = await reads.rows(bound("select count(*) as runs from history.runs r where r.org_id = o.org"), "acme")
    assert row["runs"] == 0
    await database.close()
    await reads.stop()


@pytest.mark.parametrize("wrong", [{"ca": "other.pem"}, {"host": "127.0.0.1"}], ids=["authority", "host"])
def test_a_certificate_that_is_not_trusted_is_refused_and_said(server: Server, wrong: dict[str, str]) -> None:
    with pytest.raises(OSError, match="certificate verify failed") as refused:
        asyncio.run(connect(server.url(**wrong)))
    assert is_away(refused.value)
    assert "look at sslrootcert and the host name in ONESTACK_POSTGRES_URL" in trouble(refused.value)
    told = subprocess.run(
        [sys.executable, "-m", "cli", "migrate"],
        env=os.environ | {"ONESTACK_POSTGRES_URL": server.url(**wrong)}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 1
    assert "the database's certificate is not trusted: look at sslrootcert" in told.stderr


async def test_a_client_certificate_is_who_one_is(server: Server) -> None:
    admin = await connect(server.url())
    await admin.execute("create role certified login")
    await admin.close()
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await connect(server.url(user="certified"))
    certificate = f"&sslcert={server.folder}/client.pem&sslkey={server.folder}/client.key"
    one = await connect(server.url(user="certified", more=certificate))
    assert await one.fetchval("select client_dn from pg_stat_ssl where pid = pg_backend_pid()") is not None
    assert await one.fetchval("select current_user") == "certified"
    await one.close()


async def test_without_encryption_the_server_takes_nobody(server: Server) -> None:
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="no encryption"):
        await connect(server.url().replace("verify-full", "disable"))
