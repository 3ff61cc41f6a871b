"""Long work from the command line: the command does parts itself and shows how far the job is."""

import time
from typing import Protocol

from django.core.management.base import CommandError
from django.utils import timezone

from apps.jobs import selectors, services, tasks
from apps.jobs.models import UNFINISHED, Job, JobPart, State

REDRAW_SECONDS = 0.5
PLAIN_LINE_SECONDS = 5.0
POLL_SECONDS = 0.5
BAR_CELLS = 30


class Output(Protocol):
    """`self.stdout` of a management command, or any text file."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> None: ...
    def isatty(self) -> bool: ...


def command_name() -> str:
    """This process as the holder of parts; told from a worker's by its ending."""
    return f"{tasks.worker_name()} {services.COMMAND}"


def follow(*, job: Job, stdout: Output, ask_workers: bool = True) -> Job:
    """Work on a job in this process until it ends, and show its progress.

    Workers may help. Ctrl-C or `kill -9` loses at most the part in hand: the same command again
    goes on with the same job.

    Args:
        job: unfinished, or ended already.
        stdout: where to draw: a bar on a terminal, a line every few seconds elsewhere.
        ask_workers: False where only this machine can do the work (a folder of its own).

    Raises:
        CommandError: the job failed or was cancelled, with its sentence.
        SystemExit: 130 after Ctrl-C.
    """
    if ask_workers and job.state in UNFINISHED:
        tasks.announce(job=job)
    display = _Display(job, stdout)
    held: JobPart | None = None
    try:
        while job.state in UNFINISHED:
            display.refresh()
            services.free_parts_of_dead_commands(job=job)
            held = services.claim_part(job=job, worker=command_name(), now=timezone.now())
            if held is not None:
                services.run_claimed_part(part=held, on_progress=display.refresh)
                held = None
            job = services.settle_job(job=job, now=timezone.now())
            if job.state in UNFINISHED and not services.has_free_part(job=job):
                time.sleep(POLL_SECONDS)  # others hold the rest
    except KeyboardInterrupt:
        if held is not None:
            services.release_part(part=held, forget_attempt=True)
        display.end("Stopped. What is done is kept: run the same command again to go on.")
        raise SystemExit(130) from None
    display.refresh(final=True)
    if job.state == State.FAILED:
        raise CommandError(job.error)
    if job.state == State.CANCELLED:
        raise CommandError("The job was cancelled.")
    return job


class _Display:
    """One line about a job, drawn anew in place on a terminal, appended elsewhere."""

    def __init__(self, job: Job, stdout: Output) -> None:
        self._job = job
        # Django's wrapper ends every write with a new line; a bar is drawn in place.
        self._file: Output = getattr(stdout, "_out", stdout)
        self._is_terminal = stdout.isatty()
        self._started = time.monotonic()
        self._done_at_start = self._progress().done
        self._drawn: float | None = None

    def _progress(self) -> selectors.Progress:
        return selectors.progress_of(job=self._job, now=timezone.now())

    def refresh(self, *, final: bool = False) -> None:
        now = time.monotonic()
        pause = REDRAW_SECONDS if self._is_terminal else PLAIN_LINE_SECONDS
        if not final and self._drawn is not None and now - self._drawn < pause:
            return
        self._drawn = now
        progress = self._progress()
        # Since this command started: a job that waited over night has no rate of its own.
        seconds = now - self._started
        rate = (progress.done - self._done_at_start) / seconds if seconds > 0 else 0.0
        line = progress_line(
            title=self._job.title,
            unit=self._job.unit,
            done=progress.done,
            total=progress.total,
            rate=rate,
            bar=self._is_terminal,
        )
        if self._is_terminal:
            self._write(f"\r{line}\x1b[K" + ("\n" if final else ""))
        else:
            self._write(f"{line}\n")

    def end(self, sentence: str) -> None:
        self._write(("\n" if self._is_terminal else "") + f"{sentence}\n")

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()


def progress_line(*, title: str, unit: str, done: int, total: int, rate: float, bar: bool) -> str:
    """`Title [####----] 40 % 400/1,000 images, 80.0/s, 8 s left`."""
    share = done / total if total else 1.0
    parts = [title]
    if bar:
        filled = int(share * BAR_CELLS)
        parts.append(f"[{'#' * filled}{'-' * (BAR_CELLS - filled)}]")
    parts.append(f"{share:.0%} {done:,}/{total:,} {unit}")
    line = " ".join(parts)
    if rate > 0:
        line += f", {rate:.1f}/s"
        if done < total:
            line += f", {duration((total - done) / rate)} left"
    return line


def duration(seconds: float) -> str:
    """`8 s`, `3 min`, `2 h 10 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
