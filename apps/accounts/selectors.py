"""Reads about people, groups and invitations."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from rest_framework.authtoken.models import Token

from apps.accounts.models import ExpertiseGroup, Invitation, Role, User
from apps.common.errors import InvalidError, NotFoundError


class UnknownGroupError(InvalidError):
    code = "unknown_group"


class UnknownUserError(NotFoundError):
    code = "unknown_user"


class UnknownInvitationError(NotFoundError):
    code = "unknown_invitation"


def people(*, search: str = "") -> QuerySet[User]:
    """Everybody, with their groups and the number of studies that they take part in."""
    found = User.objects.prefetch_related("groups_of_expertise").annotate(
        studies=Count("participations", distinct=True)
    )
    if search:
        found = found.filter(Q(username__icontains=search) | Q(display_name__icontains=search))
    return found.order_by("username")


def groups() -> QuerySet[ExpertiseGroup]:
    """All groups, with the number of people in them who may sign in."""
    return ExpertiseGroup.objects.annotate(
        n_members=Count("members", filter=Q(members__is_active=True))
    ).order_by("name")


def groups_named(names: Iterable[str]) -> list[ExpertiseGroup]:
    """The groups of these names, in their order.

    Raises:
        UnknownGroupError: one of them does not exist.
    """
    wanted = list(dict.fromkeys(names))
    found = {group.name: group for group in ExpertiseGroup.objects.filter(name__in=wanted)}
    for name in wanted:
        if name not in found:
            raise UnknownGroupError(f"There is no group named {name}.", field="groups")
    return [found[name] for name in wanted]


def missing_groups(names: Iterable[str]) -> list[str]:
    """Those of these names that no group has, sorted."""
    wanted = set(names)
    there = ExpertiseGroup.objects.filter(name__in=wanted).values_list("name", flat=True)
    return sorted(wanted - set(there))


def active_admins() -> QuerySet[User]:
    return User.objects.filter(is_active=True).filter(Q(role=Role.ADMIN) | Q(is_superuser=True))


def active_user_named(*, username: str) -> User:
    """The account of this name.

    Raises:
        UnknownUserError: nobody has it, or they may not sign in any more.
    """
    user = User.objects.filter(username=username).first()
    if user is None:
        raise UnknownUserError(f"There is no user named {username}.", field="username")
    if not user.is_active:
        raise UnknownUserError(f"The account {username} is deactivated.", field="username")
    return user


def token_of(*, user: User) -> Token | None:
    return Token.objects.filter(user=user).first()


def invitations() -> QuerySet[Invitation]:
    return (
        Invitation.objects.select_related("accepted_by")
        .prefetch_related("groups_of_expertise")
        .order_by("-pk")
    )


def hash_of(token: str) -> str:
    """What the database keeps of an invitation's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def open_invitation(*, token: str, now: datetime) -> Invitation:
    """The invitation that this link still opens.

    Raises:
        UnknownInvitationError: unknown, used or expired; which of these is nobody's business.
    """
    invitation = (
        Invitation.objects.prefetch_related("groups_of_expertise")
        .filter(token_sha256=hash_of(token), accepted_at=None, expires_at__gt=now)
        .first()
    )
    if invitation is None:
        raise UnknownInvitationError(
            "This invitation is not valid, was used already or has expired: ask for a new one."
        )
    return invitation
