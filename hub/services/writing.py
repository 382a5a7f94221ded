"""Changing workflows through the definitions topic, as everybody does: each version is one higher than that in force.

Two who change the same version at once: both see it in force, and both send the next number. The topic has one order,
and every reader of it takes the first and refuses the second; so what came of a record is what the fold of the topic
says of its offset. Within this process writers of one workflow wait for each other, so that only a write through
another Hub, or past all of them, can be lost like that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from weakref import WeakValueDictionary

from engine.registry import Deleted, RefusedDefinition
from engine.workflow import Workflow, body_of, canonical
from hub.problems import Problem, not_found
from hub.services import workflows
from hub.services.ids import slug, unique
from hub.services.records import definition_record
from hub.services.validating import compiled, completed
from schemas.definitions import parse_definition, read_document
from schemas.errors import Refused

if TYPE_CHECKING:
    from hub.access import Caller
    from hub.parts import Parts
    from hub.sending import Place

Result = Literal["created", "updated", "unchanged"]
_ATTEMPTS: Final = 5
"""How often a change that names no version is made again where another came first."""
_PATIENCE: Final = 10.0
"""Seconds that a writer waits for those before it."""
_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class Written:
    """The workflow as it is in force now. `place` is where its record is; None where nothing had to be changed."""

    workflow: Workflow
    place: Place | None


class Lost(Problem):
    """Another write came first."""

    def __init__(self) -> None:
        super().__init__(412, "The workflow was changed meanwhile. Read it again.")


class Writer:
    """Changes workflows of the caller's organisation."""

    def __init__(self, parts: Parts, caller: Caller) -> None:
        self._parts = parts
        self._caller = caller

    async def create(self, given: dict[str, Any]) -> Written:
        """A new workflow; without an id it gets one from its name. Raises Problem (409 where the id is taken)."""
        body = self._read(given)
        parse_definition(completed(body, self._caller.org))
        named = "id" in body
        for _ in range(_ATTEMPTS):
            workflow_id = body["id"] if named else await self._free_id(str(body.get("name") or ""))
            try:
                return await self._create({**body, "id": workflow_id})
            except Lost:
                if named:
                    break
        raise Problem(409, f"There is a workflow with the id {body.get('id')!r} already.")

    async def _create(self, body: dict[str, Any]) -> Written:
        async with self._locked(body["id"]) as before:
            if before is not None:
                raise Lost
            number = await self._next_version(body["id"], None)
            return await self._put("workflow.create", completed(body, self._caller.org, number), None)

    async def replace(self, workflow_id: str, given: dict[str, Any], expected: Expected) -> Written:
        """The workflow's next version. Raises Problem 404, or 412 where the version in force is not as expected."""
        body = self._read(given)
        if body.get("id", workflow_id) != workflow_id:
            raise Refused.one("id", f"is {str(body['id'])[:100]!r}, but the address names {workflow_id!r}")
        async with self._locked(workflow_id) as found:
            before = self._expected(workflow_id, found, expected)
            return await self._change("workflow.update", {**body, "id": workflow_id}, before)

    async def bring(self, given: dict[str, Any], *, dry_run: bool = False) -> tuple[Result, Written]:
        """The workflow put in force whether or not there is one of its id; what that came to.

        With `dry_run` nothing is sent, and what is told is what would be. Raises Refused and Problem.
        """
        body = self._read(given)
        workflow = compiled(parse_definition(completed(body, self._caller.org)))
        if "id" not in body:
            written = Written(workflow, None) if dry_run else await self.create(body)
            return "created", written
        for _ in range(_ATTEMPTS):
            async with self._locked(workflow.id) as before:
                if before is not None and self._is(body, before):
                    return "unchanged", Written(before, None)
                result: Result = "created" if before is None else "updated"
                number = await self._next_version(workflow.id, before)
                whole = completed(body, self._caller.org, number)
                if dry_run:
                    return result, Written(compiled(parse_definition(whole)), None)
                try:
                    return result, await self._put(f"workflow.{result[:-1]}", whole, before)
                except Lost:
                    continue
        raise Lost

    async def switch(self, workflow_id: str, state: str, expected: Expected) -> Written:
        """The workflow in this state. Raises Problem 404 or 412, and Refused where it can't be in that state."""
        action = {"enabled": "enable", "disabled": "disable"}.get(state, state)
        for _ in range(_ATTEMPTS):
            async with self._locked(workflow_id) as found:
                before = self._expected(workflow_id, found, expected)
                try:
                    return await self._change(f"workflow.{action}", {**before.body, "state": state}, before)
                except Lost:
                    if expected.given:
                        break
        raise Lost

    async def remove(self, workflow_id: str, expected: Expected) -> Place:
        """Delete the workflow; where its record is. Raises Problem 404 or 412."""
        async with self._locked(workflow_id) as found:
            before = self._expected(workflow_id, found, expected)
            details = {"version": before.version, "name": before.name, "state": before.state}
            async with self._parts.audited(
                self._caller, "workflow.delete", workflows.target_of(workflow_id), details
            ) as record:
                place = await self._send(workflow_id, None)
                applied = await self._parts.definitions.applied(place.offset)
                if not isinstance(applied, Deleted) or applied.previous is None:
                    return place
                record.details["version"] = applied.previous.version
                if expected.given and applied.previous.version != before.version:
                    # Another write came between: it is put back as it was.
                    place = await self._send(workflow_id, applied.previous.body)
                    await self._parts.definitions.applied(place.offset)
                    raise Lost
            return place

    def _read(self, given: dict[str, Any]) -> dict[str, Any]:
        """The definition without what the Hub knows better. Raises Problem 403 where it is another organisation's."""
        read_document(given)
        org = given.get("org")
        if org is not None and org != self._caller.org:
            raise Problem(
                403, f"The definition is of the organisation {str(org)[:100]!r}, not of yours: leave org out."
            )
        return {name: value for name, value in given.items() if name != "id" or value is not None}

    async def _free_id(self, name: str) -> str:
        wanted = slug(name)
        async with self._parts.database(self._caller.org) as connection:
            taken = await workflows.known_ids(connection, self._caller.org, wanted)
        taken |= {one.id for one in self._parts.definitions.registry.workflows(self._caller.org)}
        return unique(wanted, taken)

    async def _next_version(self, workflow_id: str, before: Workflow | None) -> int:
        if before is not None:
            return before.version + 1
        # Numbers go on after a deletion, so that each means one version in the history.
        async with self._parts.database(self._caller.org) as connection:
            return await workflows.highest_version(connection, self._caller.org, workflow_id) + 1

    @asynccontextmanager
    async def _locked(self, workflow_id: str) -> AsyncIterator[Workflow | None]:
        """What is in force, while no other request here changes it."""
        await self._parts.definitions.wait_ready()
        name = f"{self._caller.org}/{workflow_id}"
        lock = _locks.get(name)
        if lock is None:
            lock = _locks[name] = asyncio.Lock()
        try:
            async with asyncio.timeout(_PATIENCE):
                await lock.acquire()
        except TimeoutError:
            detail = f"Workflow {workflow_id} is being changed by others; try again in a moment."
            raise Problem(503, detail, headers={"retry-after": "2"}) from None
        try:
            yield self._parts.definitions.registry.get(self._caller.org, workflow_id)
        finally:
            lock.release()

    @staticmethod
    def _expected(workflow_id: str, before: Workflow | None, expected: Expected) -> Workflow:
        if before is None:
            raise not_found(f"workflow {workflow_id}")
        if not expected.fits(before.version):
            raise stale(workflow_id, before.version)
        return before

    async def _change(self, action: str, given: dict[str, Any], before: Workflow) -> Written:
        if self._is(given, before):
            return Written(before, None)
        return await self._put(action, completed(given, self._caller.org, before.version + 1), before)

    def _is(self, given: dict[str, Any], before: Workflow) -> bool:
        """Whether what is in force says the same already."""
        same = completed(given, self._caller.org, before.version)
        return canonical(body_of(parse_definition(same))) == canonical(before.body)

    async def _put(self, action: str, body: dict[str, Any], before: Workflow | None) -> Written:
        workflow = compiled(parse_definition(body))
        details: dict[str, Any] = {"version": workflow.version, "digest": workflow.digest, "state": workflow.state}
        details |= {"name": workflow.name, "before": None if before is None else before.version}
        async with self._parts.audited(self._caller, action, workflows.target_of(workflow.id), details):
            place = await self._send(workflow.id, body)
            applied = await self._parts.definitions.applied(place.offset)
            if isinstance(applied, RefusedDefinition):
                raise _lost(applied)
        return Written(workflow, place)

    async def _send(self, workflow_id: str, body: dict[str, Any] | None) -> Place:
        topic, key, value, headers = definition_record(f"{self._caller.org}/{workflow_id}", body)
        return await self._parts.publish(topic, key or b"", value, headers)


@dataclass(frozen=True, slots=True)
class Expected:
    """What If-Match names: versions, or `*` for any; without the header nothing is expected."""

    versions: frozenset[str] = frozenset()
    given: bool = False

    @classmethod
    def of(cls, header: str | None) -> Expected:
        """What a header says; a weak tag never fits, as RFC 9110 has it."""
        if header is None:
            return cls()
        return cls(frozenset(part.strip() for part in header.split(",")), given=True)

    def fits(self, version: int) -> bool:
        """Whether this version is expected."""
        return not self.given or "*" in self.versions or etag(version) in self.versions


def etag(version: int) -> str:
    """A version as an entity tag."""
    return f'"{version}"'


def stale(workflow_id: str, version: int) -> Problem:
    """The workflow was changed since the caller read it."""
    detail = f"Workflow {workflow_id} was changed meanwhile: version {version} is in force. Read it again."
    return Problem(412, detail, headers={"etag": etag(version)})


def _lost(applied: RefusedDefinition) -> Problem:
    """A version that is not higher is a race that was lost; anything else is a fault of the definition."""
    if any(fault.field == "version" for fault in applied.faults):
        return Lost()
    return Problem.refused(Refused(applied.faults))
