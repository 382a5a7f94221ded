"""What real producers get wrong, sent among the demo's events: each has to become a dead letter with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sandbox.modules.publisher import HEADERS
from schemas.names import DEFINITIONS, EVENT_TOPICS

Record = tuple[str, bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]

_RMM = EVENT_TOPICS["rmm"]
_KEY = b"northwind/device/d-bad"


def events(tag: str) -> list[Record]:
    """Records that are no events; `tag` makes their ids those of this start."""
    good = {
        "specversion": "1.0",
        "id": f"bad-{tag}",
        "source": "/rmm",
        "type": "device.offline",
        "subject": "device/d-bad",
        "time": "2026-11-23T08:00:00Z",
        "orgid": "northwind",
        "data": {"device": {"id": "d-bad", "name": "SRV-BAD"}},
    }
    whole = orjson.dumps(good)
    nested: dict[str, Any] = {"id": "d-bad"}
    for _ in range(200):
        nested = {"id": "d-bad", "inside": nested}
    bodies: list[bytes | None] = [
        None,
        b"",
        b"device d-bad is offline",
        whole[: len(whole) // 2],
        b"[" + whole + b"]",
        b"\xff\xfe" + whole,
        _but(good, id=None),
        _but(good, orgid=None),
        _but(good, orgid="north wind/../summit"),
        _but(good, specversion="0.3"),
        _but(good, type="device.exploded"),
        _but(good, subject="ticket/d-bad"),
        _but(good, subject="device/another"),
        _but(good, time="yesterday"),
        _but(good, data="SRV-BAD is offline"),
        _but(good, data={"server": {"id": "d-bad"}}),
        _but(good, data={"device": {"id": "d-bad", "online": "no"}}),
        _but(good, data={"device": {"id": "d-bad", "criticality": "high"}}),
        _but(good, data={"device": nested}),
        _but(good, data={"device": {"id": "d-bad", "log": "x" * 300_000}}),
    ]
    return [(_RMM, body, _KEY, HEADERS) for body in bodies]


def definitions(accepted: Mapping[str, Any]) -> list[Record]:
    """Definitions that must not be put in force, the last of them an old version of `accepted`."""
    org, id = accepted["org"], accepted["id"]
    key = f"{org}/reboot-all".encode()
    reboot = {
        "id": "reboot-all",
        "org": org,
        "version": 1,
        "name": "Reboot all",
        "state": "enabled",
        "trigger": {"type": "alert.triggered"},
        "steps": [{"id": "reboot", "action": "reboot_everything", "with": {}}],
    }
    nameless = [{"id": "ticket", "action": "create_ticket", "with": {"board": "Alerts"}}]
    loop = [{"id": "note", "action": "create_note", "with": {"body": "{% for i in (1..999999999) %}x{% endfor %}"}}]
    bodies = [
        (key, orjson.dumps(reboot)),
        (key, orjson.dumps({**reboot, "steps": nameless})),
        (key, orjson.dumps({**reboot, "steps": loop})),
        (b"summit/reboot-all", orjson.dumps({**reboot, "steps": [{**nameless[0], "with": {"title": "x"}}]})),
        (key, b"id: reboot-all\norg: northwind\n"),
        (f"{org}/{id}".encode(), orjson.dumps({**accepted, "version": accepted["version"] - 1})),
    ]
    return [(DEFINITIONS, body, key, ()) for key, body in bodies]


def _but(good: Mapping[str, Any], **changes: Any) -> bytes:
    return orjson.dumps({name: value for name, value in {**good, **changes}.items() if value is not None})
