"""No process outlives the one that looks after it, not even after `kill -9`."""

import ctypes
import os
import signal
import sys
from pathlib import Path

from django.conf import settings

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, linux/prctl.h


def end_with_parent(*, parent: int, with_signal: signal.Signals) -> None:
    """Ask the kernel to signal this process when its parent ends.

    Linux only; elsewhere processes are ended by their supervisor alone.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, int(with_signal), 0, 0, 0)
    if os.getppid() != parent:  # it ended before we could ask
        os.kill(os.getpid(), with_signal)


def show_life() -> None:
    """Touch the file that a container's health check looks at, where one is set."""
    if settings.ALIVE_FILE:
        Path(settings.ALIVE_FILE).touch()
