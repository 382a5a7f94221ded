"""The product on three brokers as production has them: TLS and SASL, ACLs, every topic three times."""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Any

from sandbox.errors import SandboxError
from sandbox.kafka_cluster import Cluster
from sandbox.kafka_security import ADMIN
from schemas.names import MODULES
from tests.chaos.bus import Bus
from tests.chaos.certificates import Authority
from tests.chaos.stack import Stack, step, workflow

USERS = (ADMIN, "onestack-worker", "onestack-projector", "onestack-hub", *(f"onestack-module-{m}" for m in MODULES))


class ClusterStack(Stack):
    """Every process says who it is, and may do only what `onestack topics acls` says; the bus is the administrator.

    ONESTACK_CHAOS_NICE is how far brokers and Postgres stand back behind what is tested, where figures are wanted: in
    production they have machines of their own.
    """

    def __init__(self, partitions: int = 6, brokers: int = 3, **variables: str) -> None:
        super().__init__(partitions, **variables)
        self.authority = Authority(self.folder / "pki", {user: f"{user} password" for user in USERS})
        nice = int(os.environ.get("ONESTACK_CHAOS_NICE", "0"))
        self.cluster = Cluster(self.folder / "kafka", count=brokers, secured=self.authority.secured, nice=nice)
        self.postgres.nice = nice
        self.bus = self.bus_as(ADMIN)

    def bus_as(self, user: str) -> Bus:
        """A client of its own that is this user."""
        return Bus(self.cluster.bootstrap, **self.client(user))

    def client(self, user: str) -> dict[str, Any]:
        """What aiokafka's clients are given to be this user."""
        return {
            "security_protocol": "SASL_SSL",
            "ssl_context": ssl.create_default_context(cafile=self.authority.file),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": self.authority.users[user],
        }

    @property
    def env(self) -> dict[str, str]:
        """As the administrator."""
        return {
            **super().env,
            "ONESTACK_BROKER": self.cluster.bootstrap,
            "ONESTACK_PARTITIONS": str(self.partitions),
            **self.authority.variables(ADMIN),
        }

    async def start(self, *names: str) -> None:
        """Start brokers and Postgres, make topics and ACLs as the administrator does, then the processes."""
        await asyncio.gather(asyncio.to_thread(self.cluster.start), asyncio.to_thread(self.postgres.start))
        await self.receiver.start()
        await self.onestack("topics", "create")
        await self.onestack("topics", "acls", "--apply")
        await self.onestack("topics", "check")
        for name in names:
            self.up(name)
        await self.bus.start()
        await self.bus.define(workflow("probe", "probe", [step("tag", "add_tag", tag="probe")]))
        await self.working(90)

    def up(self, name: str, **more: str) -> None:
        """As `Stack.up`, as the user of its role."""
        role = name.rstrip("0123456789")
        password = self.folder / "pki" / f"{role}.password"
        password.write_text(self.authority.users[f"onestack-{role}"] + "\n")
        secret = {"ONESTACK_KAFKA_PASSWORD": "", "ONESTACK_KAFKA_PASSWORD_FILE": str(password)}
        super().up(name, **{"ONESTACK_KAFKA_USERNAME": f"onestack-{role}", **secret, **more})

    async def stop(self) -> None:
        await super().stop()
        await asyncio.to_thread(self.cluster.stop)

    async def restart_postgres(self) -> None:
        """Kill Postgres with SIGKILL and start it again, as soon as what is left of it has ended."""
        await asyncio.to_thread(self.postgres.kill)
        for _attempt in range(50):
            try:
                await asyncio.to_thread(self.postgres.start)
            except SandboxError:
                await asyncio.sleep(0.2)
            else:
                return
        await asyncio.to_thread(self.postgres.start)
