"""The product's projector, to which the benchmark's definitions are valid too: `python -m bench.keeper`."""

from __future__ import annotations

import sys

from bench.workload import noops_known
from cli.processes import projector


def main() -> int:
    """Project until SIGTERM; the exit code."""
    with noops_known():
        return projector()


if __name__ == "__main__":
    sys.exit(main())
