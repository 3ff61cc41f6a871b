"""The audit log."""

from datetime import datetime
from typing import Any

from apps.accounts.models import AuditEvent, User


def record_event(
    *,
    actor: User | None,
    action: str,
    object: str,
    at: datetime,
    detail: dict[str, Any] | None = None,
) -> AuditEvent:
    """Add a line to the audit log, in the transaction of what it tells about.

    Args:
        actor: who did it; None for the command line.
        action: `<room>.<verb>`, such as `study.close`.
        object: what it was done to, such as `study:thorax`.
        at: when, by the server's clock.
        detail: small facts, never a password or token.
    """
    return AuditEvent.objects.create(
        actor=actor, action=action, object=object, at=at, detail=detail or {}
    )
