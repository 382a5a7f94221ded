"""What processes use: CPU seconds and memory, of each with all its children."""

from __future__ import annotations

from collections.abc import Mapping

import psutil

_MB = 1e6


def cpu_seconds(pid: int, *, children: bool = True) -> float:
    """User and system time since its start, of the process, its children, and those of them that have ended."""
    process = psutil.Process(pid)
    own = process.cpu_times()
    if not children:
        return own.user + own.system
    total = own.user + own.system + own.children_user + own.children_system
    for child in process.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def memory_mb(pid: int, *, children: bool = True) -> float:
    """Resident memory in MB. What the processes of a tree share is counted once where the system tells (Linux)."""
    process = psutil.Process(pid)
    tree = [process, *process.children(recursive=True)] if children else [process]
    if len(tree) == 1:
        return process.memory_info().rss / _MB
    total = 0.0
    for one in tree:
        try:
            total += _share(one)
        except psutil.NoSuchProcess:
            continue
    return total / _MB


def _share(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss)
    except (psutil.AccessDenied, AttributeError):
        return float(process.memory_info().rss)


class Usage:
    """CPU seconds of the given processes (name → pid) from now on; `ours` names the calling process."""

    def __init__(self, pids: Mapping[str, int], ours: str) -> None:
        self._pids, self._ours = dict(pids), ours
        self._begun = self._now()

    def cpu(self) -> dict[str, float]:
        """Seconds since it was made, by name."""
        now = self._now()
        return {name: now[name] - begun for name, begun in self._begun.items()}

    def memory(self) -> dict[str, float]:
        """MB now, by name."""
        return {name: memory_mb(pid, children=name != self._ours) for name, pid in self._pids.items()}

    def _now(self) -> dict[str, float]:
        # Ours without children: everything else is a child of ours and has a name of its own.
        return {name: cpu_seconds(pid, children=name != self._ours) for name, pid in self._pids.items()}
