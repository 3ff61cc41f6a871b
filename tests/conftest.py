"""What every test may use.

* `pytest --database postgres` runs the tests that use the database on a private PostgreSQL.
* `postgres_url`, `redis_url`, `store_server`: private servers (tests/services.py); `in_store`
  keeps this test's files in the latter.
* `browser`, `page`: a real Chromium. `likeness_server`, `likeness_on_servers`: the real program
  (tests/program.py).
"""

import os
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connections, transaction
from django.db.backends.base.operations import BaseDatabaseOperations

from apps.config import environment
from tests import services
from tests.program import Program, new_data_folder

# Of the server that the controlling process has started for all test processes.
DATABASE_OF_TESTS = "LIKENESS_TEST_DATABASE_URL"


def pytest_addoption(parser):
    parser.addoption(
        "--database",
        choices=["sqlite", "postgres"],
        default="sqlite",
        help="postgres: only the tests that use the database, on a private PostgreSQL",
    )


def pytest_configure(config):
    if config.getoption("--database") != "postgres":
        return
    if DATABASE_OF_TESTS not in os.environ:
        if services.find_postgres() is None:
            in_ci = os.environ.get("CI", "").lower() in {"1", "true"}
            pytest.exit(f"Skipped: {services.POSTGRES_MISSING}", returncode=1 if in_ci else 0)
        server = services.start_postgres()
        config.add_cleanup(server.stop)
        os.environ[DATABASE_OF_TESTS] = server.url
    settings.DATABASES["default"].clear()
    settings.DATABASES["default"].update(environment.database(DATABASE_OF_TESTS, data=None))
    connections.configure_settings(settings.DATABASES)  # fills in what was not named
    del connections["default"]


def pytest_collection_modifyitems(config, items):
    """Leave out what needs a CUDA device where there is none, and what `--database` is not for."""
    from apps.jobs.heartbeat import device

    chosen = items
    if device() != "cuda":
        chosen = [item for item in chosen if not item.get_closest_marker("gpu")]
    if config.getoption("--database") == "postgres":
        chosen = [item for item in chosen if item.get_closest_marker("django_db")]
    if len(chosen) < len(items):
        kept = set(chosen)
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = chosen


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real images and weights beside the repository (LIKENESS_SHARED names another place)."""
    folder = Path(os.environ.get("LIKENESS_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "weights").is_dir():
        services.skip_or_fail("No real images and weights: set LIKENESS_SHARED to their folder.")
    return folder


@pytest.fixture(scope="session")
def postgres_url():
    """A database `likeness` on a private PostgreSQL, empty at first."""
    if services.find_postgres() is None:
        services.skip_or_fail(services.POSTGRES_MISSING)
    server = services.start_postgres()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def redis_url():
    """A private Redis, empty at first."""
    if services.find_redis() is None:
        services.skip_or_fail(services.REDIS_MISSING)
    server = services.start_redis()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def store_server():
    """A private S3-compatible server; `.environment` is what a program needs to use it."""
    server = services.start_store()
    yield server
    server.stop()


@pytest.fixture
def in_store(store_server, settings, monkeypatch, tmp_path):
    """Stored files are objects of a private store, under a prefix of this test's own."""
    for name, value in store_server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LIKENESS_STORE", f"s3://likeness/{tmp_path.name}")
    entry = environment.files("LIKENESS_STORE", data=tmp_path)
    settings.STORAGES = {**settings.STORAGES, "default": entry}
    settings.CACHE = tmp_path / "cache"
    settings.CACHE_SIZE = 2**30
    return default_storage


@pytest.fixture(scope="module")
def browser():
    """A real Chromium, without a window, driven by Playwright.

    One per module: Playwright's event loop runs in this thread until it is stopped, and other
    modules have tests that run a loop of their own.
    """
    path = services.find_chromium()
    if path is None:
        services.skip_or_fail(services.CHROMIUM_MISSING)
    from playwright.sync_api import sync_playwright

    quiet = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    quiet += ["--disable-sync", "--no-first-run"]
    if os.geteuid() == 0:
        quiet.append("--no-sandbox")  # Chromium's sandbox refuses root
    # Playwright's loop runs in this thread from here on; Django's ORM must not mind.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=quiet)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """A fresh window of 1440 x 900 without cookies."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def _running_program(**settings_of_program):
    program = Program(new_data_folder(), **settings_of_program)
    try:
        program.manage("migrate", "--verbosity", "0")
        program.manage("collectstatic", "--no-input", "--verbosity", "0")
        yield program
    finally:
        try:
            program.stop()
        finally:
            shutil.rmtree(program.data, ignore_errors=True)


@pytest.fixture(scope="module")
def likeness_server():
    """The real program on SQLite, files and the filesystem broker, with an empty database.

    One per test module. `.base_url`, `.data`, `.manage(*args)`; see tests/program.py.
    """
    for program in _running_program():
        yield program.start()


@pytest.fixture(scope="module")
def likeness_on_servers():
    """The real program on a private PostgreSQL and Redis with two worker programs."""
    if services.find_postgres() is None:
        services.skip_or_fail(services.POSTGRES_MISSING)
    if services.find_redis() is None:
        services.skip_or_fail(services.REDIS_MISSING)
    database, broker = services.start_postgres(), services.start_redis()
    try:
        for program in _running_program(DATABASE_URL=database.url, REDIS_URL=broker.url):
            yield program.start("--workers", "2")
    finally:
        broker.stop()
        database.stop()


@pytest.fixture(autouse=True, scope="session")
def _flush_lifts_append_only_triggers():
    """Let the flush between tests that need real transactions empty the append-only tables.

    The triggers have no back door, so the flush takes them off by DDL, empties the tables and puts
    the same triggers back, in one transaction.
    """
    flush = BaseDatabaseOperations.execute_sql_flush

    def flush_without_triggers(self, sql_list):
        with transaction.atomic(using=self.connection.alias), self.connection.cursor() as cursor:
            if self.connection.vendor == "sqlite":
                cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
                off, on = zip(
                    *((f"DROP TRIGGER {name}", sql) for name, sql in cursor.fetchall()),
                    strict=True,
                )
            else:
                cursor.execute(
                    "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
                )
                tables = [table for (table,) in cursor.fetchall()]
                off = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables]
                on = [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in tables]
            for statement in off:
                cursor.execute(statement)
            flush(self, sql_list)
            for statement in on:
                cursor.execute(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush_without_triggers)
        yield
