"""The RMM stand-in: devices, and scripts that run on them."""

from __future__ import annotations

from itertools import count
from typing import Any

from aiohttp import web

from sandbox.modules.ledger import Ledger
from sandbox.modules.service import Module, ProblemError, Route, body_of, causation
from sandbox.modules.world import World

WAKE = "wake-on-lan"
"""A script that brings its device back, which `device.online` then tells."""


class Rmm(Module):
    """GET of devices, POST and GET of script runs."""

    name = "rmm"

    def __init__(self, world: World, ledger: Ledger, token: str = "") -> None:
        super().__init__(world, ledger, token)
        self._numbers = count(1)
        self.jobs: list[dict[str, Any]] = []

    def routes(self) -> list[Route]:
        return [
            ("GET", "/v1/devices", self._devices),
            ("GET", "/v1/devices/{id}", self._device),
            ("POST", "/v1/devices/{id}/scripts", self._run),
            ("GET", "/v1/devices/{id}/scripts", self._jobs),
        ]

    async def _run(self, request: web.Request) -> tuple[int, Any]:
        body = await body_of(request, "script_id")
        id = request.match_info["id"]
        org = await self.world.owner("device", id)
        device = self.world.get("device", id)
        job = {"id": f"job-{next(self._numbers)}", "device_id": id, **body, "status": "completed"}
        self.jobs.append(job)
        if body["script_id"] == WAKE and device.get("online") is False:
            device["online"] = True
            await self.world.happened("device.online", org, {"device": dict(device)}, causation(request))
        return 201, job

    async def _devices(self, _request: web.Request) -> tuple[int, Any]:
        return 200, {"devices": self.world.all("device")}

    async def _device(self, request: web.Request) -> tuple[int, Any]:
        device = self.world.find("device", request.match_info["id"])
        if device is None:
            raise ProblemError(404, "there is no such device")
        return 200, device

    async def _jobs(self, request: web.Request) -> tuple[int, Any]:
        return 200, {"scripts": [job for job in self.jobs if job["device_id"] == request.match_info["id"]]}
