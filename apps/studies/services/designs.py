"""Drafts: made from a design, and changed while nobody judges."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.text import slugify

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.catalog import services as catalog
from apps.catalog.models import Collection, Image
from apps.common.errors import ConflictError, InvalidError
from apps.studies.design import QueryDesign, StudyDesign
from apps.studies.models import Category, Query, Study
from apps.studies.protocols import PROTOCOLS
from apps.studies.tables import InvalidDesignError

RANKING_DEPTH = 500  # rankings are kept at least this deep, whatever the pool's depth


class StudyExistsError(ConflictError):
    code = "study_exists"


class NotADraftError(ConflictError):
    code = "not_a_draft"


@transaction.atomic
def create_study(
    *,
    design: StudyDesign,
    collection: Collection,
    created_at: datetime,
    created_by: User | None,
    slug: str = "",
) -> Study:
    """Make a draft of this design; groups that do not exist yet are made.

    Args:
        design: checked by `design.parse_design`.
        collection: what is searched; a design that names another is refused.
        created_at: now.
        created_by: the admin; None for the command line.
        slug: the study's short name; else the design's own, else made from its name.

    Raises:
        StudyExistsError: the short name is taken.
        InvalidDesignError: an image is unknown or excluded, or names do not agree.
    """
    slug = slug or design.slug or slugify(design.name)[:60].strip("-")
    if not slug:
        raise InvalidDesignError("slug is needed: the name has no letters for one.", field="slug")
    for key, named, asked in (
        ("slug", design.slug, slug),
        ("collection", design.collection, collection.slug),
    ):
        if named and named != asked:
            raise InvalidDesignError(
                f"{key} is {named!r} in the design, but {asked!r} was asked for.", field=key
            )
    if Study.objects.filter(slug=slug).exists():
        raise _taken(slug)
    try:
        with transaction.atomic():
            study = Study(slug=slug, collection=collection, created_at=created_at)
            _take_fields(study, design)
            study.save(force_insert=True)
    except IntegrityError as error:  # somebody else in the same moment
        raise _taken(slug) from error
    _make_queries(study, design, at=created_at, actor=created_by)
    accounts.record_event(
        actor=created_by,
        action="study.create",
        object=f"study:{slug}",
        at=created_at,
        detail={"collection": collection.slug, "queries": len(design.queries)},
    )
    return study


def _taken(slug: str) -> StudyExistsError:
    return StudyExistsError(f"There is a study {slug!r} already.", field="slug")


@transaction.atomic
def change_design(
    *, study: Study, design: StudyDesign, changed_at: datetime, changed_by: User | None
) -> Study:
    """Replace a draft's design.

    Its rankings and pools are forgotten when what they answer changes: the queries, the methods or
    the depth.

    Raises:
        NotADraftError: assessors judge already, or did.
        InvalidDesignError: as `create_study`; a study keeps its short name and collection.
    """
    locked = locked_draft(study, "changed")
    for key, named, kept in (
        ("slug", design.slug, locked.slug),
        ("collection", design.collection, locked.collection.slug),
    ):
        if named and named != kept:
            raise InvalidDesignError(f"{key} cannot change: it stays {kept!r}.", field=key)
    searched = (locked.methods, locked.depth)
    _take_fields(locked, design)
    locked.save()
    if searched == (locked.methods, locked.depth) and _same_queries(locked, design):
        _edit_categories(locked, design, at=changed_at, actor=changed_by)
    else:
        try:
            locked.categories.all().delete()
        except ProtectedError as error:
            raise NotADraftError("This study is planned already: its design is final.") from error
        _make_queries(locked, design, at=changed_at, actor=changed_by)
    accounts.record_event(
        actor=changed_by,
        action="study.change_design",
        object=f"study:{locked.slug}",
        at=changed_at,
        detail={"queries": len(design.queries)},
    )
    return locked


@transaction.atomic
def add_query(
    *,
    study: Study,
    query_id: str,
    category: str,
    added_at: datetime,
    added_by: User | None,
    image_id: str = "",
    file_name: str = "",
    content: bytes = b"",
) -> Query:
    """Add one query to a draft.

    Args:
        study: a draft.
        query_id: its name in the study.
        category: name of one of the study's.
        added_at: now.
        added_by: the admin; None for the command line.
        image_id: an image of the collection; or else
        file_name: of an image from outside, which is never a result, with its
        content: the bytes of that file.

    Raises:
        NotADraftError: the study is planned already.
        InvalidDesignError: the id is taken or unfit, the category or image unknown, the image
            excluded or asked twice.
        InvalidError: the file is not an image that can be read.
    """
    locked = locked_draft(study, "changed")
    found = locked.categories.filter(name=category).first()
    if found is None:
        names = ", ".join(locked.categories.values_list("name", flat=True))
        raise InvalidDesignError(
            f"category {category!r} is unknown; there are: {names}.", field="category"
        )
    query_id = query_id.strip()
    if not query_id or len(query_id) > 60 or len(query_id.split()) > 1:
        raise InvalidDesignError("id must have 1 to 60 characters and no blanks.", field="id")
    if locked.queries.filter(query_id=query_id).exists():
        raise InvalidDesignError(f"id {query_id!r} is given to another query.", field="id")
    field = "image" if image_id else "file"
    if image_id:
        known = locked.collection.images.filter(image_id=image_id).first()
        if known is None:
            raise InvalidDesignError(
                f"image {image_id} is not in the collection {locked.collection.slug}.", field=field
            )
        image = known
    else:
        image = catalog.add_query_image(
            collection=locked.collection, file_name=file_name, content=content
        )
    if image.excluded:
        raise InvalidDesignError(
            f"This image is {image.image_id}, which is excluded ({image.excluded}).", field=field
        )
    twin = locked.queries.filter(image=image).first()
    if twin is not None:
        raise InvalidDesignError(
            f"This image is asked about already, by query {twin.query_id!r}.", field=field
        )
    last = locked.queries.order_by("position").last()
    query = Query.objects.create(
        study=locked,
        category=found,
        query_id=query_id,
        position=last.position + 1 if last else 0,
        image=image,
    )
    accounts.record_event(
        actor=added_by,
        action="study.add_query",
        object=f"study:{locked.slug}",
        at=added_at,
        detail={"query": query_id},
    )
    return query


def locked_draft(study: Study, done: str) -> Study:
    locked = Study.objects.select_for_update().get(pk=study.pk)
    if locked.state != Study.State.DRAFT:
        raise NotADraftError(f"This study is {locked.state}: only a draft can be {done}.")
    return locked


def _take_fields(study: Study, design: StudyDesign) -> None:
    protocol = PROTOCOLS[design.protocol]
    study.name = design.name
    study.description = design.description
    study.protocol = protocol.name
    study.scale = list(protocol.scale)
    study.aggregations = list(protocol.aggregations)
    study.relevance = protocol.relevance
    study.methods = list(design.methods)
    study.depth = design.depth
    study.ranking_depth = max(RANKING_DEPTH, design.depth)
    study.overlap = design.overlap
    study.seed = design.seed


def _same_queries(study: Study, design: StudyDesign) -> bool:
    there = study.queries.order_by("position").values_list(
        "query_id", "category__name", "image__image_id"
    )
    names = study.categories.order_by("position").values_list("name", flat=True)
    wanted = [(query.id, query.category, query.image) for query in design.queries]
    return list(there) == wanted and list(names) == [item.name for item in design.categories]


def _edit_categories(
    study: Study, design: StudyDesign, *, at: datetime, actor: User | None
) -> dict[str, Category]:
    """Give the categories their groups and guidelines; those that are missing are made."""
    names = [name for category in design.categories for name in category.groups]
    groups = accounts.ensure_groups(names=names, at=at, actor=actor)
    made = {}
    for position, item in enumerate(design.categories):
        category, _ = Category.objects.update_or_create(
            study=study,
            name=item.name,
            defaults={
                "position": position,
                "guidelines": item.guidelines or PROTOCOLS[design.protocol].guidelines,
            },
        )
        category.groups.set([groups[name] for name in item.groups])
        made[item.name] = category
    return made


def _make_queries(study: Study, design: StudyDesign, *, at: datetime, actor: User | None) -> None:
    categories = _edit_categories(study, design, at=at, actor=actor)
    images = _images_of(study.collection, design)
    asked: dict[int, str] = {}
    for query, image in zip(design.queries, images, strict=True):
        if image.pk in asked:  # by image in one place and by file in the other
            raise _refused(query, f"the image is asked about already, by {asked[image.pk]!r}")
        asked[image.pk] = query.id
    Query.objects.bulk_create(
        (
            Query(
                study=study,
                category=categories[query.category],
                query_id=query.id,
                position=position,
                image=image,
            )
            for position, (query, image) in enumerate(zip(design.queries, images, strict=True))
        ),
        batch_size=500,
    )


def _images_of(collection: Collection, design: StudyDesign) -> list[Image]:
    """The images that the queries ask about, in the queries' order."""
    wanted = [query.image for query in design.queries if query.image]
    found: dict[str, Image] = {}
    for start in range(0, len(wanted), 500):
        batch = collection.images.filter(image_id__in=wanted[start : start + 500])
        found |= {image.image_id: image for image in batch}
    for query in design.queries:
        if query.image and query.image not in found:
            raise _refused(query, f"{query.image} is not in the collection {collection.slug}")
    images = []
    for query in design.queries:
        # Files last, once everything else is known to be right: they are written to the storage.
        image = found[query.image] if query.image else _image_from(query, collection=collection)
        if image.excluded:  # also when a file has the same bytes
            rule = f"{image.image_id} is excluded from the collection ({image.excluded})"
            raise _refused(query, rule)
        images.append(image)
    return images


def _image_from(query: QueryDesign, *, collection: Collection) -> Image:
    assert query.file is not None  # noqa: S101  the design gives an image or a file
    try:
        content = query.file.read_bytes()
        return catalog.add_query_image(
            collection=collection, file_name=query.file.name, content=content
        )
    except OSError as error:
        raise _refused(query, f"cannot be read ({error.strerror})") from error
    except InvalidError as error:  # no image that can be decoded
        raise InvalidDesignError(
            f"query {query.id!r}: {error}", field=query.path, where=query.where
        ) from error


def _refused(query: QueryDesign, rule: str) -> InvalidDesignError:
    key = "file" if query.file else "image"
    return InvalidDesignError(
        f"query {query.id!r}: {key} {rule}.", field=query.path, where=query.where
    )
