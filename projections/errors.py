"""What can go wrong in a projection. Losing Postgres or Kafka is not among them: that is waited for."""

from __future__ import annotations

from schemas.formats import READS


class ProjectionError(Exception):
    """The root of this package's errors."""


class MigrationError(ProjectionError):
    """The database can't be brought to this version's tables."""


class Poison(ProjectionError):  # noqa: N818 - it says what is so
    """A record that can't be folded: its reason, and the field that it is about."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.reason = reason
        self.field = field


class TooNew(ProjectionError):  # noqa: N818 - it says what is so
    """A record in a format that is newer than this version reads: it is left where it is, neither lost nor guessed."""

    def __init__(self, version: int) -> None:
        super().__init__(
            f"a record of the run log is in format {version}, and this version reads up to {READS}: "
            "run a projector of the version that wrote it"
        )


class PositionLost(ProjectionError):  # noqa: N818 - it says what is so
    """Another projector, or a rebuild, moved these partitions' offsets on: what was folded here is not written."""


class RebuildBusy(ProjectionError):  # noqa: N818 - it says what is so
    """Another rebuild of this database is at work."""


class Differs(ProjectionError):  # noqa: N818 - it says what is so
    """The history is not what the log says."""


class Interrupted(ProjectionError):  # noqa: N818 - it says what is so
    """Kafka or Postgres did not let a rebuild come to its end; the live rows are as they were."""


class RetentionBusy(ProjectionError):  # noqa: N818 - it says what is so
    """Another process removes old rows from this database right now."""
