"""A Celery worker says every few seconds that it is alive, in a row of its own.

A row, not Celery's remote control: it works with every broker, and the page that says "no worker is
alive" reads the same database as everything else.
"""

import importlib.metadata
import logging
import os
import signal
import threading
from pathlib import Path
from typing import Any

from celery import signals
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from apps.common.processes import end_with_parent, show_life
from apps.jobs import services

logger = logging.getLogger(__name__)


class Heartbeat(threading.Thread):
    """Beats until `stop`, also while the database is away."""

    def __init__(self, *, name: str, queues: str, device: str) -> None:
        super().__init__(daemon=True, name="heartbeat")
        self._worker = name
        self._queues = queues
        self._device = device
        self._started_at = timezone.now()
        self._ending = threading.Event()

    def run(self) -> None:
        self._once(self._beat)
        while not self._ending.wait(settings.WORKER_HEARTBEAT_SECONDS):
            self._once(self._beat)
        self._once(lambda: services.sign_off(name=self._worker))

    def stop(self) -> None:
        """Tell it to sign off; `join` waits until it has."""
        self._ending.set()

    def _beat(self) -> None:
        services.beat(
            name=self._worker,
            queues=self._queues,
            device=self._device,
            started_at=self._started_at,
            now=timezone.now(),
        )
        show_life()

    def _once(self, action: Any) -> None:
        try:
            action()
        except DatabaseError as error:
            logger.warning("The worker's heartbeat could not be stored: %s", str(error).strip())
        finally:
            # The pool forks new processes at any time: none may inherit an open connection.
            connection.close()


def device() -> str:
    """`cuda` where an NVIDIA device and a torch that can use it are, else `cpu`.

    Without importing torch: the main process of a worker stays small, and CUDA must not be set up
    before the pool forks.
    """
    try:
        build = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return "cpu"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "all") in {"", "-1"}
    there = any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/dxg"))
    return "cuda" if there and not hidden and not build.endswith("+cpu") else "cpu"


_heartbeats: list[Heartbeat] = []


@signals.worker_ready.connect
def start(sender: Any, **_: Any) -> None:
    heartbeat = Heartbeat(
        name=f"{sender.hostname}:{os.getpid()}",
        queues=",".join(sorted(sender.app.amqp.queues.consume_from)),
        device=device(),
    )
    heartbeat.start()
    _heartbeats.append(heartbeat)


# A worker that was told to end takes no new work, so it counts as gone from then on.
@signals.worker_shutting_down.connect
def stop(**_: Any) -> None:
    for heartbeat in _heartbeats:
        heartbeat.stop()


@signals.worker_shutdown.connect
def stop_and_wait(**_: Any) -> None:
    stop()
    while _heartbeats:
        _heartbeats.pop().join(timeout=5)


@signals.worker_process_init.connect
def end_with_worker(**_: Any) -> None:
    """A pool process whose worker was killed has nobody to report to."""
    end_with_parent(parent=os.getppid(), with_signal=signal.SIGKILL)
