"""Against guessing passwords: django-axes locks a name for an address; here is the rest."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone


def client_address(request: HttpRequest) -> str:
    """The caller's address as our own proxy saw it; what a caller says about itself is ignored."""
    direct = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES:
        return direct
    seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    known = seen[-settings.TRUSTED_PROXIES :]
    return known[0] or direct


class AddressLimitBackend:
    """Stops an address that has tried many names; signs nobody in itself."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        if request is None:  # axes refuses that itself
            return
        since = timezone.now() - _wait(request)
        failures = AccessAttempt.objects.filter(
            ip_address=client_address(request), attempt_time__gte=since
        ).aggregate(n=Sum("failures_since_start"))["n"]
        if (failures or 0) >= settings.ADDRESS_FAILURE_LIMIT:
            request.axes_locked_out = True  # type: ignore[attr-defined]  # its middleware answers
            raise PermissionDenied("Too many wrong passwords from this address.")


@contextmanager
def one_guess_at_a_time(*, username: str, address: str) -> Iterator[None]:
    """Check passwords for a name from an address one after the other, in all processes.

    Otherwise many guesses at once would all be checked before the first failure is counted.
    PostgreSQL has a lock for it. SQLite's only lock is that of all writers, which must not wait for
    a password hash: there it is a file, one of 256, since all processes are on one machine.
    """
    digest = hashlib.sha256(f"{username}\0{address}".encode()).digest()
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            key = int.from_bytes(digest[:8], signed=True)
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
            yield
        return
    folder = settings.DATA / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"login-{digest[0]:02x}", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # closing the file lets go
        yield


def _wait(request: HttpRequest) -> timedelta:
    wait: timedelta = get_cool_off(request) or timedelta(minutes=15)
    return wait


def locked_out(
    request: HttpRequest, original: HttpResponse | None, credentials: dict[str, Any] | None
) -> JsonResponse:
    """Too many wrong passwords for this name from this address: HTTP 429 with Retry-After."""
    wait = _wait(request)
    minutes = round(wait.total_seconds() / 60)
    return JsonResponse(
        {
            "type": "about:blank",
            "status": 429,
            "code": "locked_out",
            "detail": f"Too many wrong passwords. Wait {minutes} minutes, then try again.",
        },
        status=429,
        headers={"Retry-After": str(int(wait.total_seconds()))},
        content_type="application/problem+json",
    )
