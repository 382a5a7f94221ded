"""The workflows in force, and whether what they name is there."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from aiokafka.errors import KafkaError

from cli.doctor.finding import Finding, fault, in_thread, ok, warning
from runtime.kafka import new_reader, scan, topic_partitions
from runtime.secrets import PREFIX, Secrets, UnknownSecretError
from runtime.settings import Settings
from schemas.definitions import parse_definition
from schemas.errors import Refused
from schemas.names import DEFINITIONS

_SHOWN: Final = 5


async def definitions(settings: Settings) -> Sequence[Finding]:
    """How many are in force, which can't be read, and which secrets they name that are not there."""
    try:
        bodies = await _bodies(settings)
    except (KafkaError, OSError, ValueError, AssertionError):
        return [warning("definitions", "They could not be read.", "See the findings about the broker and the topics.")]
    states: Counter[str] = Counter()
    unreadable: list[str] = []
    for key, body in bodies.items():
        try:
            states[parse_definition(body).state] += 1
        except Refused:
            unreadable.append(key)
    found: list[Finding] = []
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    found.append(ok("definitions", f"{sum(states.values())} definitions are there{f': {told}' if told else ''}."))
    if unreadable:
        detail = f"{len(unreadable)} definitions can't be read by this release, such as {unreadable[0]}."
        found.append(warning("definitions", detail, "See 'onestack dead-letters' for why, and publish them mended."))
    return [*found, *await in_thread(secrets, settings, bodies)]


async def _bodies(settings: Settings) -> dict[str, Any]:
    """The newest document under each key."""
    partitions = (await topic_partitions(settings, [DEFINITIONS])).get(DEFINITIONS, [])
    if not partitions:
        raise ValueError(DEFINITIONS)
    reader = new_reader(settings, request_timeout_ms=8_000)
    found: dict[str, Any] = {}
    try:
        await reader.start()
        begins, ends = await reader.beginning_offsets(partitions), await reader.end_offsets(partitions)
        async for _at, records in scan(reader, {at: (begins[at], ends[at]) for at in partitions}):
            for record in records:
                _take(found, record)
    finally:
        await reader.stop()
    return found


def _take(found: dict[str, Any], record: Any) -> None:
    key = (record.key or b"").decode("utf-8", "replace")
    if record.value is None:
        found.pop(key, None)
        return
    try:
        found[key] = orjson.loads(record.value)
    except orjson.JSONDecodeError:
        found[key] = None


def secrets(settings: Settings, bodies: Mapping[str, Any]) -> list[Finding]:
    """Whether the folder can be read, by us and by nobody else, and has what definitions name."""
    found = list(_folder(settings.secrets_dir)) if settings.secrets_dir is not None else []
    known, missing = Secrets(settings.secrets_dir), dict[str, str]()
    names: set[str] = set()
    for key, body in sorted(bodies.items()):
        for reference in _references(body):
            name = reference.removeprefix(PREFIX)
            names.add(name)
            try:
                known.resolve(reference, key.partition("/")[0])
            except UnknownSecretError:
                missing.setdefault(name, key)
    for name, key in list(missing.items())[:_SHOWN]:
        todo = (
            f"Put it into the file {key.partition('/')[0]}/{name[:100]} in ONESTACK_SECRETS_DIR, or, for all "
            f"organisations, into {name[:100]} there, or set ONESTACK_SECRET_{name[:100]}."
        )
        detail = f"{key} names the secret {name[:100]!r}, which is not there (as this command sees it)."
        found.append(fault("secrets", detail, todo))
    if names and not missing:
        found.append(ok("secrets", f"All {len(names)} secrets that definitions name are there."))
    return found


def _folder(folder: Path) -> Iterator[Finding]:
    todo = "Mount it, or mend ONESTACK_SECRETS_DIR."
    if not folder.is_dir():
        yield fault("secrets", f"ONESTACK_SECRETS_DIR is {folder}, which is no folder.", todo)
        return
    try:
        # Those for all, and those of organisations in a folder each.
        files = [one for one in (*folder.iterdir(), *folder.glob("[!.]*/[!.]*")) if one.is_file()]
    except OSError as error:
        yield fault("secrets", f"{folder} can't be read: {error.strerror}.", todo)
        return
    for file in files:
        if not os.access(file, os.R_OK):
            yield fault("secrets", f"{file} can't be read by this user.", f"chown or chmod {file}.")
        elif file.stat().st_mode & 0o004:
            yield warning("secrets", f"{file} can be read by everyone on this machine.", f"chmod o-r {file}")


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith(PREFIX):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
