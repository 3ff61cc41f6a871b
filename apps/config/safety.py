"""What must hold in production. An unsafe value stops every process at its start."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.utils.module_loading import import_string

YEAR = 31_536_000
# Marks of keys that anybody can read: in a repository, in an example, in a test.
KNOWN_KEYS = ("django-insecure", "change-me", "changeme", "tests only", "example")


@dataclass(frozen=True)
class Rule:
    """A setting, whether its value is safe, and what it has to be."""

    setting: str
    holds: Callable[[Any], bool]
    wanted: str


def _is_secret(key: str) -> bool:
    public = any(mark in key.lower() for mark in KNOWN_KEYS)
    return len(key) >= 50 and len(set(key)) >= 15 and not public


def _origins_are_https(settings: Any) -> bool:
    return all(origin.startswith("https://") for origin in settings.CSRF_TRUSTED_ORIGINS)


def _database_is_safe(settings: Any) -> bool:
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        options = database["OPTIONS"]
        commands = options.get("init_command", "")
        return (
            options.get("transaction_mode") == "IMMEDIATE"
            and "journal_mode=WAL" in commands
            and "synchronous=FULL" in commands
        )
    asks = not database["HOST"] or bool(database["PASSWORD"])
    return asks and bool(database.get("CONN_HEALTH_CHECKS"))


def _broker_is_safe(settings: Any) -> bool:
    url = urlsplit(settings.CELERY_BROKER_URL)
    return url.scheme not in {"redis", "rediss"} or bool(url.password)


def _scripts_are_ours(settings: Any) -> bool:
    directives = getattr(settings, "CONTENT_SECURITY_POLICY", {}).get("DIRECTIVES", {})
    scripts = directives.get("script-src", directives.get("default-src", ["*"]))
    open_ended = {"*", "'unsafe-inline'", "'unsafe-eval'", "http:", "https:", "data:"}
    locked = all(directives.get(d) == ["'none'"] for d in ("object-src", "base-uri"))
    ours = not open_ended.intersection(scripts)
    return bool(locked and ours and "frame-ancestors" in directives)


def _api_is_closed(settings: Any) -> bool:
    api = settings.REST_FRAMEWORK
    page = import_string(api["DEFAULT_PAGINATION_CLASS"])
    return (
        api["DEFAULT_PERMISSION_CLASSES"] == ["rest_framework.permissions.IsAuthenticated"]
        and api["DEFAULT_RENDERER_CLASSES"] == ["rest_framework.renderers.JSONRenderer"]
        and api.get("NUM_PROXIES") is not None
        and 0 < (page.max_page_size or 0) <= 200
    )


def _passwords_are_long(settings: Any) -> bool:
    lengths = [
        validator.get("OPTIONS", {}).get("min_length", 8)
        for validator in settings.AUTH_PASSWORD_VALIDATORS
        if validator["NAME"].endswith("MinimumLengthValidator")
    ]
    return bool(lengths) and min(lengths) >= 12


def _celery_is_safe(settings: Any) -> bool:
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    timeout: int = settings.CELERY_VISIBILITY_TIMEOUT
    return (
        settings.CELERY_ACCEPT_CONTENT == ["json"]
        and settings.CELERY_TASK_SERIALIZER == settings.CELERY_RESULT_SERIALIZER == "json"
        and settings.CELERY_TASK_SOFT_TIME_LIMIT < settings.CELERY_TASK_TIME_LIMIT < timeout
        and bool(options.get("visibility_timeout", timeout) == timeout)
    )


def _store_is_named(settings: Any) -> bool:
    local = settings.STORAGES["default"]["BACKEND"].endswith("FileSystemStorage")
    return not (local and settings.STORE_ENDPOINT)


RULES = (
    Rule("DEBUG", lambda s: s.DEBUG is False, "off"),
    Rule("SECRET_KEY", lambda s: _is_secret(s.SECRET_KEY), "at least 50 random characters"),
    Rule(
        "SECRET_KEY_FALLBACKS",
        lambda s: all(map(_is_secret, s.SECRET_KEY_FALLBACKS)),
        "former keys of at least 50 random characters, or none",
    ),
    Rule(
        "ALLOWED_HOSTS",
        lambda s: bool(s.ALLOWED_HOSTS) and not any("*" in host for host in s.ALLOWED_HOSTS),
        "the host names of this site, without *",
    ),
    Rule("CSRF_TRUSTED_ORIGINS", _origins_are_https, "addresses that start with https://"),
    Rule("USE_X_FORWARDED_HOST", lambda s: not s.USE_X_FORWARDED_HOST, "off"),
    Rule("SECURE_SSL_REDIRECT", lambda s: s.SECURE_SSL_REDIRECT is True, "on"),
    Rule("SECURE_HSTS_SECONDS", lambda s: s.SECURE_HSTS_SECONDS >= YEAR, "a year or more"),
    Rule(
        "SECURE_HSTS_INCLUDE_SUBDOMAINS", lambda s: s.SECURE_HSTS_INCLUDE_SUBDOMAINS is True, "on"
    ),
    Rule("SECURE_HSTS_PRELOAD", lambda s: s.SECURE_HSTS_PRELOAD is True, "on"),
    Rule("SECURE_CONTENT_TYPE_NOSNIFF", lambda s: s.SECURE_CONTENT_TYPE_NOSNIFF is True, "on"),
    Rule(
        "SECURE_REFERRER_POLICY", lambda s: s.SECURE_REFERRER_POLICY == "same-origin", "same-origin"
    ),
    Rule(
        "SECURE_CROSS_ORIGIN_OPENER_POLICY",
        lambda s: s.SECURE_CROSS_ORIGIN_OPENER_POLICY == "same-origin",
        "same-origin",
    ),
    Rule("X_FRAME_OPTIONS", lambda s: s.X_FRAME_OPTIONS == "DENY", "DENY"),
    Rule("CONTENT_SECURITY_POLICY", _scripts_are_ours, "set, with scripts of this site only"),
    Rule("SESSION_COOKIE_SECURE", lambda s: s.SESSION_COOKIE_SECURE is True, "on"),
    Rule("SESSION_COOKIE_HTTPONLY", lambda s: s.SESSION_COOKIE_HTTPONLY is True, "on"),
    Rule(
        "SESSION_COOKIE_SAMESITE", lambda s: s.SESSION_COOKIE_SAMESITE in {"Lax", "Strict"}, "Lax"
    ),
    Rule(
        "SESSION_COOKIE_NAME",
        lambda s: s.SESSION_COOKIE_NAME.startswith("__Host-"),
        "a name that starts with __Host-",
    ),
    Rule("CSRF_COOKIE_SECURE", lambda s: s.CSRF_COOKIE_SECURE is True, "on"),
    Rule(
        "CSRF_COOKIE_NAME",
        lambda s: s.CSRF_COOKIE_NAME.startswith("__Host-"),
        "a name that starts with __Host-",
    ),
    Rule("AUTH_PASSWORD_VALIDATORS", _passwords_are_long, "a minimum of 12 characters or more"),
    Rule(
        "PASSWORD_HASHERS",
        lambda s: s.PASSWORD_HASHERS[0].endswith("Argon2PasswordHasher"),
        "Argon2 first",
    ),
    Rule(
        "DATA_UPLOAD_MAX_MEMORY_SIZE",
        lambda s: 0 < (s.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) <= 100 * 2**20,
        "a limit of at most 100 MiB",
    ),
    Rule(
        "DATA_UPLOAD_MAX_NUMBER_FILES",
        lambda s: 0 < (s.DATA_UPLOAD_MAX_NUMBER_FILES or 0) <= 1000,
        "a limit of at most 1000",
    ),
    Rule(
        "FILE_UPLOAD_PERMISSIONS",
        lambda s: s.FILE_UPLOAD_PERMISSIONS is not None and not s.FILE_UPLOAD_PERMISSIONS & 0o007,
        "closed to other users",
    ),
    Rule(
        "REST_FRAMEWORK", _api_is_closed, "closed to strangers, JSON only, paged, NUM_PROXIES set"
    ),
    Rule(
        "DATABASE_URL",
        _database_is_safe,
        "SQLite with IMMEDIATE, WAL and FULL, or PostgreSQL with a password",
    ),
    Rule("REDIS_URL", _broker_is_safe, "an address with a password: redis://:password@host:port/0"),
    Rule("LIKENESS_STORE", _store_is_named, "s3://bucket/prefix where AWS_ENDPOINT_URL is set"),
    Rule("CELERY", _celery_is_safe, "JSON only, time limits below the one visibility timeout"),
    Rule("SILENCED_SYSTEM_CHECKS", lambda s: not s.SILENCED_SYSTEM_CHECKS, "empty"),
)


def unsafe_settings(settings: Any) -> list[str]:
    """One sentence for each setting that is not safe."""
    return [f"{rule.setting} must be {rule.wanted}." for rule in RULES if not rule.holds(settings)]
