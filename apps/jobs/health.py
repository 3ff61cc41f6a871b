"""Is the program fit for work? Each check answers within seconds and never raises."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from apps.common.storage import StoreError, StoreRefusedError, object_store
from apps.jobs import selectors
from apps.jobs.broker import broker_asked_once

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    ok: bool
    detail: str


def check_health() -> dict[str, Check]:
    """Every check by its name: database, broker, worker, disk, and store where there is one."""
    checks: dict[str, Callable[[], Check]] = {
        "database": _database,
        "broker": _broker,
        "worker": _worker,
        "disk": _disk,
    }
    if object_store() is not None:
        checks["store"] = _store
    return {name: _guarded(check) for name, check in checks.items()}


def _guarded(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # whatever it is, this part does not work
        # The kind only: a message may hold addresses and passwords.
        return Check(ok=False, detail=f"does not answer ({type(error).__name__})")


def _database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return Check(ok=True, detail="answers")


def _broker() -> Check:
    with broker_asked_once() as broker:
        broker.default_channel  # noqa: B018  opening it asks the broker
    return Check(ok=True, detail="answers")


def _worker() -> Check:
    alive = selectors.job_workers_alive(now=timezone.now()).count()
    return Check(ok=alive > 0, detail=f"{alive} alive" if alive else "No worker is alive.")


def _disk() -> Check:
    free = free_bytes(Path(settings.DATA))
    ok = free > settings.DISK_RESERVE
    return Check(ok=ok, detail=f"{free / 2**30:.1f} GiB free" + ("" if ok else ": too little"))


def _store() -> Check:
    store = object_store()
    assert store is not None  # noqa: S101  asked before
    try:
        store.ask()
    except (StoreError, FileNotFoundError) as error:
        logger.warning("%s", error)
        # Its address is for the log: anybody may read this page.
        public = error.public if isinstance(error, StoreError) else StoreRefusedError.public
        return Check(ok=False, detail=public)
    return Check(ok=True, detail="answers")


def free_bytes(folder: Path) -> int:
    """Free bytes where `folder` is, or will be made."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
