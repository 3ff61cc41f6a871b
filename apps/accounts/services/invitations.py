"""Links that let one person make their account."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts import selectors
from apps.accounts.models import Invitation, User
from apps.accounts.services.audit import record_event
from apps.accounts.services.checks import checked_role
from apps.accounts.services.people import create_user
from apps.common.errors import ConflictError

INVITATION_LASTS = timedelta(days=14)


class InvitationUsedError(ConflictError):
    code = "invitation_used"


@transaction.atomic
def invite(
    *,
    role: str,
    groups: Iterable[str],
    note: str,
    invited_by: User,
    at: datetime,
    token: str,
) -> Invitation:
    """Store an invitation under the hash of `token`, which the caller shows once."""
    members_of = selectors.groups_named(groups)
    invitation = Invitation.objects.create(
        token_sha256=selectors.hash_of(token),
        role=checked_role(role),
        note=note.strip(),
        created_by=invited_by,
        created_at=at,
        expires_at=at + INVITATION_LASTS,
    )
    invitation.groups_of_expertise.set(members_of)
    record_event(
        actor=invited_by,
        action="invitation.make",
        object=f"invitation:{invitation.pk}",
        at=at,
        detail={"role": role, "groups": [group.name for group in members_of]},
    )
    return invitation


@transaction.atomic
def withdraw_invitation(*, invitation: Invitation, actor: User, at: datetime) -> None:
    """Make a link useless that nobody has used yet.

    Raises:
        InvitationUsedError: somebody has: the account stays, its invitation with it.
    """
    locked = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if locked.accepted_at is not None:
        raise InvitationUsedError("This invitation was used: deactivate the account instead.")
    record_event(actor=actor, action="invitation.withdraw", object=f"invitation:{locked.pk}", at=at)
    locked.delete()


@transaction.atomic
def accept_invitation(
    *, token: str, username: str, password: str, display_name: str, at: datetime
) -> User:
    """Make the account that an invitation promises; the link works once.

    Raises:
        UnknownInvitationError: unknown, used or expired.
        NameTakenError, WeakPasswordError, InvalidError: as `create_user`.
    """
    found = selectors.open_invitation(token=token, now=at)
    # Under the lock, so that two browsers cannot both use it.
    Invitation.objects.select_for_update().get(pk=found.pk)
    invitation = selectors.open_invitation(token=token, now=at)
    user = create_user(
        username=username,
        password=password,
        display_name=display_name,
        role=invitation.role,
        groups=[group.name for group in invitation.groups_of_expertise.all()],
        created_at=at,
    )
    invitation.accepted_by = user
    invitation.accepted_at = at
    invitation.save(update_fields=["accepted_by", "accepted_at"])
    return user
