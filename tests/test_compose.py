"""docker-compose.yml without an engine: its structure, and its own commands on real servers."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from apps.common.processes import end_with_parent
from tests import services
from tests.program import NOT_INHERITED, ROOT, descendants, wait_for

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {"prepare", "web", "worker", "gpu-worker", "explorer", "scheduler"}
SECRETS = {"SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD"}


def example() -> set[str]:
    """Names that .env.example offers."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {line.partition("=")[0] for line in lines if "=" in line and not line.startswith("#")}


def test_it_has_every_service_of_the_design():
    assert set(COMPOSE["services"]) == OURS | {"postgres", "redis", "proxy"}
    assert COMPOSE["services"]["gpu-worker"]["profiles"] == ["gpu"]


@pytest.mark.parametrize("name", sorted(set(COMPOSE["services"]) - {"prepare"}))
def test_every_service_has_a_health_check_and_starts_again(name):
    service = COMPOSE["services"][name]
    assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"])
    assert service["restart"] == "unless-stopped"


def test_secrets_come_from_the_environment_and_are_asked_for():
    text = (ROOT / "docker-compose.yml").read_text()
    used = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", text))
    assert used == example()
    for name in SECRETS | {"LIKENESS_HOST"}:
        assert f"${{{name}:?" in text  # compose refuses to start without it
    for service in COMPOSE["services"].values():
        for name, value in (service.get("environment") or {}).items():
            if re.search(r"KEY|PASSWORD|_URL$", name):
                assert "${" in value, name
    example_text = (ROOT / ".env.example").read_text()
    assert all(re.search(rf"^{name}=$", example_text, re.MULTILINE) for name in SECRETS)


def test_only_the_proxy_can_be_reached_from_outside():
    published = {name for name, service in COMPOSE["services"].items() if "ports" in service}
    assert published == {"proxy"}
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "redis", "scheduler"):
        assert COMPOSE["services"][name]["networks"] == ["inside"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_have_no_rights_that_they_do_not_need(name):
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    environment = service["environment"]
    assert environment["DJANGO_SETTINGS_MODULE"] == "apps.config.settings.production"


def test_no_image_runs_as_root():
    stages = (ROOT / "deploy" / "Dockerfile").read_text().split("\nFROM ")
    final = {stage.split()[2]: stage for stage in stages if " AS " in stage.splitlines()[0]}
    for target in ("likeness", "proxy"):
        assert re.search(r"^USER likeness$", final[target], re.MULTILINE), target
    assert COMPOSE["services"]["postgres"]["user"] == "postgres"
    assert COMPOSE["services"]["redis"]["user"] == "redis"


def test_named_volumes_and_files_exist():
    named = set()
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            if not volume.startswith("${"):
                named.add(volume.split(":")[0])
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert named <= set(COMPOSE["volumes"])
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+)$", (ROOT / "deploy/Dockerfile").read_text(), re.M)
    for source in (word for line in copied for word in line.split()[:-1]):
        assert (ROOT / source).exists(), source
        assert any(source.startswith(line[1:]) for line in ignored if line.startswith("!")), source


def test_redis_keeps_what_it_has_and_asks_for_a_password():
    script = COMPOSE["services"]["redis"]["command"][-1]
    for wanted in ("requirepass", "appendonly yes", "maxmemory-policy noeviction"):
        assert wanted in script
    assert "REDISCLI_AUTH" in COMPOSE["services"]["redis"]["healthcheck"]["test"][1]


# --- the very same commands, without containers ----------------------------------------------


def filled_in(value: str, values: dict[str, str]) -> str:
    """Interpolate as compose does: ${NAME}, ${NAME:-default}, ${NAME:?error}, ${NAME:+other}."""

    def replace(match: re.Match) -> str:
        name, operator, word = match.group(1), match.group(2), match.group(3) or ""
        given = values.get(name, "")
        if operator == ":+":
            return word if given else ""
        if operator == ":-":
            return given or word
        assert given, f"{name} is not set"
        return given

    return re.sub(r"\$\{([A-Z_]+)(?:(:[-?+])([^}]*))?\}", replace, value).replace("$$", "$")


class Stack:
    """The services of the compose file as processes of this machine."""

    def __init__(self, data: Path, database: str, broker: str) -> None:
        self.port = services.free_port()
        self.processes: dict[str, subprocess.Popen] = {}
        self.data = data
        values = {
            "SECRET_KEY": "".join(map(chr, range(48, 123))).replace("$", ""),
            "LIKENESS_HOST": "likeness.example.org",
            "POSTGRES_PASSWORD": "x",
            "REDIS_PASSWORD": "x",
            "WORKER_CONCURRENCY": "1",
        }
        self.values = values
        shared = COMPOSE["services"]["web"]["environment"]
        clean = {k: v for k, v in os.environ.items() if not k.startswith(NOT_INHERITED)}
        self.environment = {
            **clean,
            **{name: filled_in(value, values) for name, value in shared.items()},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LIKENESS_DATA": str(data),
            "DATABASE_URL": database,
            "REDIS_URL": broker,
        }

    def command(self, name: str) -> list[str]:
        words = COMPOSE["services"][name]["command"]
        return [
            filled_in(w, self.values).replace("0.0.0.0:8000", f"127.0.0.1:{self.port}")
            for w in words
        ]

    def of(self, name: str) -> dict[str, str]:
        return {**self.environment, "LIKENESS_ALIVE_FILE": str(self.data / f"{name}.alive")}

    def start(self, name: str) -> None:
        parent = os.getpid()
        with (self.data / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                self.command(name),
                cwd=ROOT,
                env=self.of(name),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: end_with_parent(parent=parent, with_signal=signal.SIGTERM),
            )

    def healthy(self, name: str) -> bool:
        _, *words = COMPOSE["services"][name]["healthcheck"]["test"]
        words = [
            re.sub(r"^/.+/alive$", str(self.data / f"{name}.alive"), word).replace(
                ":8000", f":{self.port}"
            )
            for word in words
        ]
        done = subprocess.run(words, cwd=ROOT, env=self.of(name), capture_output=True, text=True)
        return done.returncode == 0

    def log(self, name: str) -> str:
        return (self.data / f"{name}.log").read_text(errors="replace")

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        deadline = time.monotonic() + 20
        for process in self.processes.values():
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    if services.find_postgres() is None:
        services.skip_or_fail(services.POSTGRES_MISSING)
    if services.find_redis() is None:
        services.skip_or_fail(services.REDIS_MISSING)
    database, broker = services.start_postgres(), services.start_redis()
    data = tmp_path_factory.mktemp("data")
    stack = Stack(data, database.url, broker.url)
    try:
        subprocess.run(stack.command("prepare"), cwd=ROOT, env=stack.of("prepare"), check=True)
        for name in ("web", "worker", "explorer", "scheduler"):
            stack.start(name)
        yield stack
    finally:
        stack.stop()
        broker.stop()
        database.stop()
        shutil.rmtree(data, ignore_errors=True)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def get(stack, path: str, **headers: str):
    request = urllib.request.Request(
        f"http://127.0.0.1:{stack.port}{path}", headers={"Host": "likeness.example.org", **headers}
    )
    try:
        answer = urllib.request.build_opener(NoRedirect).open(request, timeout=10)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return SimpleNamespace(status=answer.status, headers=answer.headers)


@pytest.mark.journey
@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.parametrize("name", ["web", "worker", "explorer", "scheduler"])
def test_the_commands_of_the_compose_file_run_and_their_health_checks_turn_green(stack, name):
    wait_for(
        lambda: stack.healthy(name) or stack.processes[name].poll() is not None,
        timeout=60,
        what=f"the health check of {name}",
    )
    assert stack.processes[name].poll() is None, stack.log(name)


@pytest.mark.journey
def test_behind_the_proxy_it_speaks_tls_only_and_only_to_its_own_name(stack):
    wait_for(lambda: stack.healthy("web"), timeout=60, what="the web server")
    plain = get(stack, "/admin/login/")
    assert plain.status == 301
    assert plain.headers["Location"] == "https://likeness.example.org/admin/login/"
    secure = get(stack, "/admin/login/", **{"X-Forwarded-Proto": "https"})
    assert secure.status == 200
    assert secure.headers["Strict-Transport-Security"] == (
        "max-age=31536000; includeSubDomains; preload"
    )
    cookie = secure.headers["Set-Cookie"]
    assert cookie.startswith("__Host-csrftoken=")
    assert "Secure" in cookie
    assert "SameSite=Lax" in cookie
    assert get(stack, "/", Host="evil.example.com").status == 400


@pytest.mark.journey
def test_a_silent_worker_turns_its_health_check_red(stack):
    wait_for(lambda: stack.healthy("worker"), timeout=60, what="the worker")
    alive = stack.data / "worker.alive"
    subprocess.run(["kill", "-STOP", str(stack.processes["worker"].pid)], check=True)
    try:
        long_ago = time.time() - 120
        os.utime(alive, (long_ago, long_ago))  # what two silent minutes would leave
        assert not stack.healthy("worker")
    finally:
        subprocess.run(["kill", "-CONT", str(stack.processes["worker"].pid)], check=True)
    wait_for(lambda: stack.healthy("worker"), timeout=30, what="the worker, awake again")


@pytest.mark.journey
def test_stopping_the_containers_leaves_no_process(stack):
    """Last of this module: SIGTERM, as a container engine sends it."""
    families = {
        pid
        for process in stack.processes.values()
        for pid in [process.pid, *descendants(process.pid)]
    }
    stack.stop()
    left = {pid for pid, line in descendants(1).items() if "defunct" not in line}
    assert not left & families
