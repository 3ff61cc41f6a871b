"""Make the rows of a study from a checked release."""

from collections import defaultdict
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.utils.text import slugify

from apps.accounts.models import User
from apps.accounts.services import ensure_groups, record_event
from apps.analytics.release_format import WHOLE_POOL
from apps.analytics.services.importing.images import (
    make_collection,
    matching_collection,
)
from apps.analytics.services.importing.judgments import (
    Key,
    verdicts_of,
    write_verdicts,
)
from apps.analytics.services.importing.release import Release
from apps.assessment.models import Assignment, Judgment, Participant, Task
from apps.assessment.services import recount_progress
from apps.catalog.models import Image
from apps.common.statistics import refresh_statistics
from apps.retrieval.models import ForeignRanking, ForeignRun, PoolEntry, PoolSource, Ranking
from apps.studies.models import Category, Query, Study

BATCH = 2_000


def write_study(*, release: Release, slug: str, imported_at: datetime) -> tuple[Study, bool]:
    """Make the rows; True when a collection was made for the release's images."""
    design = release.design
    asked = {query.image_id for query in release.queries}
    results = {image_id for _, image_id in release.pools}
    results |= {image_id for _, image_id, _ in release.verdicts.newest}
    for rankings in release.rankings.values():
        for ranking in rankings.values():
            results.update(ranking.images)
    collection = matching_collection(
        folder=release.folder, name=design.collection_name, asked=asked
    )
    placeholder = collection is None
    if collection is None:
        collection = make_collection(
            folder=release.folder,
            name=design.collection_name,
            description=design.collection_description,
            slug=f"{slug}-images",
            created_at=imported_at,
            results=results,
            asked=asked,
        )
    study = Study.objects.create(
        slug=slug,
        name=design.name,
        description=design.description,
        collection=collection,
        state=design.state,
        protocol=design.protocol,
        scale=design.scale,
        aggregations=design.aggregations,
        relevance=design.relevance,
        methods=release.methods,
        depth=design.depth,
        ranking_depth=design.ranking_depth,
        overlap=design.overlap,
        seed=design.seed,
        is_simulated=design.is_simulated,
        provenance=design.provenance,
        created_at=design.created_at,
    )
    pk_of = dict(
        Image.objects.filter(collection=collection, image_id__in=asked | results).values_list(
            "image_id", "pk"
        )
        if len(asked | results) <= BATCH
        else Image.objects.filter(collection=collection).values_list("image_id", "pk")
    )
    queries = _write_queries(release, study, pk_of, imported_at)
    _write_rankings(release, queries, pk_of)
    _write_foreign_runs(release, study, pk_of, imported_at)
    entries = _write_pools(release, queries, pk_of)
    people = _write_participants(release, study, imported_at)
    tasks = _write_tasks(release, people, queries, entries)
    write_verdicts(
        verdicts=verdicts_of(
            folder=release.folder, file=release.verdicts.file, levels=design.levels
        ),
        task_of=tasks,
        participant_of={name: person.pk for name, person in people.items()},
        created_at=design.created_at,
    )
    refresh_statistics(Assignment, Judgment, PoolEntry, PoolSource, Ranking, Task)
    recount_progress(study=study)
    record_event(
        actor=None,
        action="study.import",
        object=f"study:{slug}",
        at=imported_at,
        detail={"name": design.name},
    )
    return study, placeholder


def _write_queries(
    release: Release, study: Study, pk_of: dict[str, int], imported_at: datetime
) -> dict[str, Query]:
    categories: dict[str, Category] = {}
    for position, text in enumerate(release.categories):
        category = Category.objects.create(
            study=study,
            name=text.name,
            position=position,
            guidelines=text.guidelines,
            guideline_version=text.guideline_version,
        )
        groups = ensure_groups(names=text.groups, at=imported_at)
        category.groups.add(*groups.values())
        categories[text.name] = category
    queries = Query.objects.bulk_create(
        (
            Query(
                study=study,
                category=categories[query.category],
                query_id=query.query_id,
                position=query.position,
                image_id=pk_of[query.image_id],
            )
            for query in release.queries
        ),
        batch_size=BATCH,
    )
    return {query.query_id: query for query in queries}


def _write_rankings(release: Release, queries: dict[str, Query], pk_of: dict[str, int]) -> None:
    for method, rankings in release.rankings.items():
        version_of: dict[str, str] = {}
        for version, which in release.design.versions.get(method, {}).items():
            chosen = which if isinstance(which, list) else rankings
            version_of.update((str(query_id), str(version)[:100]) for query_id in chosen)
        Ranking.objects.bulk_create(
            (
                Ranking(
                    query=queries[query_id],
                    method=method,
                    images=[pk_of[image_id] for image_id in ranking.images],
                    scores=ranking.scores,
                    version=version_of.get(query_id, ""),
                )
                for query_id, ranking in rankings.items()
            ),
            batch_size=100,
        )


def _write_foreign_runs(
    release: Release, study: Study, pk_of: dict[str, int], imported_at: datetime
) -> None:
    """Methods that are not ours are kept like imported runs, so that pools can be built again."""
    for text in release.foreign_runs(imported_at=imported_at):
        run = ForeignRun.objects.create(
            study=study,
            method=text.method,
            file_name=text.file_name,
            sha256=text.sha256,
            n_lines=text.n_lines,
            in_pools=text.in_pools,
            imported_at=text.imported_at,
        )
        ForeignRanking.objects.bulk_create(
            (
                ForeignRanking(
                    run=run,
                    query_id=query_id,
                    images=[pk_of[image_id] for image_id in ranking.images],
                    scores=ranking.scores,
                )
                for query_id, ranking in release.rankings.get(text.method, {}).items()
            ),
            batch_size=100,
        )


def _write_pools(
    release: Release, queries: dict[str, Query], pk_of: dict[str, int]
) -> dict[str, dict[str, int]]:
    """Store pools; judged pairs that no method found are entries without a source.

    Returns:
        Primary keys of entries by query_id and image_id.
    """
    judged = {(query_id, image_id) for query_id, image_id, _ in release.verdicts.newest}
    pairs = sorted(judged | set(release.pools))
    entries: dict[str, dict[str, int]] = defaultdict(dict)
    for start in range(0, len(pairs), BATCH):
        block = pairs[start : start + BATCH]
        made = PoolEntry.objects.bulk_create(
            PoolEntry(query=queries[query_id], image_id=pk_of[image_id])
            for query_id, image_id in block
        )
        for (query_id, image_id), entry in zip(block, made, strict=True):
            entries[query_id][image_id] = entry.pk
        PoolSource.objects.bulk_create(
            PoolSource(entry_id=entries[query_id][image_id], method=method, rank=rank, score=score)
            for query_id, image_id in block
            for method, (rank, score) in release.pools.get((query_id, image_id), {}).items()
        )
    return entries


def _write_tasks(
    release: Release,
    people: dict[str, Participant],
    queries: dict[str, Query],
    entries: dict[str, dict[str, int]],
) -> dict[Key, int]:
    """Store assignments and tasks; return the task of each judged pair."""
    made = Assignment.objects.bulk_create(
        (
            Assignment(
                participant=people[assessor],
                query=queries[query_id],
                common=text.common,
                position=text.position,
                closed_at=text.closed_at,
            )
            for (assessor, query_id), text in release.assignments.items()
        ),
        batch_size=BATCH,
    )
    assignments = dict(zip(release.assignments, made, strict=True))
    judged: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for (query_id, image_id, assessor), sequence in release.verdicts.first_sequence.items():
        judged[assessor, query_id][image_id] = sequence
    task_of: dict[Key, int] = {}
    waiting: list[tuple[Key, Task]] = []

    def store() -> None:
        Task.objects.bulk_create([task for _, task in waiting])
        task_of.update((key, task.pk) for key, task in waiting if key[1] in judged[key[2], key[0]])
        waiting.clear()

    for (assessor, query_id), text in release.assignments.items():
        own = judged[assessor, query_id]
        # In the order in which they were judged; then what is left, in the order of names.
        covered = sorted(own, key=lambda image_id: (own[image_id], image_id))
        if text.covers == WHOLE_POOL:
            pool = entries.get(query_id, {})
            covered += sorted(
                image_id
                for image_id in pool
                if image_id not in own and (query_id, image_id) in release.pools
            )
        for position, image_id in enumerate(covered):
            task = Task(
                assignment=assignments[assessor, query_id],
                entry_id=entries[query_id][image_id],
                position=position,
            )
            waiting.append(((query_id, image_id, assessor), task))
        if len(waiting) >= BATCH:
            store()
    store()
    return task_of


def _write_participants(
    release: Release, study: Study, imported_at: datetime
) -> dict[str, Participant]:
    """Inactive people without a password stand behind the release's words for assessors."""
    ensure_groups(
        names=sorted({name for groups, _ in release.assessors.values() for name in groups}),
        at=imported_at,
    )
    taken = set(User.objects.values_list("username", flat=True))
    users: list[User] = []
    for assessor, (_, simulated) in release.assessors.items():
        wanted = f"{study.slug}-{slugify(assessor) or 'assessor'}"[:140]
        username, number = wanted, 1
        while username in taken:
            number += 1
            username = f"{wanted}-{number}"
        taken.add(username)
        users.append(
            User(
                username=username,
                display_name=assessor,
                password=make_password(None),
                is_active=False,
                is_simulated=simulated,
            )
        )
    made = User.objects.bulk_create(users, batch_size=BATCH)
    participants = Participant.objects.bulk_create(
        (
            Participant(study=study, user=user, pseudonym=assessor, groups=groups)
            for user, (assessor, (groups, _)) in zip(made, release.assessors.items(), strict=True)
        ),
        batch_size=BATCH,
    )
    return {participant.pseudonym: participant for participant in participants}
