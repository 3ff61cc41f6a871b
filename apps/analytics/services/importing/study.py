"""Make the rows of a study from a release folder, in one transaction."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from apps.accounts.models import User
from apps.accounts.services import ensure_groups, record_event
from apps.analytics.compute.precision import ranking_order
from apps.analytics.release_format import ONLY_JUDGED, WHOLE_POOL
from apps.analytics.release_reader import Folder, ReleaseError, RunLine
from apps.analytics.services.importing.design import (
    DEFAULT_CATEGORY,
    CategoryText,
    ReleaseDesign,
    read_design,
)
from apps.analytics.services.importing.images import (
    AttachedImages,
    attach_images,
    make_collection,
    matching_collection,
)
from apps.analytics.services.importing.judgments import (
    Key,
    Verdicts,
    read_verdicts,
    verdicts_of,
    write_verdicts,
)
from apps.assessment.models import Assignment, Participant, Task
from apps.assessment.services import recount_progress
from apps.catalog.models import Image
from apps.common.errors import ConflictError
from apps.retrieval.models import PoolEntry, PoolSource, Ranking
from apps.studies.methods import LONGEST_NAME
from apps.studies.models import Category, Query, Study

BATCH = 2_000


class StudyExistsError(ConflictError):
    """A study has the address that the release's would get."""

    code = "study_exists"


@dataclass(frozen=True)
class Imported:
    """What an import made."""

    study: Study
    placeholder: bool  # a collection was made for the release's images
    images: AttachedImages


@dataclass(frozen=True)
class QueryText:
    query_id: str
    category: str
    image_id: str
    position: int


@dataclass
class RankingText:
    images: list[str]
    scores: list[float]


@dataclass
class AssignmentText:
    common: bool
    position: int
    closed_at: datetime | None
    covers: str


@dataclass
class Release:
    """All of a release but the judgments themselves, checked, before any row is made."""

    folder: Folder
    design: ReleaseDesign
    categories: tuple[CategoryText, ...]
    queries: list[QueryText]
    assessors: dict[str, tuple[list[str], bool]]  # groups, simulated
    assignments: dict[tuple[str, str], AssignmentText]  # (assessor, query_id)
    verdicts: Verdicts
    rankings: dict[str, dict[str, RankingText]] = field(default_factory=dict)  # by method, query
    pools: dict[tuple[str, str], dict[str, tuple[int, float]]] = field(default_factory=dict)

    @property
    def methods(self) -> list[str]:
        """Those of study.json, then any other that has a run or stands in a pool."""
        in_pools = {method for sources in self.pools.values() for method in sources}
        others = sorted((set(self.rankings) | in_pools) - set(self.design.methods))
        return [*self.design.methods, *others]


def import_study(*, path: Path, imported_at: datetime, slug: str = "") -> Imported:
    """Import a release: everything, or nothing and one sentence that says where it is wrong.

    Needs `study.json` with a name and `queries.csv`; all else has defaults (docs/metrics.md and
    the researcher's guide list them). Assessors become inactive people without a password.

    Args:
        path: the release folder.
        imported_at: stands in for times that the release does not give.
        slug: the study's address; made from its name when empty.

    Raises:
        ReleaseError: a file is wrong; names file, line and column.
        ChangedFileError: a file differs from its SHA-256 in study.json.
        StudyExistsError: there is a study of this address.
    """
    folder = Folder(path)
    design = read_design(folder=folder, imported_at=imported_at)
    address = slug or slugify(design.name)[:60].strip("-")
    if not address or address != slugify(address) or len(address) > 60:
        raise ReleaseError("Give --slug: 1 to 60 small letters, digits and hyphens.", field="slug")
    if Study.objects.filter(slug=address).exists():
        raise _exists(address)
    release = _read(folder, design)
    try:
        with transaction.atomic():
            study, placeholder = _write(release, address, imported_at)
    except IntegrityError as error:
        if Study.objects.filter(slug=address).exists():  # made by somebody else meanwhile
            raise _exists(address) from error
        raise
    images = attach_images(folder=path, collection=study.collection)
    return Imported(study, placeholder, images)


def _exists(slug: str) -> StudyExistsError:
    return StudyExistsError(
        f"There is a study {slug!r} already; give another --slug.", field="slug"
    )


# --- reading ------------------------------------------------------------------------------------


def _read(folder: Folder, design: ReleaseDesign) -> Release:
    queries = _read_queries(folder)
    names = list(dict.fromkeys(query.category for query in queries))
    categories = design.categories or tuple(CategoryText(name, (), "", 1) for name in names)
    known = {category.name for category in categories}
    if missing := [name for name in names if name not in known]:
        folder.refuse("categories", f"{missing[0]!r} of queries.csv is missing.")
    verdicts = read_verdicts(folder=folder, levels=design.levels)
    release = Release(
        folder=folder,
        design=design,
        categories=categories,
        queries=queries,
        assessors=_read_assessors(folder),
        assignments=_read_assignments(folder, {query.query_id for query in queries}),
        verdicts=verdicts,
    )
    _check_people(release)
    _read_runs(release)
    _read_pools(release)
    _check_images(release)
    return release


def _read_queries(folder: Folder) -> list[QueryText]:
    if not folder.has("queries.csv"):
        raise ReleaseError("The file is missing.", field="query_id", where="queries.csv")
    queries: list[QueryText] = []
    seen: dict[str, set[object]] = {"query_id": set(), "image_id": set(), "position": set()}
    for place, row in enumerate(folder.rows("queries.csv", required=["query_id"])):
        query_id = row.text("query_id", most=60)
        position = row.whole("position")
        query = QueryText(
            query_id=query_id,
            category=row.text("category", most=100, default=DEFAULT_CATEGORY),
            image_id=row.text("image_id", most=300, default=query_id),
            position=place if position is None else position,
        )
        if query.category.lower() == "all":
            row.refuse("category", "must not be `all`, which stands for all categories")
        for column, taken in seen.items():
            value = getattr(query, column)
            if value in taken:
                row.refuse(column, "must not occur twice")
            taken.add(value)
        queries.append(query)
    if not queries:
        raise ReleaseError("There is no query.", field="query_id", where="queries.csv:1")
    return queries


def _read_assessors(folder: Folder) -> dict[str, tuple[list[str], bool]]:
    assessors: dict[str, tuple[list[str], bool]] = {}
    for row in folder.rows("assessors.csv", required=["assessor"]):
        name = row.text("assessor", most=100)
        if name in assessors:
            row.refuse("assessor", "must not occur twice")
        groups = [group for group in row.cells.get("groups", "").split(";") if group]
        if any(len(group) > 60 for group in groups):
            row.refuse("groups", "must have names of at most 60 characters")
        assessors[name] = (groups, row.flag("simulated"))
    return assessors


def _read_assignments(folder: Folder, query_ids: set[str]) -> dict[tuple[str, str], AssignmentText]:
    assignments: dict[tuple[str, str], AssignmentText] = {}
    taken: dict[str, set[int]] = defaultdict(set)
    for row in folder.rows("assignments.csv", required=["assessor", "query_id"]):
        assessor, query_id = row.text("assessor", most=100), row.text("query_id", most=60)
        if query_id not in query_ids:
            row.refuse("query_id", "must be in queries.csv")
        if (assessor, query_id) in assignments:
            row.refuse("query_id", "must not be assigned to the same assessor twice")
        position = row.whole("position")
        position = len(taken[assessor]) if position is None else position
        if position in taken[assessor]:
            row.refuse("position", "must not occur twice for an assessor")
        taken[assessor].add(position)
        covers = row.text("pairs", most=10, default=WHOLE_POOL)
        if covers not in {WHOLE_POOL, ONLY_JUDGED}:
            row.refuse("pairs", f"must be `{WHOLE_POOL}` or `{ONLY_JUDGED}`")
        assignments[assessor, query_id] = AssignmentText(
            common=row.flag("common"),
            position=position,
            closed_at=row.time("closed_at"),
            covers=covers,
        )
    return assignments


def _check_people(release: Release) -> None:
    """Complete assessors and assignments from the judgments where there are no tables of them."""
    folder, query_ids = release.folder, {query.query_id for query in release.queries}
    has_assessors, has_assignments = folder.has("assessors.csv"), folder.has("assignments.csv")
    for assessor, _ in release.assignments:
        if assessor not in release.assessors:
            if has_assessors:
                _refuse_first(folder, "assignments.csv", "assessor", assessor, "assessors.csv")
            release.assessors[assessor] = ([], False)
    judges: dict[str, set[str]] = defaultdict(set)
    for query_id, _, assessor in release.verdicts.newest:
        judges[query_id].add(assessor)
    file = release.verdicts.file
    for query_id in sorted(judges):
        if query_id not in query_ids:
            _refuse_first(folder, file, "query_id", query_id, "queries.csv")
    counts: dict[str, int] = defaultdict(int)
    for query in sorted(release.queries, key=lambda query: query.position):
        for assessor in sorted(judges[query.query_id]):
            if assessor not in release.assessors:
                if has_assessors:
                    _refuse_first(folder, file, "assessor", assessor, "assessors.csv")
                release.assessors[assessor] = ([], False)
            if (assessor, query.query_id) in release.assignments:
                continue
            if has_assignments:
                _refuse_first(folder, file, "assessor", assessor, "assignments.csv (this query)")
            release.assignments[assessor, query.query_id] = AssignmentText(
                common=len(judges[query.query_id]) > 1,
                position=counts[assessor],
                closed_at=None,
                covers=ONLY_JUDGED,
            )
            counts[assessor] += 1


def _refuse_first(folder: Folder, file: str, column: str, value: str, table: str) -> None:
    """Refuse the first row of a file that has a value; found again to name its line."""
    for row in folder.rows(file, required=[column]):
        if row.cells[column] == value:
            row.refuse(column, f"must be in {table}")


def _read_runs(release: Release) -> None:
    query_ids = {query.query_id for query in release.queries}
    for method in release.folder.methods_with_runs():
        if len(method) > LONGEST_NAME:
            raise ReleaseError(
                f"A method's name has at most {LONGEST_NAME} characters.",
                field="method",
                where="runs",
            )
        found: dict[str, list[RunLine]] = defaultdict(list)
        seen: set[tuple[str, str]] = set()
        name = ""
        for name, line in release.folder.run_lines(method):
            where = f"{name}:{line.line}"
            if line.query_id not in query_ids:
                raise ReleaseError(
                    f"column query: {line.query_id!r} must be in queries.csv.",
                    field="query",
                    where=where,
                )
            if len(line.image_id) > 300:
                raise ReleaseError(
                    "column image: must have at most 300 characters.", field="image", where=where
                )
            if (line.query_id, line.image_id) in seen:
                raise ReleaseError(
                    f"column image: {line.image_id!r} must not occur twice for a query.",
                    field="image",
                    where=where,
                )
            seen.add((line.query_id, line.image_id))
            found[line.query_id].append(line)
        release.rankings[method] = {}
        for query_id, lines in found.items():
            scores = np.asarray([line.score for line in lines])
            order = ranking_order(scores, [line.image_id for line in lines])
            release.rankings[method][query_id] = RankingText(
                images=[lines[place].image_id for place in order],
                scores=[lines[place].score for place in order],
            )


def _read_pools(release: Release) -> None:
    """Pools of pools.csv; without it the union of the runs at the study's depth."""
    if not release.folder.has("pools.csv"):
        for method, rankings in release.rankings.items():
            for query_id, ranking in rankings.items():
                top = zip(ranking.images, ranking.scores, strict=True)
                for rank, (image_id, score) in enumerate(top, start=1):
                    if rank > release.design.depth:
                        break
                    sources = release.pools.setdefault((query_id, image_id), {})
                    sources[method] = (rank, score)
        return
    query_ids = {query.query_id for query in release.queries}
    required = ["query_id", "image_id", "method", "rank", "score"]
    for row in release.folder.rows("pools.csv", required=required):
        query_id, image_id = row.text("query_id", most=60), row.text("image_id", most=300)
        if query_id not in query_ids:
            row.refuse("query_id", "must be in queries.csv")
        method = row.text("method", most=LONGEST_NAME)
        sources = release.pools.setdefault((query_id, image_id), {})
        if method in sources:
            row.refuse("method", "must not find a pair twice")
        if (found_at := row.whole("rank", least=1)) is None:
            row.refuse("rank", "a value is missing")
        sources[method] = (found_at, row.number("score"))


def _check_images(release: Release) -> None:
    """Every image that anything names must be in images.csv, where there is one."""
    folder = release.folder
    if not folder.has("images.csv"):
        return
    rows = folder.rows("images.csv", required=["image_id"])
    known = {row.cells["image_id"] for row in rows}
    tables: list[tuple[str, Iterable[str]]] = [
        ("queries.csv", (query.image_id for query in release.queries)),
        (release.verdicts.file, (image_id for _, image_id, _ in release.verdicts.newest)),
        ("pools.csv", (image_id for _, image_id in release.pools)),
    ]
    for file, image_ids in tables:
        missing = {image_id for image_id in image_ids if image_id not in known}
        if missing and folder.has(file):
            for row in folder.rows(file, required=[]):
                if row.cells.get("image_id") in missing:
                    row.refuse("image_id", "must be in images.csv")
    for method, rankings in release.rankings.items():
        if all(known.issuperset(ranking.images) for ranking in rankings.values()):
            continue
        for name, line in folder.run_lines(method):  # once more, to say where
            if line.image_id not in known:
                raise ReleaseError(
                    f"column image: {line.image_id!r} must be in images.csv.",
                    field="image",
                    where=f"{name}:{line.line}",
                )


# --- writing ------------------------------------------------------------------------------------


def _write(release: Release, slug: str, imported_at: datetime) -> tuple[Study, bool]:
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
