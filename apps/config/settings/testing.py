"""Tests: a throw-away data folder, fast password hashing, tasks only where a test runs them."""

import atexit
import os
import shutil
import tempfile

# Before base reads the environment: no test may touch the data of a running program.
if "LIKENESS_TEST_DATA" not in os.environ:
    os.environ["LIKENESS_TEST_DATA"] = tempfile.mkdtemp(prefix="likeness-test-")
    atexit.register(shutil.rmtree, os.environ["LIKENESS_TEST_DATA"], ignore_errors=True)
# Test processes side by side inherit the folder; each has a room of its own in it.
os.environ["LIKENESS_DATA"] = os.path.join(
    os.environ["LIKENESS_TEST_DATA"], os.environ.get("PYTEST_XDIST_WORKER", "main")
)
# A store that this machine's own program may use is none of the tests' business.
os.environ["LIKENESS_STORE"] = os.environ["LIKENESS_CACHE"] = ""

from apps.config.settings.base import *  # noqa: F403
from apps.config.settings.base import DATA, DATABASES, STATIC_ROOT, STORAGES

SECRET_KEY = "tests only, never a default: " + "x" * 40
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {}
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# A file, not memory: only then do threads and processes of a test wait for each other's locks.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(DATA / "test.sqlite3")}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns when it is missing
