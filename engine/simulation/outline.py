"""The steps of a definition as a list: where each stands, and which branch leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Part(NamedTuple):
    """A step of a definition.

    `path` is as the run log has it (`which.then.ticket`), `field` is its place in the document (`steps[1].then[0]`),
    `action` is `condition` for gates and branches, `given` are the parameters that it names. `branches` are the
    branches that lead to it, outermost first, each with the side.
    """

    path: str
    field: str
    action: str
    given: frozenset[str]
    branches: tuple[tuple[str, str], ...]


def outline(body: dict[str, Any]) -> list[Part]:
    """All steps of a definition's document, in the order in which they stand."""
    return list(_parts(body.get("steps") or [], "steps", ()))


def _parts(steps: list[dict[str, Any]], field: str, branches: tuple[tuple[str, str], ...]) -> Iterator[Part]:
    prefix = "".join(f"{path.rpartition('.')[2]}.{side}." for path, side in branches)
    for index, step in enumerate(steps):
        path, at = prefix + step["id"], f"{field}[{index}]"
        yield Part(path, at, step.get("action", "condition"), frozenset(step.get("with") or {}), branches)
        for side in ("then", "else"):
            yield from _parts(step.get(side) or [], f"{at}.{side}", (*branches, (path, side)))
