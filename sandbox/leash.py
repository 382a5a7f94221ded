"""Runs a command that ends with its parent: `python -I -S leash.py SIGNAL PARENT UID COMMAND…` becomes the command.

A separate program rather than a `preexec_fn`, which may deadlock in a process that has threads.
"""

import ctypes
import os
import sys

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>


def main(signal: int, parent: int, uid: int, command: list[str]) -> None:
    """Take the given user's rights (-1: keep ours), ask for `signal` when the parent ends, and become the command."""
    if uid >= 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, which clears it.
        ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, signal, 0, 0, 0)
        if os.getppid() != parent:
            raise SystemExit("the parent ended before its child began")
    os.execvp(command[0], command)  # noqa: S606 - becoming the given command is the purpose


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
