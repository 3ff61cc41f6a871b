"""The test session's own servers and the real program, as every journey uses them."""

import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from celery import Celery
from django.db import connection

from tests import services
from tests.program import ROOT, descendants, wait_for


@pytest.mark.django_db
def test_the_database_is_the_one_that_was_asked_for(request):
    wanted = {"postgres": "postgresql", "sqlite": "sqlite"}[request.config.getoption("--database")]
    assert connection.vendor == wanted


@pytest.mark.postgres
def test_a_private_postgres_lets_nobody_in_without_its_password(postgres_url):
    import psycopg2

    psycopg2.connect(postgres_url).close()
    start, _, rest = postgres_url.partition("@")
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(f"{start.rpartition(':')[0]}:wrong@{rest}")


@pytest.mark.redis
def test_a_private_redis_lets_nobody_in_without_its_password(redis_url):
    import redis

    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()
    with (
        redis.Redis.from_url(
            redis_url.replace(redis_url.split(":")[2].split("@")[0], "x")
        ) as guess,
        pytest.raises(redis.AuthenticationError),
    ):
        guess.ping()


@pytest.mark.parametrize(
    ("ci", "outcome"),
    [
        pytest.param("", pytest.skip.Exception, id="skipped on a person's machine"),
        pytest.param("true", pytest.fail.Exception, id="a failure in CI"),
    ],
)
def test_a_missing_program_is(monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="apt-get install chromium"):
        services.skip_or_fail(services.CHROMIUM_MISSING)


def get(address: str):
    """Status and text of a page."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def heartbeats(program) -> list[str]:
    shown = program.manage(
        "shell",
        *("--verbosity", "0", "-c"),
        "from django.utils import timezone\n"
        "from apps.jobs.selectors import workers_alive\n"
        "for w in workers_alive(now=timezone.now()): print(w.queues, w.device)",
    )
    return shown.stdout.splitlines()


@pytest.mark.journey
@pytest.mark.parametrize(
    ("fixture", "workers"),
    [
        pytest.param("likeness_server", 1, id="embedded: SQLite and files"),
        pytest.param("likeness_on_servers", 2, id="PostgreSQL and Redis, two workers"),
    ],
)
def test_the_program_serves_pages_and_its_workers_say_they_are_alive(request, fixture, workers):
    program = request.getfixturevalue(fixture)
    status, _ = get(program.base_url)
    assert status in (200, 503)  # 503: the pages are not built in this checkout
    assert get(f"{program.base_url}/admin/login/")[0] == 200
    wait_for(lambda: len(heartbeats(program)) == workers + 1, what="the heartbeats")
    served = sorted(line.split()[0] for line in heartbeats(program))
    assert served == ["cpu,gpu"] * workers + ["explore"]


@pytest.mark.journey
def test_what_was_killed_comes_back_and_visitors_are_not_turned_away(likeness_server):
    program = likeness_server
    web = next(pid for pid, line in program.children().items() if "gunicorn" in line)
    subprocess.run(["kill", "-9", str(web)], check=True)
    # The supervisor holds the socket: this call waits for the new web server.
    assert get(f"{program.base_url}/admin/login/")[0] == 200
    program.wait_for_line("web ended by signal SIGKILL; it starts again in 1 s")


@pytest.mark.journey
def test_an_occupied_port_and_data_folder_get_one_sentence_each(likeness_server):
    program = likeness_server
    port = program.base_url.rpartition(":")[2]
    refused = program.manage("serve", "--port", port, check=False)
    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        f"CommandError: 127.0.0.1:{port} is in use by another program; choose another port, for "
        f"example: PORT={int(port) + 1} make run"
    )
    refused = program.manage("serve", "--port", "0", check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("CommandError: Likeness already runs from ")
    assert len(refused.stderr.strip().splitlines()) == 1


# Last of this module: they end the program.
@pytest.mark.journey
def test_ctrl_c_ends_everything_in_good_order(likeness_server):
    program = likeness_server
    wait_for(lambda: heartbeats(program), what="a heartbeat")
    family = program.children()
    assert len(family) >= 7  # web, worker with a pool of >= 1 each, explorer, scheduler
    assert program.stop() == 0
    assert program.lines[-1] == "Likeness has ended."
    assert not family.keys() & descendants(1).keys()
    assert heartbeats(program) == []  # the page says at once that no worker is alive


@pytest.mark.journey
def test_kill_9_of_the_supervisor_leaves_no_process(likeness_server):
    program = likeness_server.start()
    family = program.children()
    program.kill(signal.SIGKILL)
    wait_for(
        lambda: (
            not {pid for pid, line in descendants(1).items() if "defunct" not in line}
            & family.keys()
        ),
        timeout=20,
        what="the end of all processes",
    )
    # Nothing stands in the way of the next start.
    program.start()
    assert program.stop() == 0


@pytest.mark.redis
def test_a_broker_that_never_answers_does_not_hold_up_a_page(tmp_path):
    """Settings of Celery and Redis together: a message ends in an error within seconds."""
    script = f"""
import os, socket, sys, time
sys.path.insert(0, {str(ROOT)!r})
hole = socket.create_server(("127.0.0.1", 0))
os.environ |= {{
    "LIKENESS_DATA": {str(tmp_path)!r},
    "REDIS_URL": "redis://:x@127.0.0.1:%d/0" % hole.getsockname()[1],
    "DJANGO_SETTINGS_MODULE": "apps.config.settings.development",
}}
import django
django.setup()
from celery import current_app
started = time.monotonic()
try:
    current_app.send_task("apps.jobs.tasks.reconcile_jobs_task")
except Exception as error:
    print(type(error).__name__, time.monotonic() - started)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    name, seconds = done.stdout.split()
    assert name == "OperationalError"
    assert float(seconds) < 8


def test_redis_settings_hold_in_all_three_places():
    from apps.config.settings import base

    app = Celery(set_as_current=False)
    app.config_from_object(base, namespace="CELERY")
    assert app.conf.visibility_timeout == 600
    assert app.conf.result_backend_transport_options == {"visibility_timeout": 600}
    assert app.conf.task_time_limit < app.conf.visibility_timeout
    assert app.conf.task_soft_time_limit < app.conf.task_time_limit
