"""Deterministic rows for tests: the same call gives the same row, nothing is random."""

from datetime import UTC, datetime

from apps.accounts.models import ExpertiseGroup, Role, User
from apps.catalog.models import Collection, Image
from apps.studies.models import Category, Query, Study

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

SCALE = [
    {"level": 5, "name": "Very similar", "description": ""},
    {"level": 4, "name": "Similar", "description": ""},
    {"level": 3, "name": "Somewhat similar", "description": ""},
    {"level": 2, "name": "Graphically similar", "description": "Look alike, other content"},
    {"level": 1, "name": "Very different", "description": ""},
]
AGGREGATIONS = ["1-2345", "12-345", "123-45", "1234-5"]


def make_user(username: str = "ada", *, role: str = Role.ASSESSOR, groups: tuple[str, ...] = ()):
    user = User.objects.create_user(username, password="a long password", role=role)
    for name in groups:
        group, _ = ExpertiseGroup.objects.get_or_create(name=name)
        user.groups_of_expertise.add(group)
    return user


def make_collection(slug: str = "animals", *, n_images: int = 0) -> Collection:
    """A collection with `n_images` image rows `0000.png`, ... that have no files."""
    collection = Collection.objects.create(slug=slug, name=slug.title(), created_at=NOON)
    Image.objects.bulk_create(
        Image(
            collection=collection,
            image_id=f"{ordinal:04d}.png",
            file_name=f"{ordinal:04d}.png",
            ordinal=ordinal,
            sha256=f"{ordinal:064x}",
            width=64,
            height=48,
        )
        for ordinal in range(n_images)
    )
    return collection


def make_study(slug: str = "thorax", *, collection: Collection | None = None, **fields) -> Study:
    defaults = {
        "name": slug.title(),
        "collection": collection or make_collection(),
        "scale": SCALE,
        "aggregations": AGGREGATIONS,
        "methods": ["cld", "ehd"],
        "depth": 3,
        "overlap": 0.1,
        "seed": 2017,
        "created_at": NOON,
    }
    return Study.objects.create(slug=slug, **(defaults | fields))


def make_category(study: Study, name: str = "Open Domain", *, groups: tuple[str, ...] = ("CS",)):
    category = Category.objects.create(study=study, name=name, position=study.categories.count())
    for group_name in groups:
        group, _ = ExpertiseGroup.objects.get_or_create(name=group_name)
        category.groups.add(group)
    return category


def make_query(category: Category, query_id: str, image: Image) -> Query:
    study = category.study
    return Query.objects.create(
        study=study,
        category=category,
        query_id=query_id,
        position=study.queries.count(),
        image=image,
    )
