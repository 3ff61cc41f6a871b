"""Collections."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from apps.catalog.models import Collection
from apps.common.errors import ConflictError, InvalidError


class CollectionExistsError(ConflictError):
    """Another collection has this short name."""

    code = "collection_exists"


def create_collection(
    *, name: str, created_at: datetime, slug: str = "", description: str = ""
) -> Collection:
    """Make an empty collection.

    Args:
        name: what people read.
        created_at: when.
        slug: what addresses and commands use; made from the name when empty.
        description: free text.

    Raises:
        InvalidError: there is no name, or nothing of it can stand in an address.
        CollectionExistsError: the slug is taken.
    """
    if not name.strip():
        raise InvalidError("A collection needs a name.", field="name")
    if slug and slug != slugify(slug):
        raise InvalidError(
            f"{slug!r} must consist of small letters, digits and hyphens.", field="slug"
        )
    slug = slug or slugify(name)[:60].strip("-")
    if not slug or len(slug) > 60:
        raise InvalidError(
            "Give a short name of 1 to 60 small letters, digits and hyphens.", field="slug"
        )
    try:
        with transaction.atomic():
            return Collection.objects.create(
                slug=slug, name=name.strip(), description=description, created_at=created_at
            )
    except IntegrityError as error:
        raise CollectionExistsError(
            f"There is a collection {slug!r} already.", field="slug"
        ) from error
