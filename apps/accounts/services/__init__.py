"""Writes: who may come in, what they are, and what was done."""

from apps.accounts.services.audit import record_event
from apps.accounts.services.checks import NameTakenError, WeakPasswordError, random_password
from apps.accounts.services.groups import create_group, ensure_groups
from apps.accounts.services.invitations import (
    INVITATION_LASTS,
    InvitationUsedError,
    accept_invitation,
    invite,
    withdraw_invitation,
)
from apps.accounts.services.people import (
    MAX_PREFERENCES,
    LastAdminError,
    WrongPasswordError,
    change_password,
    create_user,
    create_user_and_groups,
    edit_person,
    edit_profile,
    make_token,
    revoke_token,
)

__all__ = [
    "INVITATION_LASTS",
    "MAX_PREFERENCES",
    "InvitationUsedError",
    "LastAdminError",
    "NameTakenError",
    "WeakPasswordError",
    "WrongPasswordError",
    "accept_invitation",
    "change_password",
    "create_group",
    "create_user",
    "create_user_and_groups",
    "edit_person",
    "edit_profile",
    "ensure_groups",
    "invite",
    "make_token",
    "random_password",
    "record_event",
    "revoke_token",
    "withdraw_invitation",
]
