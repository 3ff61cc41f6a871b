"""Studies that are ready to judge, without running the steps before."""

from apps.accounts.models import User
from apps.assessment.models import Assignment, Participant, Task
from apps.retrieval.models import PoolEntry, PoolSource
from apps.studies.models import Study
from tests.factories import make_category, make_collection, make_query, make_study, make_user


def make_pooled_study(
    slug: str = "thorax",
    *,
    categories: dict[str, tuple[str, ...]] | None = None,
    n_queries: int = 2,
    n_candidates: int = 3,
    **fields,
) -> Study:
    """A draft study: per category `n_queries` queries with `n_candidates` pool entries each.

    Query number q of the study (from 0) is image q; its candidates are the images from 100 on.
    """
    categories = categories or {"Open Domain": ("CS",)}
    collection = make_collection(f"{slug}-images", n_images=100 + n_candidates)
    images = list(collection.images.order_by("ordinal"))
    study = make_study(slug, collection=collection, **fields)
    number = 0
    for name, groups in categories.items():
        category = make_category(study, name, groups=groups)
        for _ in range(n_queries):
            query = make_query(category, f"q{number:03d}", images[number])
            number += 1
            entries = PoolEntry.objects.bulk_create(
                PoolEntry(query=query, image=image) for image in images[100:]
            )
            PoolSource.objects.bulk_create(
                PoolSource(entry=entry, method="cld", rank=rank, score=-float(rank))
                for rank, entry in enumerate(entries, start=1)
            )
    return study


def make_participant(study: Study, user: User | None = None, *, pseudonym: str = "A01"):
    """Somebody who is to judge every query of the study, in its own order."""
    participant = Participant.objects.create(
        study=study, user=user or make_user(), pseudonym=pseudonym, groups=["CS"]
    )
    for position, query in enumerate(study.queries.order_by("position"), start=1):
        assignment = Assignment.objects.create(
            participant=participant, query=query, position=position
        )
        Task.objects.bulk_create(
            Task(assignment=assignment, entry=entry, position=place)
            for place, entry in enumerate(query.pool.order_by("image__ordinal"), start=1)
        )
    participant.n_tasks = Task.objects.filter(assignment__participant=participant).count()
    participant.save()
    return participant


def make_open_study(slug: str = "thorax", *, user: User | None = None, **more) -> Participant:
    """An open study with one assessor, `ada`, who judges two queries of three candidates."""
    study = make_pooled_study(slug, state=Study.State.OPEN, **more)
    return make_participant(study, user)


def tasks_of(participant: Participant) -> list[Task]:
    """In the assessor's own order."""
    return list(
        Task.objects.filter(assignment__participant=participant)
        .select_related("assignment__participant__user", "assignment__query__category", "entry")
        .order_by("assignment__position", "position")
    )
