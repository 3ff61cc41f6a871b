"""Start long work, take its parts under a lease, finish it. Any number of processes may help."""

import errno
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from apps.common.errors import ConflictError, DomainError
from apps.common.storage import StoreUnavailableError
from apps.jobs import places, registry, selectors
from apps.jobs.models import UNFINISHED, Job, JobPart, State, WorkerHeartbeat

logger = logging.getLogger(__name__)

COMMAND = "(command)"  # ends the name of a part's holder that is a management command
MAX_ATTEMPTS = 3  # a part that kills its worker this often is set aside, not tried for ever
SET_ASIDE = f"Set aside: it ended its worker {MAX_ATTEMPTS} times."


class JobFailedError(ConflictError):
    """A job ended with an error; the sentence says which."""

    code = "job_failed"


class TwinError(ConflictError):
    """The same work is under way already."""

    code = "job_under_way"


class CancelledError(ConflictError):
    """The job was cancelled, or another worker holds the part by now."""

    code = "job_cancelled"


@dataclass(frozen=True)
class PartSpec:
    """A part to be: its key is unique in the job and its params are all its handler gets."""

    key: str
    params: dict[str, Any] = field(default_factory=dict)
    total: int = 1
    stage: int = 0


@transaction.atomic
def start_job(
    *,
    kind: str,
    target: str,
    title: str,
    parts: Iterable[PartSpec],
    created_at: datetime,
    params: dict[str, Any] | None = None,
    unit: str = "parts",
    requested_by_id: int | None = None,
) -> Job:
    """Create a job with its parts, or return the unfinished one of this kind on this target."""
    same = Job.objects.unfinished().filter(kind=kind, target=target)
    if (running := same.first()) is not None:
        return running
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind,
                target=target,
                title=title,
                unit=unit,
                params=places.moved_here(params or {}),
                requested_by_id=requested_by_id,
                created_at=created_at,
            )
    except IntegrityError:  # somebody else asked in the same moment
        return same.get()
    JobPart.objects.bulk_create(
        (
            JobPart(
                job=job,
                position=position,
                key=part.key,
                params=part.params,
                total=part.total,
                stage=part.stage,
            )
            for position, part in enumerate(parts)
        ),
        batch_size=500,
    )
    return job


def claim_part(*, job: Job, worker: str, now: datetime) -> JobPart | None:
    """Take the next open part of the earliest unfinished stage, or None when none is free.

    A part whose worker went silent is free again when its lease ends; after `MAX_ATTEMPTS`
    it is set aside as failed.

    Raises:
        OtherFilesError: the job's files are not where this process keeps its own.
    """
    places.check_place(job=job)
    with transaction.atomic():
        locked = Job.objects.select_for_update().get(pk=job.pk)
        if locked.state not in UNFINISHED:
            return None
        lost = locked.parts.filter(state=State.RUNNING, leased_until__lt=now)
        lost.filter(attempts__gte=MAX_ATTEMPTS).update(
            state=State.FAILED,
            error=SET_ASIDE,
            leased_until=None,
            finished_at=now,
        )
        lost.update(state=State.PENDING, leased_until=None, done=0)
        part = selectors.free_parts(job=locked).first()
        if part is None:
            return None
        part.state = State.RUNNING
        part.attempts += 1
        part.worker = worker
        part.leased_until = now + timedelta(seconds=settings.JOB_LEASE_SECONDS)
        part.save(update_fields=["state", "attempts", "worker", "leased_until"])
        if locked.state == State.PENDING:
            locked.state = State.RUNNING
            locked.started_at = locked.started_at or now
            locked.save(update_fields=["state", "started_at"])
        return part


class _Lease:
    """Holds a part while its handler works: renewed in the background, checked at each report."""

    def __init__(self, part: JobPart, on_progress: Callable[[], None] | None) -> None:
        self._part = part
        self._on_progress = on_progress
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_stopped, daemon=True)

    def __enter__(self) -> "_Lease":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def __call__(self, done: int) -> None:
        if not self._renew(done=min(done, self._part.total)):
            raise CancelledError("The job was cancelled, or another worker took this part over.")
        if self._on_progress is not None:
            self._on_progress()

    def _renew(self, **changes: Any) -> bool:
        now = timezone.now()
        held = JobPart.objects.filter(
            pk=self._part.pk,
            state=State.RUNNING,
            worker=self._part.worker,
            attempts=self._part.attempts,
            job__state__in=UNFINISHED,
        )
        until = now + timedelta(seconds=settings.JOB_LEASE_SECONDS)
        return bool(held.update(leased_until=until, **changes))

    def _renew_until_stopped(self) -> None:
        try:
            while not self._stop.wait(settings.JOB_LEASE_SECONDS / 3):
                try:
                    self._renew()
                except DatabaseError:  # the next round may find it free again
                    logger.warning("Part %s: its lease was not renewed", self._part.pk)
                    connection.close()
        finally:
            connection.close()


def run_claimed_part(*, part: JobPart, on_progress: Callable[[], None] | None = None) -> None:
    """Run a claimed part's handler and store how it ended; never raises for a failed part.

    Args:
        part: as `claim_part` gave it.
        on_progress: called after each report of the handler, for a display.
    """
    kind = registry.kind_of(part.job)
    try:
        with _Lease(part, on_progress) as progress:
            result = kind.load_run_part()(part, progress)
    except CancelledError:
        return
    except (OperationalError, StoreUnavailableError) as error:
        if part.attempts < MAX_ATTEMPTS and not _is_disk_full(error):
            logger.warning("Job %s, part %s: once more after %s", part.job_id, part.key, error)
            release_part(part=part)
        else:
            _end_part(part=part, state=State.FAILED, error=sentence_of(error))
    except Exception as error:
        if not isinstance(error, DomainError | OSError):
            logger.exception("Job %s, part %s failed", part.job_id, part.key)
        _end_part(part=part, state=State.FAILED, error=sentence_of(error))
    else:
        _end_part(part=part, state=State.DONE, result=result, done=F("total"), error="")


def sentence_of(error: BaseException) -> str:
    """What went wrong, in words for the person who asked for the work."""
    if isinstance(error, DomainError):
        return str(error)
    if _is_disk_full(error):
        return "Disk full: free some space and try again."
    if isinstance(error, OSError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _is_disk_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    # SQLite: "database or disk is full"; PostgreSQL: "No space left on device".
    text = str(error).lower()
    return isinstance(error, OperationalError) and (
        "disk is full" in text or "no space left" in text
    )


def release_part(*, part: JobPart, forget_attempt: bool = False) -> None:
    """Give a held part back at once: its holder stops without a result.

    Args:
        part: as `claim_part` gave it; nothing happens when another holds it by now.
        forget_attempt: it was no fault of the part, so the attempt does not count.
    """
    changes = {"attempts": part.attempts - 1} if forget_attempt else {}
    JobPart.objects.filter(
        pk=part.pk, state=State.RUNNING, worker=part.worker, attempts=part.attempts
    ).update(state=State.PENDING, leased_until=None, done=0, **changes)


def _end_part(*, part: JobPart, state: State, **changes: Any) -> None:
    # Only the holder of the lease may end a part: a late first copy changes nothing.
    JobPart.objects.filter(
        pk=part.pk, state=State.RUNNING, worker=part.worker, attempts=part.attempts
    ).update(state=state, finished_at=timezone.now(), leased_until=None, **changes)


def settle_job(*, job: Job, now: datetime) -> Job:
    """End the job when no part is open: run its `finish` once and store the outcome."""
    kind = registry.kind_of(job)
    with transaction.atomic():
        locked = Job.objects.select_for_update().get(pk=job.pk)
        if locked.state not in UNFINISHED:
            return locked
        failed = locked.parts.filter(state=State.FAILED)
        if failed.exists() and not kind.keep_going:
            first = failed.order_by("stage", "position").first()
            assert first is not None  # noqa: S101  exists() said so, under the lock
            locked.parts.filter(state=State.PENDING).update(state=State.CANCELLED)
            if not locked.parts.filter(state=State.RUNNING).exists():
                _end_job(locked, State.FAILED, now=now, error=f"{first.key}: {first.error}")
            return locked
        if locked.parts.filter(state__in=UNFINISHED).exists():
            return locked
        finish = kind.load_finish()
        try:
            with transaction.atomic():
                result = finish(locked) if finish else {}
        except Exception as error:
            if not isinstance(error, DomainError | OSError):
                logger.exception("Job %s failed at its end", locked.pk)
            _end_job(locked, State.FAILED, now=now, error=sentence_of(error))
        else:
            locked.result = result
            _end_job(locked, State.DONE, now=now)
        return locked


def _end_job(job: Job, state: State, *, now: datetime, error: str = "") -> None:
    job.state = state
    job.error = error
    job.finished_at = now
    job.save(update_fields=["state", "error", "finished_at", "result"])


def has_free_part(*, job: Job) -> bool:
    """Whether `claim_part` would probably find one."""
    return selectors.free_parts(job=job).exists()


def free_parts_of_dead_commands(*, job: Job) -> int:
    """Free the parts of commands that were killed on this machine; return how many.

    Their lease would free them too, but whoever runs the command again should not wait for it.
    """
    here = f"{socket.gethostname()}:"
    held = job.parts.filter(
        state=State.RUNNING, worker__startswith=here, worker__endswith=f" {COMMAND}"
    )
    freed = 0
    for part in held:
        process = part.worker.removeprefix(here).removesuffix(f" {COMMAND}")
        if process.isdigit() and not _is_running(int(process)):
            if part.attempts < MAX_ATTEMPTS:
                release_part(part=part)
            else:
                _end_part(part=part, state=State.FAILED, error=SET_ASIDE)
            freed += 1
    return freed


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, and belongs to somebody else
        return True
    return True


def work_on_job(
    *,
    job: Job,
    worker: str,
    clock: Callable[[], datetime] = timezone.now,
    between: Callable[[], None] | None = None,
) -> Job:
    """Do parts until none is free, then settle the job. Returns the job as it is then."""
    while (part := claim_part(job=job, worker=worker, now=clock())) is not None:
        run_claimed_part(part=part)
        if between is not None:
            between()
        settle_job(job=job, now=clock())
    return settle_job(job=job, now=clock())


@transaction.atomic
def cancel_job(*, job: Job, now: datetime) -> Job:
    """Stop a job: parts in work end at their next report, finished parts stay."""
    locked = Job.objects.select_for_update().get(pk=job.pk)
    if locked.state not in UNFINISHED:
        raise ConflictError(f"This job has already ended ({locked.state}).")
    locked.parts.filter(state__in=UNFINISHED).update(state=State.CANCELLED, leased_until=None)
    _end_job(locked, State.CANCELLED, now=now)
    return locked


@transaction.atomic
def retry_job(*, job: Job, now: datetime) -> Job:
    """Open the failed and cancelled parts of an ended job again; what is done stays done."""
    locked = Job.objects.select_for_update().get(pk=job.pk)
    if locked.state not in {State.FAILED, State.CANCELLED}:
        raise ConflictError(
            f"Only a failed or cancelled job can be tried again, not a {locked.state} one."
        )
    twin = Job.objects.unfinished().filter(kind=locked.kind, target=locked.target)
    if twin.exists():
        raise TwinError("The same work is under way in another job.")
    locked.parts.filter(Q(state=State.FAILED) | Q(state=State.CANCELLED)).update(
        state=State.PENDING, attempts=0, error="", done=0, leased_until=None, finished_at=None
    )
    locked.state = State.PENDING
    locked.error = ""
    locked.finished_at = None
    locked.params = places.moved_here(locked.params)
    try:
        with transaction.atomic():
            locked.save(update_fields=["state", "error", "finished_at", "params"])
    except IntegrityError as error:  # somebody else asked for it in the same moment
        raise TwinError("The same work is under way in another job.") from error
    return locked


def beat(*, name: str, queues: str, device: str, started_at: datetime, now: datetime) -> None:
    """Note that a worker is alive, and forget those silent for a day."""
    WorkerHeartbeat.objects.update_or_create(
        name=name,
        defaults={"queues": queues, "device": device, "started_at": started_at, "seen_at": now},
    )
    WorkerHeartbeat.objects.filter(seen_at__lt=now - timedelta(days=1)).delete()


def sign_off(*, name: str) -> None:
    """Forget a worker that ends, so that it counts as gone at once."""
    WorkerHeartbeat.objects.filter(name=name).delete()
