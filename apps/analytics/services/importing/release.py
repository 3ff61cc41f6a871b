"""What a release folder says of a study, checked before any row is made."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

import numpy as np

from apps.analytics.compute.precision import ranking_order
from apps.analytics.release_format import ONLY_JUDGED, WHOLE_POOL
from apps.analytics.release_reader import Folder, ReleaseError
from apps.analytics.services.importing.design import (
    DEFAULT_CATEGORY,
    CategoryText,
    ReleaseDesign,
    RunText,
)
from apps.analytics.services.importing.judgments import (
    Verdicts,
    read_verdicts,
)
from apps.retrieval import registry
from apps.retrieval.fusions import is_fusion
from apps.retrieval.trec import RunLine
from apps.studies.methods import LONGEST_NAME

LONGEST_RUN = 60  # characters of a foreign method's name


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

    def foreign_runs(self, *, imported_at: datetime) -> list[RunText]:
        """Those that study.json tells of; where it does not, every method that is not ours."""
        if self.design.foreign_runs is not None:
            return list(self.design.foreign_runs)
        in_pools = {method for sources in self.pools.values() for method in sources}
        return [
            RunText(
                method=method,
                file_name=PurePosixPath(self.folder.run_file(method)).name,
                sha256=self.folder.sha256_of(self.folder.run_file(method)),
                n_lines=sum(len(ranking.images) for ranking in rankings.values()),
                in_pools=method in in_pools,
                imported_at=imported_at,
            )
            for method, rankings in self.rankings.items()
            if method not in registry.method_names()
            and not is_fusion(name=method)
            and len(method) <= LONGEST_RUN
        ]


def read_release(*, folder: Folder, design: ReleaseDesign) -> Release:
    """Read and check everything but the judgments themselves.

    Raises:
        ReleaseError: a file is wrong; names file, line and column.
    """
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
