import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import aiohttp
import aiosmtplib
import pytest
from aiohttp.test_utils import make_mocked_request
from standardwebhooks import Webhook

from sandbox.errors import SandboxError
from sandbox.modules import StandIns, server
from sandbox.modules.ledger import Fault
from sandbox.modules.server import TOKEN
from sandbox.modules.service import causation
from sandbox.process import free_port

BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Recorder:
    """Takes events where there is no broker."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def event(self, type: str, org: str, data: Any, **attributes: str) -> dict[str, Any]:
        return {"type": type, "orgid": org, "data": data, **attributes}

    async def publish(self, event: dict[str, Any]) -> None:
        self.events.append(event)


@pytest.fixture
async def modules() -> AsyncIterator[StandIns]:
    started = await StandIns().start()
    yield started
    await started.stop()


@pytest.fixture
def recorder(modules: StandIns) -> Recorder:
    recorder = Recorder()
    modules.world._publisher = recorder
    return recorder


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def keyed(key: str) -> dict[str, str]:
    return {**BEARER, "Idempotency-Key": f'"{key}"'}


async def call(http: aiohttp.ClientSession, method: str, url: str, body: Any, headers: Any = BEARER) -> tuple[int, Any]:
    async with http.request(method, url, json=body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_the_same_key_is_performed_once_and_answered_the_same(
    modules: StandIns, http: aiohttp.ClientSession
) -> None:
    url = modules.url("psa") + "/v1/tickets"
    answers = await asyncio.gather(*(call(http, "POST", url, {"title": "x"}, keyed("k-1")) for _ in range(5)))
    assert answers == [answers[0]] * 5
    assert answers[0][0] == 201
    assert modules.ledger.performed["psa", "k-1"] == 1
    assert modules.ledger.delivered["psa", "k-1"] == 5
    assert modules.ledger.keys("psa") == {"k-1"}


async def test_a_forgetful_module_performs_every_call(modules: StandIns, http: aiohttp.ClientSession) -> None:
    await call(http, "POST", modules.url("control") + "/_forget", {"module": "psa"})
    url = modules.url("psa") + "/v1/tickets"
    ids = [(await call(http, "POST", url, {"title": "x"}, keyed("k")))[1]["id"] for _ in range(2)]
    assert len(set(ids)) == 2
    stats = await call(http, "GET", modules.url("control") + "/_stats", None)
    assert stats[1]["psa"]["performed_again"] == 1


@pytest.mark.parametrize("token", [None, "Bearer wrong", "Basic " + TOKEN])
async def test_a_call_without_the_token_is_refused(
    modules: StandIns, http: aiohttp.ClientSession, token: str | None
) -> None:
    headers = {"Authorization": token} if token else {}
    for module, path in (("psa", "/v1/tickets"), ("rmm", "/v1/devices/d/scripts"), ("oncall", "/v1/escalations")):
        status, _ = await call(http, "POST", modules.url(module) + path, {}, headers)
        assert status == 401
    assert not modules.ledger.performed


async def test_a_refused_call_may_be_made_again_under_its_key(modules: StandIns, http: aiohttp.ClientSession) -> None:
    url = modules.url("oncall") + "/v1/escalations"
    assert await call(http, "POST", url, {"message": "x"}, keyed("k")) == (
        422,
        {"error": {"message": "team is required", "field": "team"}},
    )
    status, body = await call(http, "POST", url, {"team": "noc"}, keyed("k"))
    assert (status, body["status"]) == (201, "called")


async def test_a_changed_ticket_causes_an_event_with_the_old_values_and_the_cause(
    modules: StandIns, recorder: Recorder, http: aiohttp.ClientSession
) -> None:
    modules.world.learn("acme", {"company": {"id": "c-1", "name": "Globex"}})
    cause = {**BEARER, "X-OneStack-Causation": "run1;wf-a,wf-b", "traceparent": "00-1-2-01"}
    url = modules.url("psa") + "/v1/tickets"
    _, ticket = await call(http, "POST", url, {"title": "x", "company_id": "c-1"}, cause)
    await call(http, "PATCH", f"{url}/{ticket['id']}", {"status": "Closed", "title": "x"})
    created, updated = recorder.events
    assert created["type"] == "ticket.created"
    assert created["orgid"] == "acme"
    assert created["data"]["company"]["name"] == "Globex"
    assert (created["causationid"], created["causationchain"]) == ("run1", "wf-a,wf-b")
    assert created["traceparent"] == "00-1-2-01"
    assert updated["type"] == "ticket.updated"
    assert updated["data"]["previous"] == {"status": "New"}
    assert updated["data"]["ticket"]["status"] == "Closed"
    assert "causationid" not in updated


async def test_a_field_or_tag_that_the_hub_sets_on_a_ticket_is_told_by_the_psa_with_its_cause(
    modules: StandIns, recorder: Recorder, http: aiohttp.ClientSession
) -> None:
    modules.world.put("ticket", "acme", {"id": "t", "status": "New"})
    cause = {**BEARER, "X-OneStack-Causation": "run1;wf-a"}
    hub = modules.url("hub") + "/v1/entities/ticket/t"
    await call(http, "PATCH", hub, {"field": "status", "value": "Waiting"}, cause)
    for _ in range(2):
        assert (await call(http, "POST", hub + "/tags", {"tag": "vip"}, cause))[1] == {"id": "t", "tags": ["vip"]}
    await call(http, "PATCH", modules.url("hub") + "/v1/entities/device/d", {"field": "site", "value": "Lab"}, cause)
    status, tagged = recorder.events
    assert {event["type"] for event in recorder.events} == {"ticket.updated"}
    assert (status["data"]["previous"], status["data"]["ticket"]["status"]) == ({"status": "New"}, "Waiting")
    assert (tagged["data"]["previous"], tagged["data"]["ticket"]["tags"]) == ({"tags": None}, ["vip"])
    assert (tagged["causationid"], tagged["causationchain"]) == ("run1", "wf-a")


async def test_a_ticket_that_nobody_knows_the_organisation_of_causes_no_event(
    modules: StandIns, recorder: Recorder, http: aiohttp.ClientSession
) -> None:
    url = modules.url("hub") + "/v1/entities/ticket/strange"
    assert (await call(http, "PATCH", url, {"field": "status", "value": "New"}))[0] == 200
    assert recorder.events == []


async def test_a_change_that_changes_nothing_causes_no_event(
    modules: StandIns, recorder: Recorder, http: aiohttp.ClientSession
) -> None:
    modules.world.put("ticket", "acme", {"id": "t", "status": "New"})
    assert (await call(http, "PATCH", modules.url("psa") + "/v1/tickets/t", {"status": "New"}))[0] == 200
    assert recorder.events == []


async def test_waking_a_device_brings_it_online_once(
    modules: StandIns, recorder: Recorder, http: aiohttp.ClientSession
) -> None:
    modules.world.put("device", "acme", {"id": "d", "online": False})
    url = modules.url("rmm") + "/v1/devices/d/scripts"
    for _ in range(2):
        assert (await call(http, "POST", url, {"script_id": "wake-on-lan"}))[0] == 201
    assert [event["type"] for event in recorder.events] == ["device.online"]
    assert len(modules.rmm.jobs) == 2


async def test_the_hub_keeps_fields_tags_notes_and_pushes(modules: StandIns, http: aiohttp.ClientSession) -> None:
    hub = modules.url("hub")
    await call(http, "PATCH", f"{hub}/v1/entities/device/d%2F1", {"field": "site", "value": None})
    for tag in ("vip", "vip", "late"):
        await call(http, "POST", f"{hub}/v1/entities/device/d%2F1/tags", {"tag": tag})
    await call(http, "POST", f"{hub}/v1/companies/c/notes", {"body": "hello"})
    await call(http, "POST", f"{hub}/v1/push", {"to": "u-1", "body": "hi"})
    _, entity = await call(http, "GET", f"{hub}/v1/entities/device/d%2F1", None)
    assert entity == {"id": "d/1", "site": None, "tags": ["vip", "late"]}
    assert [note["body"] for note in modules.hub.notes] == ["hello"]
    assert [push["to"] for push in modules.hub.pushes] == ["u-1"]


async def test_a_rule_makes_an_endpoint_fail_so_many_times(modules: StandIns, http: aiohttp.ClientSession) -> None:
    rule = {"module": "oncall", "path": "/v1/esc", "status": 503, "times": 2, "headers": {"Retry-After": "1"}}
    assert (await call(http, "POST", modules.url("control") + "/_fail", rule))[0] == 200
    url = modules.url("oncall") + "/v1/escalations"
    statuses = [(await call(http, "POST", url, {"team": "noc"}, keyed("k")))[0] for _ in range(3)]
    assert statuses == [503, 503, 201]
    assert modules.ledger.performed["oncall", "k"] == 1


async def test_a_lost_answer_was_performed_and_its_repeat_is_not(
    modules: StandIns, http: aiohttp.ClientSession
) -> None:
    modules.ledger.faults.append(Fault("psa", status=0, times=1, after=True))
    url = modules.url("psa") + "/v1/tickets"
    with pytest.raises(aiohttp.ClientError):
        await call(http, "POST", url, {"title": "x"}, keyed("k"))
    assert (await call(http, "POST", url, {"title": "x"}, keyed("k")))[0] == 201
    assert modules.ledger.performed["psa", "k"] == 1


@pytest.mark.parametrize("rule", [{}, {"module": "psa", "what": 1}, {"module": "psa", "status": "high"}])
async def test_a_rule_that_means_nothing_is_refused(
    modules: StandIns, http: aiohttp.ClientSession, rule: dict[str, Any]
) -> None:
    assert (await call(http, "POST", modules.url("control") + "/_fail", rule))[0] == 422


CARD = {
    "type": "message",
    "attachments": [
        {
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "text": "hi"}]},
        }
    ],
}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (CARD, 200),
        ({"@type": "MessageCard", "text": "hi"}, 200),
        ({"@type": "MessageCard"}, 400),
        ({"text": "hi"}, 400),
        ({"type": "message", "attachments": []}, 400),
        ({"type": "message", "attachments": [{"contentType": "text/plain"}]}, 400),
    ],
)
async def test_teams_takes_only_its_own_format(
    modules: StandIns, http: aiohttp.ClientSession, body: Any, status: int
) -> None:
    url = modules.environment()["ONESTACK_SECRET_TEAMS"]
    assert (await call(http, "POST", url, body, {}))[0] == status
    assert len(modules.teams.messages) == (status == 200)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": "hi"}, 200),
        ({"blocks": [{"type": "section"}]}, 200),
        ({"text": ""}, 400),
        ({"text": "hi", "blocks": ["x"]}, 400),
    ],
)
async def test_slack_takes_only_its_own_format(
    modules: StandIns, http: aiohttp.ClientSession, body: Any, status: int
) -> None:
    async with http.post(modules.environment()["ONESTACK_SECRET_SLACK"], json=body) as answer:
        assert answer.status == status
    async with http.post(modules.url("slack") + "/services/T0SANDBOX/B0SANDBOX/guess", json=body) as answer:
        assert answer.status == 404


async def test_the_receiver_wants_a_valid_signature(modules: StandIns, http: aiohttp.ClientSession) -> None:
    signer = Webhook(modules.environment()["ONESTACK_SECRET_SIGNING"])
    now = datetime.now(UTC)
    headers = {"webhook-id": "m-1", "webhook-timestamp": str(int(now.timestamp()))}
    headers["webhook-signature"] = signer.sign("m-1", now, '{"a":1}')
    url = modules.url("webhook") + "/hooks/siem"
    async with http.post(url, data=b'{"a":2}', headers=headers) as answer:
        assert answer.status == 401
    for _ in range(2):
        async with http.post(url, data=b'{"a":1}', headers=headers) as answer:
            assert answer.status == 200
    assert modules.receiver.messages == [{"a": 1}]
    assert modules.ledger.performed["webhook", "m-1"] == 1
    async with http.post(modules.url("webhook") + "/retired", data=b"{}") as answer:
        assert answer.status == 410


async def test_the_mail_server_keeps_messages_and_fails_as_told(modules: StandIns) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@x.example", "b@x.example", "Grüße"
    message["Message-ID"] = "<m-1@x.example>"
    message.set_content("Hällo")
    await aiosmtplib.send(message, hostname="127.0.0.1", port=modules.ports["mail"])
    (mail,) = modules.mail.messages
    assert (mail.to, mail.subject, mail.text.strip()) == (("b@x.example",), "Grüße", "Hällo")
    assert modules.ledger.performed["mail", "<m-1@x.example>"] == 1
    async with aiohttp.ClientSession() as http:
        _, told = await call(http, "GET", modules.url("control") + "/_mail", None)
    assert told == {"mail": [{"to": ["b@x.example"], "subject": "Grüße", "text": "Hällo\r\n"}]}
    modules.ledger.faults.append(Fault("mail", status=451, times=1))
    with pytest.raises(aiosmtplib.SMTPDataError):
        await aiosmtplib.send(message, hostname="127.0.0.1", port=modules.ports["mail"])


async def test_two_sets_of_modules_on_the_same_ports_do_not_collide(modules: StandIns) -> None:
    other = await StandIns(ports=modules.ports).start()
    assert not set(other.ports.values()) & set(modules.ports.values())
    await other.stop()


def test_a_call_without_a_cause_gives_none() -> None:
    assert causation(make_mocked_request("POST", "/")) == {}


async def test_a_port_that_is_taken_between_two_lines_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    ports = [taken.getsockname()[1]]
    monkeypatch.setattr(server, "free_port", lambda wanted: ports.pop() if ports else free_port(wanted))
    started = await StandIns().start()
    try:
        assert not ports
        assert taken.getsockname()[1] not in started.ports.values()
        assert len(started.ports) == len(set(started.ports.values())) == len(server.PORTS)
    finally:
        await started.stop()
        taken.close()


async def test_where_every_port_is_taken_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(server, "free_port", lambda _wanted: taken.getsockname()[1])
    stand_ins = StandIns()
    try:
        with pytest.raises(SandboxError, match="psa: 5 ports were taken"):
            await stand_ins.start()
    finally:
        await stand_ins.stop()
        taken.close()
