"""The topics as a table: what each holds, its key, its partitions and how it is cleaned up (DESIGN.md §3)."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from schemas.names import (
    ADMISSIONS,
    COMMAND_TOPICS,
    CONTROL,
    DEAD_LETTERS,
    DEFINITIONS,
    EVENT_TOPICS,
    GUARD,
    RUNS,
    SIGNALS,
    TIMERS,
)

ENTITY_KEY: Final = "The entity key {org}/{subject}, such as acme/device/d-17."
WORKFLOW_KEY: Final = "{org}/{workflow id}."
DEFINITION_KEY: Final = "{org}/{workflow id}, such as acme/alert-to-ticket."


class Topic(NamedTuple):
    """One topic; records are kept for `days`; `one_partition` where it does not have as many as the others.

    An `internal` one is the engine's own: its records may look otherwise in the next version.
    """

    name: str
    holds: str
    key: str
    cleanup: Literal["delete", "compact"]
    days: int | None = 7
    one_partition: bool = False
    internal: bool = False

    @property
    def short(self) -> str:
        """The name without the part that all share: `workflow.runs`."""
        return self.name.removeprefix("onestack.")


TOPICS: Final[tuple[Topic, ...]] = (
    *(Topic(name, f"Events of the {module} module.", ENTITY_KEY, "delete") for module, name in EVENT_TOPICS.items()),
    Topic(
        DEFINITIONS,
        "Workflow definitions and business calendars; a null value deletes.",
        DEFINITION_KEY,
        "compact",
        days=None,
        one_partition=True,
    ),
    *(
        Topic(name, f"Commands of the action {action}.", ENTITY_KEY, "delete")
        for action, name in COMMAND_TOPICS.items()
    ),
    Topic(RUNS, "The run log: each record is what one decision made of a run.", ENTITY_KEY, "delete", days=365),
    Topic(CONTROL, "Requests to cancel, resume or re-run a run; what a guard decided.", ENTITY_KEY, "delete"),
    Topic(
        DEAD_LETTERS,
        "Whatever could not be read, with the reason and where it came from.",
        "The key of the record that it came from.",
        "delete",
        days=90,
    ),
    Topic(
        TIMERS,
        "Runs that wait; a null value ends the wait.",
        "{run id}:{seq} of the entry that will end the wait; on the partition of the run's entity.",
        "compact",
        days=None,
        internal=True,
    ),
    Topic(SIGNALS, "What may cancel or restart runs, remembered.", ENTITY_KEY, "delete", days=2, internal=True),
    Topic(GUARD, "Requests to start a run that a guard counts.", WORKFLOW_KEY, "delete", internal=True),
    Topic(ADMISSIONS, "What the guards decided.", WORKFLOW_KEY, "delete", days=35, internal=True),
)
