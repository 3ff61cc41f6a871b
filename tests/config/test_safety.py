"""Production settings: safe ones pass Django's own deployment check, unsafe ones do not start."""

import copy
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured

from apps.config import environment
from apps.config.safety import RULES, unsafe_settings
from tests.program import NOT_INHERITED, ROOT

KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
SAFE = {
    "DJANGO_SETTINGS_MODULE": "apps.config.settings.production",
    "SECRET_KEY": KEY,
    "ALLOWED_HOSTS": "likeness.example.org",
    "CSRF_TRUSTED_ORIGINS": "https://likeness.example.org",
}
POSTGRES = "postgresql://likeness:secret@db.internal:5432/likeness"


def run(*args: str, data, **environment: str) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(NOT_INHERITED)}
    return subprocess.run(
        [sys.executable, *args],
        cwd=ROOT,
        env={**clean, "LIKENESS_DATA": str(data), **SAFE, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="SQLite and files"),
        pytest.param(
            {"DATABASE_URL": POSTGRES, "REDIS_URL": "redis://:secret@redis.internal:6379/0"},
            id="PostgreSQL and Redis",
        ),
        pytest.param(
            {
                "LIKENESS_STORE": "s3://photos/likeness",
                "AWS_ENDPOINT_URL": "https://store.internal:9000",
                "AWS_ACCESS_KEY_ID": "likeness",
                "AWS_SECRET_ACCESS_KEY": "secret",
            },
            id="an object store",
        ),
        pytest.param({"LIKENESS_STORE": "s3://photos"}, id="the machine's own right to a bucket"),
    ],
)
def test_the_deployment_check_finds_nothing(tmp_path, more):
    done = run(
        *("manage.py", "check", "--deploy", "--fail-level", "WARNING"), data=tmp_path, **more
    )
    assert done.returncode == 0, done.stderr
    assert "0 silenced" in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        pytest.param("SECRET_KEY", "", "SECRET_KEY must be at least 50", id="no secret key"),
        pytest.param("SECRET_KEY", KEY[:49], "SECRET_KEY must be at least 50", id="a short key"),
        pytest.param("SECRET_KEY", "ab" * 40, "SECRET_KEY must be at least 50", id="a dull key"),
        pytest.param(
            "SECRET_KEY", "change-me" + KEY, "SECRET_KEY must be at least 50", id="an example key"
        ),
        pytest.param("ALLOWED_HOSTS", "", "ALLOWED_HOSTS must be", id="no host"),
        pytest.param("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS must be", id="every host"),
        pytest.param(
            "CSRF_TRUSTED_ORIGINS",
            "http://likeness.example.org",
            "CSRF_TRUSTED_ORIGINS must be",
            id="an origin without TLS",
        ),
        pytest.param(
            "SECRET_KEY_FALLBACKS", "old", "SECRET_KEY_FALLBACKS must be", id="a short old key"
        ),
        pytest.param(
            "DATABASE_URL",
            "postgresql://likeness@db.internal/likeness",
            "DATABASE_URL must be",
            id="a database without password",
        ),
        pytest.param(
            "DATABASE_URL", "mysql://a:b@c/d", "DATABASE_URL must be", id="other database"
        ),
        pytest.param(
            "REDIS_URL", "redis://redis.internal:6379/0", "REDIS_URL must be", id="an open broker"
        ),
        pytest.param(
            "LIKENESS_STORE", "photos/likeness", "LIKENESS_STORE must be s3://", id="no store"
        ),
        pytest.param(
            "AWS_ENDPOINT_URL",
            "http://store.internal:9000",
            "LIKENESS_STORE must be s3://bucket/prefix where AWS_ENDPOINT_URL is set",
            id="an address of a store that is not named",
        ),
        pytest.param("LIKENESS_THREADS", "many", "LIKENESS_THREADS must be", id="not a number"),
    ],
)
def test_an_unsafe_environment_does_not_start(tmp_path, name, value, sentence):
    done = run("-c", "import apps.config.wsgi", data=tmp_path, **{name: value})
    assert done.returncode != 0
    assert sentence in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        pytest.param(
            {"AWS_ACCESS_KEY_ID": "likeness"},
            "LIKENESS_STORE needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY together.",
            id="a key without its secret",
        ),
        pytest.param(
            {"AWS_ENDPOINT_URL": "http://store.internal:9000"},
            "LIKENESS_STORE at AWS_ENDPOINT_URL needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            id="an address without keys",
        ),
        pytest.param(
            {"AWS_ENDPOINT_URL": "store.internal:9000"},
            "AWS_ENDPOINT_URL must be http://host:port",
            id="an address without its scheme",
        ),
        pytest.param(
            {"AWS_ENDPOINT_URL": "http://me:secret@store.internal:9000"},
            "keys have names of their own",
            id="keys in the address",
        ),
    ],
)
def test_an_object_store_that_is_set_by_halves_is_refused(monkeypatch, tmp_path, more, sentence):
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, more.get(name, ""))
    monkeypatch.setenv("LIKENESS_STORE", "s3://photos/x")
    with pytest.raises(ImproperlyConfigured) as refused:
        environment.files("LIKENESS_STORE", data=tmp_path)
    assert sentence in str(refused.value)


@pytest.fixture(scope="module")
def production(tmp_path_factory):
    """All production settings as they are in a process of their own."""
    code = (
        "import json, django; from django.conf import settings; django.setup()\n"
        "values = {n: getattr(settings, n) for n in dir(settings) if n.isupper()}\n"
        "print(json.dumps(values, default=str))"
    )
    done = run("-c", code, data=tmp_path_factory.mktemp("data"), DATABASE_URL=POSTGRES)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def changed(settings: dict, path: str, value: object) -> SimpleNamespace:
    """The settings with one value replaced; `A/b` is the key b of the setting A."""
    settings = copy.deepcopy(settings)
    *keys, last = path.split("/")
    place = settings
    for key in keys:
        place = place[key]
    place[last] = value
    return SimpleNamespace(**settings)


UNSAFE = [
    ("DEBUG", True, "DEBUG"),
    ("SECRET_KEY", "short", "SECRET_KEY"),
    ("SECRET_KEY_FALLBACKS", ["short"], "SECRET_KEY_FALLBACKS"),
    ("ALLOWED_HOSTS", [], "ALLOWED_HOSTS"),
    ("CSRF_TRUSTED_ORIGINS", ["http://a.org"], "CSRF_TRUSTED_ORIGINS"),
    ("USE_X_FORWARDED_HOST", True, "USE_X_FORWARDED_HOST"),
    ("SECURE_SSL_REDIRECT", False, "SECURE_SSL_REDIRECT"),
    ("SECURE_HSTS_SECONDS", 3600, "SECURE_HSTS_SECONDS"),
    ("SECURE_HSTS_INCLUDE_SUBDOMAINS", False, "SECURE_HSTS_INCLUDE_SUBDOMAINS"),
    ("SECURE_HSTS_PRELOAD", False, "SECURE_HSTS_PRELOAD"),
    ("SECURE_CONTENT_TYPE_NOSNIFF", False, "SECURE_CONTENT_TYPE_NOSNIFF"),
    ("SECURE_REFERRER_POLICY", "unsafe-url", "SECURE_REFERRER_POLICY"),
    ("SECURE_CROSS_ORIGIN_OPENER_POLICY", None, "SECURE_CROSS_ORIGIN_OPENER_POLICY"),
    ("X_FRAME_OPTIONS", "SAMEORIGIN", "X_FRAME_OPTIONS"),
    ("CONTENT_SECURITY_POLICY", {}, "CONTENT_SECURITY_POLICY"),
    (
        "CONTENT_SECURITY_POLICY/DIRECTIVES/script-src",
        ["'self'", "'unsafe-eval'"],
        "CONTENT_SECURITY_POLICY",
    ),
    ("SESSION_COOKIE_SECURE", False, "SESSION_COOKIE_SECURE"),
    ("SESSION_COOKIE_HTTPONLY", False, "SESSION_COOKIE_HTTPONLY"),
    ("SESSION_COOKIE_SAMESITE", "None", "SESSION_COOKIE_SAMESITE"),
    ("SESSION_COOKIE_NAME", "sessionid", "SESSION_COOKIE_NAME"),
    ("CSRF_COOKIE_SECURE", False, "CSRF_COOKIE_SECURE"),
    ("CSRF_COOKIE_NAME", "csrftoken", "CSRF_COOKIE_NAME"),
    ("AUTH_PASSWORD_VALIDATORS", [], "AUTH_PASSWORD_VALIDATORS"),
    (
        "PASSWORD_HASHERS",
        ["django.contrib.auth.hashers.MD5PasswordHasher"],
        "PASSWORD_HASHERS",
    ),
    ("DATA_UPLOAD_MAX_MEMORY_SIZE", None, "DATA_UPLOAD_MAX_MEMORY_SIZE"),
    ("DATA_UPLOAD_MAX_NUMBER_FILES", None, "DATA_UPLOAD_MAX_NUMBER_FILES"),
    ("FILE_UPLOAD_PERMISSIONS", 0o644, "FILE_UPLOAD_PERMISSIONS"),
    (
        "REST_FRAMEWORK/DEFAULT_PERMISSION_CLASSES",
        ["rest_framework.permissions.AllowAny"],
        "REST_FRAMEWORK",
    ),
    ("REST_FRAMEWORK/NUM_PROXIES", None, "REST_FRAMEWORK"),
    ("DATABASES/default/PASSWORD", "", "DATABASE_URL"),
    ("DATABASES/default/CONN_HEALTH_CHECKS", False, "DATABASE_URL"),
    ("STORE_ENDPOINT", "https://store.internal:9000", "LIKENESS_STORE"),
    ("CELERY_BROKER_URL", "redis://redis:6379/0", "REDIS_URL"),
    ("CELERY_ACCEPT_CONTENT", ["json", "pickle"], "CELERY"),
    ("CELERY_TASK_TIME_LIMIT", 3600, "CELERY"),
    ("SILENCED_SYSTEM_CHECKS", ["security.W004"], "SILENCED_SYSTEM_CHECKS"),
]


@pytest.mark.parametrize(
    ("path", "value", "setting"),
    [pytest.param(*row, id=f"{row[0]} = {row[1]!r}") for row in UNSAFE],
)
def test_an_unsafe_setting_is_named(production, path, value, setting):
    [sentence] = unsafe_settings(changed(production, path, value))
    assert sentence.startswith(f"{setting} must be ")


def test_safe_settings_are_not_complained_about_and_every_rule_has_a_case(production):
    assert unsafe_settings(SimpleNamespace(**production)) == []
    assert {setting for _, _, setting in UNSAFE} == {rule.setting for rule in RULES}


def test_a_settings_module_of_ones_own_is_held_to_the_rules_too(tmp_path):
    (tmp_path / "loose.py").write_text(
        "from apps.config.settings.production import *\nDEBUG = True\n"
    )
    done = run(
        *("-c", "import apps.config.wsgi"),
        data=tmp_path,
        PYTHONPATH=str(tmp_path),
        DJANGO_SETTINGS_MODULE="loose",
    )
    assert done.returncode != 0
    assert "DEBUG must be off." in done.stderr
