"""The action errors: raised while a call is prepared, and told as `Failed`."""

from __future__ import annotations

from schemas.outcomes import ErrorKind, Failed


class CannotPerformError(Exception):
    """A call that can't be made as asked: `kind` says whose fault it is, `str()` is for the user."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind

    def failed(self) -> Failed:
        """This error as an outcome. It would be the same at the next attempt, so it isn't retryable."""
        return Failed({"kind": self.kind, "message": str(self)})


class RefusedAddressError(OSError):
    """An address that a webhook or chat may not reach. An OSError, since it is raised while a connection is made."""
