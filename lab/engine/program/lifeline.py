"""What ties a child process to the engine."""

import ctypes
import os
import signal
import sys

_PARENT_DIES = 1  # PR_SET_PDEATHSIG of prctl(2)


def die_with_parent(parent: int) -> None:
    """End when the engine, whose process id is given, ends, however it does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DIES, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
