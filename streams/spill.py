"""Where the states of waiting runs are kept when memory is not to hold them: RocksDB, as Faust's tables use it.

What is on disk is a copy of the timers topic that a worker makes anew whenever it is given the partition.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import Refused

if TYPE_CHECKING:
    from runtime.settings import Settings


class RocksDB:
    """A dictionary of bytes in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        import rocksdict  # noqa: PLC0415 - only who asks for it needs it

        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        # A partition's share of memory, whatever it holds.
        options.set_write_buffer_size(8 * 1024 * 1024)
        options.set_max_write_buffer_number(2)
        options.set_keep_log_file_num(1)
        self._db: Any = rocksdict.Rdict(str(folder), options)
        self._write = rocksdict.WriteOptions()
        # It is a copy: nothing is lost with it.
        self._write.disable_wal = True  # type: ignore[method-assign, assignment]  # an attribute; the stubs say method
        self._db.set_write_options(self._write)
        self._closed = False

    def __setitem__(self, key: str, value: bytes) -> None:
        # What is read back for a partition that was given anew meanwhile: nobody will ask for it.
        if not self._closed:
            self._db[key.encode()] = value

    def __getitem__(self, key: str) -> bytes:
        found: bytes = self._db[key.encode()]
        return found

    def __delitem__(self, key: str) -> None:
        # A decision may still be under way when its partition goes away.
        if not self._closed:
            del self._db[key.encode()]

    def close(self) -> None:
        """Let go of the folder."""
        self._closed = True
        self._db.close()


def open_spill(settings: Settings, partition: int) -> RocksDB | None:
    """The store that ONESTACK_TIMER_STORE asks for; None is memory. Raises Refused where it can't be had."""
    if settings.timer_store == "memory":
        return None
    if settings.data_dir is None:
        raise Refused.one("ONESTACK_DATA_DIR", "is needed for ONESTACK_TIMER_STORE=rocksdb")
    return RocksDB(settings.data_dir / "timers" / (settings.instance or "worker") / str(partition))
