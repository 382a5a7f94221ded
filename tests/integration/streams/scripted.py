"""A worker whose actions answer as their event says: run as a module, it works like `onestack worker`.

The event's `data.script` has a list of answers for each step path, one for each attempt; the last holds from there on.
An answer is `{"output": …}`, or `{"error": {…}, "retryable": …, "retry_after": …}`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from runtime.logging import configure
from runtime.settings import load
from schemas.names import ACTIONS
from schemas.outcomes import Call, Failed, Outcome, Succeeded
from streams.worker import work


class Script:
    """Answers calls; counts the attempts of each command."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()

    def answer(self, call: Call) -> Outcome:
        answers: list[dict[str, Any]] = call.event["data"]["script"].get(call.step) or [{"output": {"id": call.step}}]
        told = answers[min(self._asked[call.command_id], len(answers) - 1)]
        self._asked[call.command_id] += 1
        if "output" in told:
            return Succeeded(told["output"])
        return Failed(told["error"], retryable=told["retryable"], retry_after=told["retry_after"])


class Scripted:
    """One action."""

    reaches_out = False

    def __init__(self, name: str, script: Script) -> None:
        self.name = name
        self._script = script

    async def perform(self, call: Call) -> Outcome:
        await asyncio.sleep(0)
        return self._script.answer(call)


if __name__ == "__main__":
    settings = load()
    configure(settings)
    script = Script()
    asyncio.run(work(settings, {name: Scripted(name, script) for name in ACTIONS if name != "delay"}))
