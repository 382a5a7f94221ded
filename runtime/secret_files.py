"""Secret settings from files, as Kubernetes and compose mount them: ONESTACK_X_FILE names the file that holds X."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from schemas.errors import Fault, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

_LARGEST = 64 * 1024


class SecretFiles(PydanticBaseSettingsSource):
    """A source of settings that reads each secret one from the file that `<VARIABLE>_FILE` names.

    Raises Refused that names the variable where the file can't be read, or the secret is given both ways.
    """

    def __init__(self, settings: type[BaseSettings], environment: Mapping[str, str] | None = None) -> None:
        super().__init__(settings)
        self._environment = os.environ if environment is None else environment

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The secret's text without the line break at its end; None where no file is named."""
        variable = variable_of(self.config.get("env_prefix", ""), field_name)
        path = self._environment.get(f"{variable}_FILE", "").strip()
        if not path or not is_secret(field):
            return None, field_name, False
        if self._environment.get(variable, "").strip():
            raise Refused.one(f"{variable}_FILE", f"is given beside {variable}: only one of the two can count")
        return _read(f"{variable}_FILE", Path(path)), field_name, False

    def __call__(self) -> dict[str, Any]:
        """The secrets that files give, by the settings' names; every fault at once."""
        found: dict[str, Any] = {}
        faults: list[Fault] = []
        for name, field in self.settings_cls.model_fields.items():
            try:
                value, _key, _complex = self.get_field_value(field, name)
            except Refused as refused:
                faults += refused.faults
                continue
            if value is not None:
                found[name] = value
        if faults:
            raise Refused(faults)
        return found


def is_secret(field: FieldInfo) -> bool:
    """Whether this setting is one that may be kept in a file."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def variable_of(prefix: str, name: str) -> str:
    """The environment variable of a setting."""
    return f"{prefix}{name}".upper()


def _read(variable: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise Refused.one(variable, f"{path} is no secret: it has more than 64 kB")
        return text.decode().rstrip("\r\n")
    except OSError as error:
        raise Refused.one(variable, f"{path} can't be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise Refused.one(variable, f"{path} is not UTF-8 text") from None
