"""By which key a workflow's runs are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import RenderError
from engine.filters import as_text
from engine.paths import Scope

if TYPE_CHECKING:
    from engine.workflow import Workflow
    from schemas.events import Event


def throttle_of(workflow: Workflow, event: Event) -> dict[str, Any] | None:
    """The rendered key, limit, and period in seconds; None without a throttle.

    `key` is None, and `note` says why, where it can't be rendered: the run then starts uncounted.
    """
    throttle = workflow.throttle
    if throttle is None:
        return None
    bounds = {"limit": throttle.limit, "per_s": throttle.per.total_seconds()}
    try:
        key = as_text(throttle.key.render(Scope(event.envelope, workflow.reference, {}, {})))
    except RenderError as error:
        return {"key": None, **bounds, "note": str(error)}
    return {"key": key, **bounds}
