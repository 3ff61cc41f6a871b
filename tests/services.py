"""Real servers for tests: found on this machine, started privately, ended with the session.

A private server listens on a free port of 127.0.0.1, asks for a random password, and keeps its
files in a folder of its own that goes with it. As root, PostgreSQL runs as another user, because it
refuses to run as root.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.common.processes import end_with_parent

POSTGRES_MISSING = "PostgreSQL is not on this machine; on Debian: apt-get install postgresql"
REDIS_MISSING = "Redis is not on this machine; on Debian: apt-get install redis-server"
CHROMIUM_MISSING = "Chromium is not on this machine; on Debian: apt-get install chromium"
START_SECONDS = 30


def skip_or_fail(reason: str) -> None:
    """Skip where a program is missing; with CI=true nothing may be skipped."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"{reason} (CI=true: nothing is skipped)", pytrace=False)
    pytest.skip(reason)


def find_postgres() -> Path | None:
    """The folder with initdb and postgres: Debian keeps them outside PATH."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    if found := shutil.which("initdb"):
        candidates.append(Path(found).resolve().parent)
    return next((path for path in candidates if (path / "postgres").is_file()), None)


def _version(path: Path) -> int:
    return int(path.parent.name) if path.parent.name.isdigit() else 0


def find_redis() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Server:
    """A running private server: where it is, and the process to hurt in tests of faults."""

    url: str
    port: int
    process: subprocess.Popen
    folder: Path

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # PostgreSQL: fast, but in good order
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def start_postgres() -> Server:
    """A private PostgreSQL with a database `likeness`; its URL is a superuser's."""
    programs = find_postgres()
    assert programs is not None, POSTGRES_MISSING
    folder = Path(tempfile.mkdtemp(prefix="likeness-postgres-"))
    user = _unprivileged() if os.geteuid() == 0 else None
    as_user = (
        {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    )
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    password = secrets.token_urlsafe(16)
    password_file = folder / "password"
    password_file.write_text(password)
    if user is not None:
        os.chown(password_file, user.pw_uid, user.pw_gid)
    data = folder / "data"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    subprocess.run(
        [
            *(programs / "initdb", "-D", data, "-U", "likeness", "-E", "UTF8", "--locale=C.UTF-8"),
            *("-A", "scram-sha-256", f"--pwfile={password_file}", "--no-sync"),
        ],
        **as_user,
        env=environment,
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    port = free_port()
    process = _start(
        [
            *(programs / "postgres", "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1"),
            # Nobody needs these data after a power failure.
            *("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200"),
        ],
        folder=folder,
        environment=environment,
        as_user=as_user,
    )
    url = f"postgresql://likeness:{password}@127.0.0.1:{port}"
    server = Server(url=f"{url}/likeness", port=port, process=process, folder=folder)
    _wait(server, lambda: _create_database(f"{url}/postgres"))
    return server


def _create_database(url: str) -> None:
    import psycopg2

    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE likeness")
    finally:
        connection.close()


def start_redis() -> Server:
    """A private Redis that asks for a password and writes nothing to the disk."""
    program = find_redis()
    assert program is not None, REDIS_MISSING
    folder = Path(tempfile.mkdtemp(prefix="likeness-redis-"))
    password, port = secrets.token_urlsafe(16), free_port()
    configuration = folder / "redis.conf"
    configuration.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {folder}\n"
        'save ""\nappendonly no\nmaxmemory-policy noeviction\n'
    )
    process = _start([program, configuration], folder=folder, environment=dict(os.environ))
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    server = Server(url=url, port=port, process=process, folder=folder)
    _wait(server, lambda: _ping(url))
    return server


@dataclass
class Store(Server):
    """A private S3-compatible server with one bucket; `environment` is what Likeness needs."""

    environment: dict[str, str]


def start_store(bucket: str = "likeness") -> Store:
    """A private S3-compatible server (moto's): real HTTP, objects in memory, no check of keys."""
    folder, port = Path(tempfile.mkdtemp(prefix="likeness-store-")), free_port()
    process = _start(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        folder=folder,
        environment={**os.environ, "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": str(2**24)},
    )
    environment = {
        "LIKENESS_STORE": f"s3://{bucket}/studies",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "likeness",
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(16),
    }
    url = environment["AWS_ENDPOINT_URL"]
    server = Store(url=url, port=port, process=process, folder=folder, environment=environment)

    def make_bucket() -> None:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/{bucket}", method="PUT")):
            pass

    _wait(server, make_bucket)
    return server


def _ping(url: str) -> None:
    import redis

    with redis.Redis.from_url(url, socket_timeout=2) as client:
        client.ping()


def _start(command, *, folder: Path, environment: dict[str, str], as_user=None):
    parent = os.getpid()
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command,
            **(as_user or {}),
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: end_with_parent(parent=parent, with_signal=signal.SIGINT),
        )


def _wait(server: Server, ready) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return ready()
        except Exception as error:
            if server.process.poll() is not None or time.monotonic() > deadline:
                log = (server.folder / "log").read_text(errors="replace")[-2000:]
                server.stop()
                raise RuntimeError(f"A private server did not start: {error}\n{log}") from error
            time.sleep(0.05)


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("PostgreSQL does not run as root, and there is no user postgres or nobody.")
