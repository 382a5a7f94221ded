"""What a check found, and how checks are run: beside each other, each bounded in time, none able to hold up another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeVar

Level = Literal["ok", "warning", "fault"]
SECONDS: Final = 20.0
"""For which one check may look; whatever answers at all answers within two."""
T = TypeVar("T")


class Finding(NamedTuple):
    """One thing that was looked at: how it is, and what to do about it where something is to be done."""

    check: str
    level: Level
    detail: str
    todo: str | None = None


Check = Callable[[], Awaitable[Sequence[Finding]]]


def ok(check: str, detail: str) -> Finding:
    """As it should be."""
    return Finding(check, "ok", detail)


def warning(check: str, detail: str, todo: str) -> Finding:
    """It works, and will not always."""
    return Finding(check, "warning", detail, todo)


def fault(check: str, detail: str, todo: str) -> Finding:
    """It does not work."""
    return Finding(check, "fault", detail, todo)


async def run(checks: Mapping[str, Check], seconds: float = SECONDS) -> list[Finding]:
    """What all checks found, in their order. One that takes too long, or fails itself, is a finding too."""
    tasks = {name: asyncio.create_task(_one(name, check), name=f"doctor-{name}") for name, check in checks.items()}
    if tasks:
        await asyncio.wait(tasks.values(), timeout=seconds)
    found: list[Finding] = []
    for name, task in tasks.items():
        if task.done():
            found += [_failed(name, asyncio.CancelledError())] if task.cancelled() else task.result()
        else:
            task.cancel()
            todo = "See whether what it asks answers at all; the other checks are not concerned."
            found.append(fault(name, f"It could not be looked at within {seconds:.0f} s.", todo))
    return found


async def _one(name: str, check: Check) -> Sequence[Finding]:
    try:
        return await check()
    except Exception as error:  # noqa: BLE001 - a check that fails must not silence the others
        return [_failed(name, error)]


def _failed(name: str, error: BaseException) -> Finding:
    # Not the error's text: a library may quote an address with its password.
    return fault(name, f"It could not be looked at: {type(error).__name__}.", "Report this: it is a fault of ours.")


async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """What `work` returns, done in a thread that keeps nobody from ending: for calls that may block for good."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(set_: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            set_(value)

    def target() -> None:
        try:
            result = work(*arguments)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            _tell(loop, settle, future.set_exception, error)
        else:
            _tell(loop, settle, future.set_result, result)

    threading.Thread(target=target, daemon=True).start()
    return await future


def _tell(loop: asyncio.AbstractEventLoop, *what: Any) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(*what)
