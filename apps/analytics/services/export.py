"""Write a study as a release folder, and as a zip for the browser."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
from django.db import connection, transaction
from django.db.models import Max

from apps.analytics import croissant
from apps.analytics.compute.consensus import consensus_levels
from apps.analytics.formats import csv_line, iso_utc
from apps.analytics.release_format import COLUMNS, FORMAT, VERSION
from apps.analytics.selectors import release
from apps.analytics.selectors.data import newest_judgment
from apps.analytics.selectors.report import Report, compute_report, in_fixed_order
from apps.analytics.services.folders import FolderWriter, new_folder
from apps.analytics.services.reports import write_report_files
from apps.assessment.models import Judgment
from apps.common.storage import BLOCK, checked
from apps.retrieval.compute.pooling import strictly_decreasing
from apps.retrieval.trec import trec_word
from apps.studies.models import Study

Step = Callable[[int], None]
STEPS = 4  # how many times `on_step` is called


def export_study(
    *,
    study: Study,
    folder: Path,
    names: bool = False,
    images: bool = False,
    on_step: Step = lambda done: None,
) -> int:
    """Write the release folder; it appears when it is whole.

    People may go on judging meanwhile: the release holds what was there when it began.

    Args:
        study: which one.
        folder: does not exist yet, or is empty.
        names: assessors by name instead of pseudonym.
        images: with the original images, where this site has them.
        on_step: told how many of `STEPS` are done.

    Returns:
        The number of current judgments in the release.

    Raises:
        FolderNotEmptyError: the folder holds something already.
    """
    with new_folder(folder) as writer:
        with _one_state():  # `on_step` writes, so it is told only before and after
            as_of = newest_judgment(study=study)
            labels = release.assessor_labels(study=study, names=names)
            _write_tables(study=study, labels=labels, as_of=as_of, writer=writer)
            _write_runs(study=study, writer=writer)
            report = compute_report(study=study, as_of=as_of, labels=labels)
            _write_qrels(study=study, labels=labels, as_of=as_of, report=report, writer=writer)
            design = _design_of(study)
            published = _date_of(study=study, as_of=as_of)
        on_step(1)
        write_report_files(report=report, writer=writer, prefix="report/")
        on_step(2)
        if images:
            _write_images(study=study, writer=writer)
        on_step(3)
        description = croissant.describe(
            report=report,
            sha256=dict(writer.sha256),
            sizes={name: (writer.folder / name).stat().st_size for name in writer.sha256},
            published=published,
        )
        writer.write_lines("croissant.json", [_json(description)])
        files = {name: writer.sha256[name] for name in sorted(writer.sha256)}
        writer.write_lines("study.json", [_json({**design, "files": files})])
        on_step(4)
    return int(report.counts["n_ratings"] + report.counts["n_unjudgeable"])


@contextmanager
def _one_state() -> Iterator[None]:
    """Read one state of the database throughout, where that keeps nobody from writing.

    On SQLite a transaction would (ours take the write lock at once): there the newest id, with
    which every judgment is read, does it, since SQLite gives ids in the order of commits.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _date_of(*, study: Study, as_of: int) -> str:
    newest: datetime | None = (
        Judgment.objects.of_study(study)
        .filter(id__lte=as_of)
        .aggregate(newest=Max("submitted_at"))["newest"]
    )
    return (newest or study.created_at).astimezone(UTC).date().isoformat()


def _design_of(study: Study) -> dict[str, Any]:
    """study.json but for the checksums: what no table holds.

    The addresses of study and collection on this site stay out of it.
    """
    return {
        "format": FORMAT,
        "name": study.name,
        "description": study.description,
        "protocol": study.protocol,
        "scale": in_fixed_order(study.scale),
        "aggregations": study.aggregations,
        "relevance": study.relevance,
        "categories": [
            {
                "name": category.name,
                "groups": sorted(group.name for group in category.groups.all()),
                "guidelines": category.guidelines,
                "guideline_version": category.guideline_version,
            }
            for category in study.categories.order_by("position").prefetch_related("groups")
        ],
        "methods": study.methods,
        "depth": study.depth,
        "ranking_depth": study.ranking_depth,
        "overlap": study.overlap,
        "seed": study.seed,
        "state": study.state,
        "is_simulated": study.is_simulated,
        "provenance": in_fixed_order(study.provenance),
        "created_at": iso_utc(study.created_at),
        "collection": {
            "name": study.collection.name,
            "description": study.collection.description,
        },
        "foreign_runs": release.foreign_runs(study=study),
        "versions": {"likeness": VERSION, "rankings": release.ranking_versions(study=study)},
    }


def table_lines(*, name: str, rows: Iterable[release.Cells]) -> Iterator[str]:
    """A table of the release as lines, its header first."""
    yield csv_line(COLUMNS[name])
    for row in rows:
        yield csv_line(row)


def _write_tables(
    *, study: Study, labels: dict[int, str], as_of: int, writer: FolderWriter
) -> None:
    collection, asked = study.collection, release.asked_about(study=study)
    tables: dict[str, Iterator[release.Cells]] = {
        "images.csv": release.image_rows(collection=collection, asked=asked),
        "captions.csv": release.caption_rows(collection=collection, asked=asked),
        "queries.csv": release.query_rows(study=study),
        "assessors.csv": release.assessor_rows(study=study, labels=labels),
        "assignments.csv": release.assignment_rows(study=study, labels=labels),
        "judgments.csv": release.judgment_rows(
            study=study, labels=labels, as_of=as_of, history=False
        ),
        "judgment_history.csv": release.judgment_rows(
            study=study, labels=labels, as_of=as_of, history=True
        ),
        "pools.csv": release.pool_rows(study=study),
    }
    for name, rows in tables.items():
        if name == "captions.csv":
            first = next(rows, None)
            if first is None:
                continue  # a collection without captions has no such file
            rows = _with(first, rows)
        writer.write_lines(name, table_lines(name=name, rows=rows))


def _with(first: release.Cells, rest: Iterator[release.Cells]) -> Iterator[release.Cells]:
    yield first
    yield from rest


def run_file(method: str) -> str:
    """The name of a method's run in the folder."""
    return f"runs/{trec_word(method).replace('/', '%2F')}.run"


def _write_runs(*, study: Study, writer: FolderWriter) -> None:
    id_of = release.image_ids(study=study)
    for method in study.methods:
        lines = _run_lines(study=study, method=method, id_of=id_of)
        first = next(lines, None)
        if first is not None:
            writer.write_lines(run_file(method), _joined(first, lines))


def _joined(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _run_lines(*, study: Study, method: str, id_of: dict[int, str]) -> Iterator[str]:
    """TREC lines whose scores fall strictly, also as float32, so that every tool agrees."""
    tag = trec_word(method)
    for query_id, pks, scores in release.run_of(study=study, method=method):
        topic = trec_word(query_id)
        falling = strictly_decreasing(scores=np.asarray(scores, np.float64)).astype(np.float32)
        for rank, (pk, score) in enumerate(zip(pks, falling, strict=True), start=1):
            yield f"{topic} Q0 {trec_word(id_of[pk])} {rank} {score!s} {tag}\n"


def _write_qrels(
    *,
    study: Study,
    labels: dict[int, str],
    as_of: int,
    report: Report,
    writer: FolderWriter,
) -> None:
    data = report.data
    lowest = int(data.levels[0])
    graded: list[tuple[str, str, int]] = []
    if data.ratings.n_items:
        id_of = release.image_ids(study=study)
        consensus = consensus_levels(data.ratings.tally(), levels=data.levels)
        graded = sorted(
            (data.query_ids[query], id_of[image], level)
            for query, image, level in zip(
                data.ratings.query.tolist(),
                data.item_image.tolist(),
                consensus.tolist(),
                strict=True,
            )
        )
    topics = [(trec_word(query_id), trec_word(image_id)) for query_id, image_id, _ in graded]

    def lines(grades: Iterable[int]) -> Iterator[str]:
        for (query_id, image_id), grade in zip(topics, grades, strict=True):
            yield f"{query_id} 0 {image_id} {grade}\n"

    # trec_eval counts a grade of 1 and above as relevant: the lowest level must be 0.
    writer.write_lines("qrels/graded.qrels", lines(level - lowest for *_, level in graded))
    for cut in data.cuts:
        assert cut.similar_from is not None  # noqa: S101  a cut in two
        similar_from = int(data.levels[cut.similar_from])
        writer.write_lines(
            f"qrels/{cut.name}.qrels", lines(int(level >= similar_from) for *_, level in graded)
        )
    judges = release.judge_qrels_rows(study=study, labels=labels, as_of=as_of)
    writer.write_lines(
        "qrels/judges.qrels",
        (
            f"{trec_word(query_id)} {trec_word(assessor)} {trec_word(image_id)} {level - lowest}\n"
            for query_id, assessor, image_id, level in judges
        ),
    )


def image_file(*, sha256: str, file_name: str) -> str:
    """The name of an original in the folder: its content's, with the ending it came with."""
    ending = Path(file_name).suffix.lower()
    return f"images/{sha256}{ending if ending.isascii() and ending[1:].isalnum() else ''}"


def _write_images(*, study: Study, writer: FolderWriter) -> None:
    rows = (
        release.release_images(collection=study.collection, asked=release.asked_about(study=study))
        .exclude(original="")
        .values_list("original", "sha256", "file_name")
    )
    for original, sha256, file_name in rows:
        name = image_file(sha256=sha256, file_name=file_name)
        if name not in writer.sha256:
            with checked(original, sha256=sha256) as file:
                writer.write(name, _blocks_of(file))


def _blocks_of(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block
