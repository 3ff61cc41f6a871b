"""Expertise groups."""

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction

from apps.accounts import selectors
from apps.accounts.models import ExpertiseGroup, User
from apps.accounts.services.audit import record_event
from apps.accounts.services.checks import NameTakenError
from apps.common.errors import InvalidError


@transaction.atomic
def create_group(
    *, name: str, at: datetime, description: str = "", actor: User | None = None
) -> ExpertiseGroup:
    """Make an expertise group.

    Raises:
        NameTakenError: there is one of this name, in whatever case.
        InvalidError: the name is empty or holds a `;`, which separates groups in releases.
    """
    name = " ".join(name.split())
    if not name or len(name) > 60 or ";" in name:
        raise InvalidError("A group's name has 1 to 60 characters and no semicolon.", field="name")
    if ExpertiseGroup.objects.filter(name__iexact=name).exists():
        raise NameTakenError(f"There is a group named {name} already.", field="name")
    try:
        with transaction.atomic():
            group = ExpertiseGroup.objects.create(name=name, description=description.strip())
    except IntegrityError as error:  # somebody else in the same moment
        raise NameTakenError(f"There is a group named {name} already.", field="name") from error
    record_event(actor=actor, action="group.create", object=f"group:{name}", at=at)
    return group


def ensure_groups(
    *, names: Iterable[str], at: datetime, actor: User | None = None
) -> dict[str, ExpertiseGroup]:
    """The groups of these names; those that do not exist yet are made."""
    wanted = list(dict.fromkeys(names))
    for name in selectors.missing_groups(wanted):
        create_group(name=name, at=at, actor=actor)
    return {group.name: group for group in selectors.groups_named(wanted)}
