"""Accounts, and what is changed about them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from rest_framework.authtoken.models import Token

from apps.accounts import selectors
from apps.accounts.models import Role, User
from apps.accounts.services.audit import record_event
from apps.accounts.services.checks import (
    NameTakenError,
    check_new_password,
    checked_role,
    checked_username,
)
from apps.accounts.services.groups import ensure_groups
from apps.common.errors import ConflictError, InvalidError

MAX_PREFERENCES = 4_000  # characters of JSON: small choices, not a store


class WrongPasswordError(InvalidError):
    code = "wrong_password"


class LastAdminError(ConflictError):
    code = "last_admin"


@transaction.atomic
def create_user(
    *,
    username: str,
    password: str,
    created_at: datetime,
    role: str = Role.ASSESSOR,
    groups: Iterable[str] = (),
    display_name: str = "",
    is_simulated: bool = False,
    actor: User | None = None,
) -> User:
    """Make an account.

    Raises:
        NameTakenError: somebody has the name, in whatever case.
        WeakPasswordError: the password is too short, too common or too like the name.
        UnknownGroupError: no such group.
        InvalidError: no such role, or a user name with other characters.
    """
    members_of = selectors.groups_named(groups)
    user = User(
        username=checked_username(username),
        display_name=display_name.strip(),
        role=checked_role(role),
        is_staff=role == Role.ADMIN,
        is_simulated=is_simulated,
        date_joined=created_at,
    )
    check_new_password(password, user=user, field="password")
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:  # somebody else in the same moment
        raise NameTakenError(f"The user name {username} is taken.", field="username") from error
    user.groups_of_expertise.set(members_of)
    record_event(
        actor=actor,
        action="user.create",
        object=f"user:{user.username}",
        at=created_at,
        detail={"role": role, "groups": [group.name for group in members_of]},
    )
    return user


@transaction.atomic
def create_user_and_groups(
    *, groups: Iterable[str], created_at: datetime, **fields: Any
) -> tuple[User, list[str]]:
    """Make an account and those of its groups that do not exist; return the new groups' names."""
    names = list(groups)
    made = selectors.missing_groups(names)
    ensure_groups(names=names, at=created_at)
    return create_user(groups=names, created_at=created_at, **fields), made


@transaction.atomic
def change_password(*, user: User, old_password: str, new_password: str, at: datetime) -> None:
    """Set a new password; every other session of this person ends.

    Raises:
        WrongPasswordError: the old one is not right.
        WeakPasswordError: the new one is not good enough.
    """
    if not user.check_password(old_password):
        raise WrongPasswordError("That is not your present password.", field="old_password")
    check_new_password(new_password, user=user, field="new_password")
    user.set_password(new_password)
    user.save(update_fields=["password"])
    record_event(actor=user, action="user.password", object=f"user:{user.username}", at=at)


@transaction.atomic
def edit_profile(
    *, user: User, display_name: str | None = None, preferences: dict[str, Any] | None = None
) -> User:
    """Change what a person may change about themselves; preferences are merged key by key."""
    if display_name is not None:
        user.display_name = display_name.strip()
    if preferences is not None:
        merged = user.preferences | preferences
        if len(repr(merged)) > MAX_PREFERENCES:
            raise InvalidError("The preferences are too long.", field="preferences")
        user.preferences = merged
    user.save(update_fields=["display_name", "preferences"])
    return user


@transaction.atomic
def edit_person(
    *,
    person: User,
    actor: User | None,
    at: datetime,
    role: str | None = None,
    groups: Iterable[str] | None = None,
    is_active: bool | None = None,
    display_name: str | None = None,
) -> User:
    """Change somebody's role, groups or name, or whether they may sign in.

    Raises:
        LastAdminError: afterwards nobody could look after the site.
        UnknownGroupError: no such group.
    """
    # All admins' rows, so that two admins cannot remove each other in the same moment.
    admins = list(selectors.active_admins().select_for_update().order_by("pk"))
    locked = User.objects.select_for_update().get(pk=person.pk)
    changed: dict[str, Any] = {}
    if role is not None and role != locked.role:
        changed["role"] = locked.role = checked_role(role)
        locked.is_staff = role == Role.ADMIN
    if is_active is not None and is_active != locked.is_active:
        changed["is_active"] = locked.is_active = is_active
    if display_name is not None:
        locked.display_name = display_name.strip()
    stays_admin = locked.is_active and locked.is_study_admin
    if not stays_admin and [admin.pk for admin in admins] == [locked.pk]:
        raise LastAdminError(
            f"{locked.name} is the only admin: make somebody else an admin first.",
            field="role" if "role" in changed else "is_active",
        )
    locked.save()
    if groups is not None:
        members_of = selectors.groups_named(groups)
        locked.groups_of_expertise.set(members_of)
        changed["groups"] = [group.name for group in members_of]
    if locked.is_active is False:
        Token.objects.filter(user=locked).delete()
    if changed:
        record_event(
            actor=actor,
            action="user.edit",
            object=f"user:{locked.username}",
            at=at,
            detail=changed,
        )
    return locked


@transaction.atomic
def make_token(*, user: User, at: datetime, actor: User | None = None) -> str:
    """Give a key for scripts; a key from before stops working."""
    Token.objects.filter(user=user).delete()
    key: str = Token.objects.create(user=user).key
    record_event(actor=actor, action="token.make", object=f"user:{user.username}", at=at)
    return key


@transaction.atomic
def revoke_token(*, user: User, at: datetime, actor: User | None = None) -> None:
    """Take the key for scripts back; harmless when there is none."""
    deleted, _ = Token.objects.filter(user=user).delete()
    if deleted:
        record_event(actor=actor, action="token.revoke", object=f"user:{user.username}", at=at)
