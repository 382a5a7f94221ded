"""What a figure depends on: the machine and the versions of the parts. No names and no paths of the machine."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from sandbox.kafka import VERSION as KAFKA


def machine(data: Path) -> dict[str, Any]:
    """CPU, memory, kernel, and the kind of file system that the data is on."""
    load = os.getloadavg()[0]
    return {
        "cpus": os.cpu_count() or 0,
        "model": cpu_model(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "file_system": file_system(data),
        "load_before": round(load, 2),
    }


def versions() -> dict[str, str]:
    """What ran."""
    packages = ("onestack-workflow-engine", "faust-streaming", "aiokafka", "asyncpg", "orjson", "uvloop")
    return {"python": platform.python_version(), "kafka": KAFKA, **{name: version(name) for name in packages}}


def cpu_model() -> str:
    """The processor's name as it tells it, or the architecture where it does not."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return " ".join((found[1] if found else platform.processor() or platform.machine()).split())


def file_system(path: Path) -> str:
    """The type of the file system that holds `path`, such as ext4; `unknown` where the system does not tell."""
    best, kind = "", "unknown"
    wanted = str(path.absolute())
    for one in psutil.disk_partitions(all=True):
        inside = wanted == one.mountpoint or wanted.startswith(one.mountpoint.rstrip("/") + "/")
        if inside and len(one.mountpoint) >= len(best):
            best, kind = one.mountpoint, one.fstype
    return kind


def slug(facts: dict[str, Any]) -> str:
    """Short words for a file's name, such as `2x-intel-xeon`."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"\((r|tm)\)", "", facts["model"].lower()))
    return "-".join([f"{facts['cpus']}x", *words[:2]])
