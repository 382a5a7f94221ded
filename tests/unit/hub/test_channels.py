"""Who listens gets each message once, in order; who is too slow is told so; who comes back is told what it missed."""

from __future__ import annotations

import json

import pytest

from hub import channels
from hub.channels import MISSED, Channel, Message
from hub.problems import Problem


def news(number: int) -> Message:
    return Message("run", {"run_id": str(number)})


def read(text: bytes) -> list[tuple[str, str | None, str]]:
    """Event, id and data of each message."""
    found = []
    for block in text.decode().strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields["event"], fields.get("id"), fields["data"]))
    return found


async def test_a_reader_is_greeted_at_once_and_then_told_what_comes() -> None:
    channel = Channel("acme")
    with channel.reader(None) as listener:
        channel.send([news(1), news(2)])
        channel.send([news(3)])
        texts = [await listener.next(1) or b"" for _ in range(3)]
    assert [event for event, _, _ in read(b"".join(texts))] == ["hello", "run", "run", "run"]
    assert texts[0].startswith(b"retry: ")
    assert channel.listeners == set()


async def test_silence_is_broken_by_a_ping() -> None:
    with Channel("acme").reader(None) as listener:
        await listener.next(1)
        assert await listener.next(0.01) == b"event: ping\ndata: {}\n\n"


async def test_a_reader_that_does_not_read_is_told_so_and_disconnected() -> None:
    channel = Channel("acme")
    with channel.reader(None) as slow, channel.reader(None) as quick:
        for number in range(200):
            channel.send([news(number)])
            assert await quick.next(1)
        assert [event for event, _, _ in read(await slow.next(1) or b"")] == ["slow"]
        assert await slow.next(1) is None
        assert slow.closed
        assert not quick.closed


async def test_who_comes_first_is_told_the_last_news_of_each_thing_alone() -> None:
    channel = Channel("acme")

    def run(number: int, status: str) -> Message:
        return Message("run", {"run_id": str(number), "status": status})

    letter = Message("dead-letter", {"at": "2026-11-26T12:00:00Z"})
    channel.send([run(1, "waiting"), run(2, "waiting"), letter])
    channel.send([run(1, "cancelled"), letter, Message("workflow", {"id": "1", "version": 2})])
    with channel.reader(None) as listener:
        greeting = read(await listener.next(1) or b"")
    told = [(event, json.loads(data).get("status")) for event, _, data in greeting]
    assert told == [
        ("hello", None), ("run", "waiting"), ("dead-letter", None), ("run", "cancelled"), ("dead-letter", None),
        ("workflow", None),
    ]  # fmt: skip
    numbers = [int((id or "").rpartition("-")[2]) for _, id, _ in greeting[1:]]
    assert numbers == sorted(numbers)


async def test_who_comes_back_is_told_what_came_meanwhile() -> None:
    channel = Channel("acme")
    with channel.reader(None) as listener:
        channel.send([news(1)])
        await listener.next(1)
        ((_, last, _),) = read(await listener.next(1) or b"")
    channel.send([news(2), news(3)])
    with channel.reader(last) as listener:
        found = read(await listener.next(1) or b"")
    assert [data for _, _, data in found] == ['{"org":"acme"}', '{"run_id":"2"}', '{"run_id":"3"}']
    assert found[0][1] is None, "its id would say that the others were read"
    with channel.reader(found[-1][1]) as listener:
        assert [event for event, _, _ in read(await listener.next(1) or b"")] == ["hello"]


@pytest.mark.parametrize("last", ["x", "-", "0000-1", "{mark}-999", "{mark}-1", "{mark}-²", "{mark}-" + "9" * 90])
async def test_who_comes_back_from_where_nobody_knows_is_told_to_ask_anew(
    last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "_REPLAYED", 2)
    channel = Channel("acme")
    channel.send([news(number) for number in range(1, 6)])
    with channel.reader(last.format(mark=channel._mark)) as listener:
        found = read(await listener.next(1) or b"")
    assert [event for event, _, _ in found] == ["hello", "missed"]


async def test_a_newcomer_hears_what_happened_as_it_fetched_its_page() -> None:
    channel = Channel("acme")
    channel.send([news(1)])
    with channel.reader(None) as listener:
        assert [event for event, _, _ in read(await listener.next(1) or b"")] == ["hello", "run"]


async def test_more_at_once_than_anyone_reads_is_one_message() -> None:
    channel = Channel("acme")
    with channel.reader(None) as listener:
        await listener.next(1)
        channel.send([news(number) for number in range(5_000)])
        ((event, _, _),) = read(await listener.next(1) or b"")
    assert event == MISSED.event


async def test_an_organisation_can_have_so_many_readers_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "_MOST_READERS", 1)
    channel = Channel("acme")
    with channel.reader(None):
        with pytest.raises(Problem) as refused, channel.reader(None):
            pass
        assert refused.value.status == 429
    with channel.reader(None):
        pass


async def test_closing_ends_every_reader() -> None:
    channel = Channel("acme")
    with channel.reader(None) as one, channel.reader(None) as other:
        channel.close()
        channel.send([news(1)])
        assert await one.next(1) is None
        assert await other.next(1) is None
