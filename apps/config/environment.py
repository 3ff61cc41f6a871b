"""Read settings from the environment; a bad value stops the start with one sentence."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool) -> bool:
    value = text(name).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    if value:
        raise ImproperlyConfigured(f"{name} must be yes or no, got {value!r}.")
    return default


def whole(name: str, default: int, *, least: int = 0) -> int:
    value = text(name)
    if not value:
        return default
    if not value.isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"{name} must be a whole number >= {least}, got {value!r}.")
    return int(value)


def one_of(name: str, choices: list[str]) -> str:
    """One of the choices; the first when nothing is set."""
    value = text(name, choices[0])
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, got {value!r}.")
    return value


def words(name: str) -> list[str]:
    """Comma-separated words, without blanks."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def memory(name: str, default: str) -> int:
    """Bytes from a value like `512 MiB`, `2 GiB` or a plain number of bytes."""
    value = text(name, default).replace(" ", "").lower()
    units = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "b": 1}
    for unit, factor in units.items():
        if value.endswith(unit) and value.removesuffix(unit).isdigit():
            return int(value.removesuffix(unit)) * factor
    if value.isdigit():
        return int(value)
    raise ImproperlyConfigured(f"{name} must be a size such as 512 MiB or 2 GiB, got {value!r}.")


def database(name: str, *, data: Path) -> dict[str, Any]:
    """Django's DATABASES entry from a URL; SQLite in the data folder when there is none."""
    url = text(name)
    if not url or url.startswith("sqlite:"):
        path = Path(unquote(urlsplit(url).path)) if url else data / "likeness.sqlite3"
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(path),
            "OPTIONS": {
                # A writer takes its lock at once and waits for it: the deferred default
                # fails with "database is locked" as soon as two people submit together.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # FULL: a judgment that was answered survives a power cut.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                # A REPLACE counts as a deletion for the triggers of append-only tables.
                "PRAGMA recursive_triggers=ON;",
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ImproperlyConfigured(
            f"{name} must be postgresql://user:password@host:port/name or sqlite:///path, "
            f"got the scheme {parts.scheme!r}."
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            "options": "-c statement_timeout=60000 -c lock_timeout=20000",
            **dict(parse_qsl(parts.query)),
        },
    }


def files(name: str, *, data: Path) -> dict[str, Any]:
    """Django's STORAGES entry for stored files: the data folder, or an S3-compatible store.

    Raises:
        ImproperlyConfigured: the store is set by halves.
    """
    url = text(name)
    if not url:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(data / "files"), "file_permissions_mode": 0o640},
        }
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc or parts.query or {"@", ":"} & {*parts.netloc}:
        raise ImproperlyConfigured(f"{name} must be s3://bucket or s3://bucket/prefix.")
    endpoint = urlsplit(text("AWS_ENDPOINT_URL"))
    if endpoint.geturl() and (
        endpoint.scheme not in {"http", "https"} or not endpoint.hostname or "@" in endpoint.netloc
    ):
        raise ImproperlyConfigured(
            "AWS_ENDPOINT_URL must be http://host:port or https://host:port; keys have names of "
            "their own."
        )
    key, secret = text("AWS_ACCESS_KEY_ID"), text("AWS_SECRET_ACCESS_KEY")
    if bool(key) != bool(secret):
        raise ImproperlyConfigured(
            f"{name} needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY together."
        )
    if endpoint.geturl() and not key:
        raise ImproperlyConfigured(
            f"{name} at AWS_ENDPOINT_URL needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    return {
        "BACKEND": "apps.common.storage.objects.ObjectStorage",
        "OPTIONS": {
            "bucket_name": parts.netloc,
            "location": parts.path.strip("/"),
            "endpoint_url": endpoint.geturl() or None,
            "region_name": text("AWS_REGION", text("AWS_DEFAULT_REGION")) or None,
            "access_key": key or None,
            "secret_key": secret or None,
            "security_token": text("AWS_SESSION_TOKEN") or None,
        },
    }
