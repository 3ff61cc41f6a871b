"""What account names, roles and passwords must be."""

import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from apps.accounts.models import Role, User
from apps.common.errors import ConflictError, InvalidError


class WeakPasswordError(InvalidError):
    code = "weak_password"


class NameTakenError(ConflictError):
    code = "name_taken"


def checked_role(role: str) -> str:
    if role not in Role.values:
        raise InvalidError(f"A role is one of {', '.join(Role.values)}.", field="role")
    return role


def checked_username(username: str) -> str:
    username = User.normalize_username(username.strip())
    field = User._meta.get_field("username")
    try:
        field.run_validators(username)
    except ValidationError as error:
        raise InvalidError(" ".join(error.messages), field="username") from error
    if not username:
        raise InvalidError("A user name is needed.", field="username")
    if User.objects.filter(username__iexact=username).exists():
        raise NameTakenError(f"The user name {username} is taken.", field="username")
    return username


def check_new_password(password: str, *, user: User, field: str) -> None:
    try:
        validate_password(password, user=user)
    except ValidationError as error:
        raise WeakPasswordError(" ".join(error.messages), field=field) from error


def random_password() -> str:
    """Four groups of four letters and digits that are hard to mistake: about 80 bits."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))
