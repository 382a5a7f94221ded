"""What a replay is: exactly these runs, done in this way; as its record in the history has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from cli.errors import USAGE, Failure
from schemas.messages import By
from schemas.names import rerun_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.services.plans import Which

Action = Literal["resume", "rerun"]

_ACTIONS: Final[Mapping[str, Action]] = {
    "failed": "resume",
    "cancelled": "resume",
    "skipped": "rerun",
    "suppressed": "rerun",
}
_WHY_NOT: Final = {
    "completed": "has nothing left to be done: 'onestack rerun' repeats one as a new run",
    "running": "has not ended: it goes on by itself",
    "waiting": "has not ended: it goes on by itself when its time has come",
    "missed": "is no status: an event that started no run is told by 'onestack why EVENT-ID'",
}


def action_for(statuses: Sequence[str]) -> Action:
    """What is done with runs of these statuses. Raises Failure where they can't be replayed, or not together."""
    found: set[Action] = set()
    for status in statuses:
        if status not in _ACTIONS:
            why = _WHY_NOT.get(status, f"is no status: those are {', '.join(_ACTIONS)}")
            raise Failure(f"A run that is {status} can't be replayed: it {why}.", USAGE)
        found.add(_ACTIONS[status])
    if len(found) != 1:
        raise Failure(
            "Failed and cancelled runs go on where they stopped, skipped and suppressed ones begin anew: replay the "
            "ones and then the others.",
            USAGE,
        )
    return found.pop()


@dataclass(frozen=True, slots=True)
class Job:
    """A replay that is to be done, or was begun."""

    replay: str
    org: str
    workflow: str
    action: Action
    version: Which
    filter: dict[str, Any]
    rate: float
    stop_at: float
    person: str
    reason: str | None
    run_ids: Sequence[str]

    @property
    def by(self) -> By:
        """Who asks for each of its runs: their story names the replay."""
        return By(person=self.person, reason=self.reason, replay=self.replay)

    def request_id(self, run_id: str) -> str:
        """The id of the request about this run: always the same, so that asking twice is asking once."""
        return f"{self.replay}:{run_id}"

    def watched(self, run_id: str) -> str:
        """The run in which the effect shows: this one, or the new one that repeats it."""
        return rerun_id(run_id, self.request_id(run_id)) if self.action == "rerun" else run_id

    def started(self, token: str) -> dict[str, Any]:
        """The first entry of its record."""
        told: dict[str, Any] = {
            "token": token,
            "workflow": self.workflow,
            "action": self.action,
            "version": self.version,
            "filter": self.filter,
            "rate": self.rate,
            "stop_at": self.stop_at,
            "run_ids": list(self.run_ids),
        }
        if self.action == "rerun":
            told["new_run_ids"] = [self.watched(one) for one in self.run_ids]
        return told


def job_of(
    replay: str, org: str, entries: Sequence[Mapping[str, Any]], rate: float | None, stop_at: float | None
) -> Job:
    """The replay whose record this is, to be gone on with at another rate where one is given."""
    first = entries[0]["data"]
    last = next((one["data"] for one in reversed(entries) if one["type"] == "replay.continued"), first)
    by = first.get("by") or {}
    return Job(
        replay,
        org,
        first["workflow"],
        first["action"],
        first["version"],
        first["filter"],
        rate or last["rate"],
        last["stop_at"] if stop_at is None else stop_at,
        by.get("person") or "somebody",
        by.get("reason"),
        tuple(first["run_ids"]),
    )
