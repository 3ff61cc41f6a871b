"""`manage.py serve`: web server, worker and scheduler as one program."""

import asyncio
import errno
import fcntl
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from typing import IO, Any

from django.conf import settings
from django.core.management.base import CommandError

from apps.common.commands import Command as BaseCommand
from apps.common.supervisor import Program, Supervisor


class Command(BaseCommand):
    help = "Serve Likeness: web server, worker and scheduler under one supervisor, until Ctrl-C."
    requires_system_checks: list[str] = []  # `prepare` has done them; here a person waits

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="0 takes any free one")
        parser.add_argument("--threads", type=int, default=4, help="of the web server")
        parser.add_argument("--workers", type=int, default=1, help="worker programs to start")
        parser.add_argument(
            "--concurrency",
            type=int,
            default=max(1, min(os.cpu_count() or 1, 4)),
            help="parts of jobs that one worker does at once (default: one per core, at most 4)",
        )
        parser.add_argument(
            "--check", action="store_true", help="only say whether nothing is in the way"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["workers"] < 1 or options["threads"] < 1 or options["concurrency"] < 1:
            raise CommandError("--workers, --threads and --concurrency must be at least 1.")
        with listen(options["host"], options["port"]) as listener, data_folder_held():
            if not options["check"]:
                self.serve(listener, options)

    def serve(self, listener: socket.socket, options: dict[str, Any]) -> None:
        started = time.monotonic()
        host, port = options["host"], listener.getsockname()[1]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        supervisor = Supervisor(programs=programs(listener, options), say=self.say)

        def announce() -> None:
            if not answers(address, until=lambda: supervisor.stopping):
                return
            self.say("")
            self.say(f"Likeness is at {address} (after {time.monotonic() - started:.1f} s)")
            logins = settings.DATA / "demo_logins.txt"
            if logins.is_file():
                self.say(f"Log-ins of the demo, kept in {logins}:")
                for line in logins.read_text(encoding="utf-8").splitlines():
                    self.say(f"  {line}")
            self.say("Ctrl-C ends it.")

        asyncio.run(supervisor.run(meanwhile=announce))
        self.say("Likeness has ended.")

    def say(self, line: str) -> None:
        try:
            self.stdout.write(line)
            self.stdout.flush()
        except (BrokenPipeError, OSError):  # the terminal is gone; the programs go on
            return


def listen(host: str, port: int) -> socket.socket:
    """The socket of the web server, which inherits it.

    Opened here, so that an occupied port is known before anything starts, and so that visitors wait
    instead of being turned away while the web server starts again.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, OverflowError) as error:
        raise CommandError(f"{host}:{port} is no address to listen on: {error}.") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(256)
    except OSError as error:
        listener.close()
        reason = {
            errno.EADDRINUSE: "is in use by another program",
            errno.EACCES: "is not free for ordinary users",
            errno.EADDRNOTAVAIL: "is not an address of this machine",
        }.get(error.errno or 0, f"cannot be used ({error.strerror})")
        raise CommandError(
            f"{host}:{port} {reason}; choose another port, for example: PORT={port + 1} make run"
        ) from error
    return listener


def data_folder_held() -> IO[str]:
    """Hold the data folder: two programs on one SQLite file and broker are never meant."""
    settings.DATA.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (settings.DATA / "serve.lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        process = lock.read().strip()
        lock.close()
        raise CommandError(
            f"Likeness already runs from {settings.DATA} (process {process}); end it first, or "
            "set LIKENESS_DATA to another folder."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def programs(listener: socket.socket, options: dict[str, Any]) -> list[Program]:
    python = sys.executable
    # Messages are JSON: a worker of the user root is no more than what `make run` was asked for.
    quiet = ("-W", "ignore:You're running the worker with superuser")
    celery = (python, *quiet, "-m", "celery", "--quiet", "--app", "apps.config")
    descriptor = listener.fileno()
    web = Program(
        name="web",
        command=(
            *(python, "-m", "gunicorn", "apps.config.wsgi", "--bind", f"fd://{descriptor}"),
            *("--worker-class", "gthread", "--threads", str(options["threads"])),
            *("--graceful-timeout", "5", "--timeout", "120", "--log-level", "warning"),
            "--no-control-socket",  # it would lie in the person's home folder
        ),
        descriptors=(descriptor,),
        # glibc would keep what each thread once needed: 164 MiB instead of 146 after 60 reports,
        # pages of images and schemas at once.
        environment={"MALLOC_ARENA_MAX": "2"},
    )
    workers = [
        Program(
            name="worker" if options["workers"] == 1 else f"worker{number}",
            command=(
                *(*celery, "worker", "--queues", "cpu,gpu", "--hostname", f"worker{number}@%h"),
                *("--concurrency", str(options["concurrency"])),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ),
            # SIGTERM: finish what ends within seconds, leave the rest to the next start.
            environment={"REMAP_SIGTERM": "SIGQUIT"},
        )
        for number in range(1, options["workers"] + 1)
    ]
    # A person waits for its answers, so it is never behind a long part of a job; alone in one
    # process (solo), whose open feature spaces serve the next question too.
    explorer = Program(
        name="explorer",
        command=(
            *(*celery, "worker", "--queues", "explore", "--hostname", "explorer@%h"),
            *("--pool", "solo", "--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
        environment={"REMAP_SIGTERM": "SIGQUIT"},
    )
    return [web, *workers, explorer, Program(name="scheduler", command=(*celery, "beat"))]


def answers(address: str, *, until: Any) -> bool:
    """Wait for the first page; False when `until()` says to give up."""
    while not until():
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310  our own address
                return True
        except urllib.error.HTTPError:
            return True  # it answers, if only that the pages are not built
        except OSError:
            time.sleep(0.1)
    return False
