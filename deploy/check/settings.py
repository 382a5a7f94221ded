"""Environments in manifests against the settings that a process really has."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from runtime.secret_files import is_secret, variable_of
from runtime.settings import Settings, load
from schemas.errors import Refused

PREFIX: Final = "ONESTACK_"
_SAMPLES: Final = {
    "ONESTACK_POSTGRES_URL": "postgresql://user:password@postgres:5432/onestack",
    "ONESTACK_SMTP_URL": "smtp://mail:25",
}
_NAMED: Final = re.compile(r"ONESTACK_SECRET_[A-Za-z0-9_]+")


def variables() -> dict[str, bool]:
    """Every variable that a process knows, and whether it is a secret one."""
    prefix = str(Settings.model_config.get("env_prefix", PREFIX))
    return {variable_of(prefix, name): is_secret(field) for name, field in Settings.model_fields.items()}


def faults(environment: Mapping[str, str]) -> list[str]:
    """What is wrong with this environment of a process: names that nobody reads, values that are refused.

    Files that `…_FILE` names are those of the container, so each is stood in for by one with a sample in it.
    """
    known = variables()
    found = [
        f"{name} is no variable that a process reads"
        for name in environment
        if name.startswith(PREFIX) and not _is_known(name, known)
    ]
    found += [
        f"{name} is a secret: name a file by {name}_FILE"
        for name, value in environment.items()
        if known.get(name) and value
    ]
    with tempfile.TemporaryDirectory() as folder, _only(_with_samples(environment, Path(folder))):
        try:
            load()
        except Refused as refused:
            found += str(refused).splitlines()
    return found


def _is_known(name: str, known: Mapping[str, bool]) -> bool:
    secret_file = name.endswith("_FILE") and known.get(name.removesuffix("_FILE"), False)
    return name in known or secret_file or _NAMED.fullmatch(name) is not None


def _with_samples(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    given = dict(environment)
    for name in environment:
        variable = name.removesuffix("_FILE")
        if variable != name and variables().get(variable):
            sample = folder / variable
            sample.write_text(_SAMPLES.get(variable, "sample"))
            given[name] = str(sample)
    return given


@contextmanager
def _only(environment: Mapping[str, str]) -> Iterator[None]:
    """The process's environment with exactly these of our variables."""
    before = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    for name in before:
        del os.environ[name]
    os.environ.update({name: value for name, value in environment.items() if name.startswith(PREFIX)})
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            del os.environ[name]
        os.environ.update(before)
