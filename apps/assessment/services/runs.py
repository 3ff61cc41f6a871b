"""A foreign method joins a study, also one that is being judged: its pairs are dealt out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F

from apps.accounts.models import User
from apps.assessment.compute.ordering import joined_order
from apps.assessment.models import Assignment, Participant, Task
from apps.assessment.services.judging import StudyClosedError, recount_progress
from apps.retrieval.models import ForeignRun, PoolEntry
from apps.retrieval.services.runs import (
    Growth,
    RunText,
    are_built,
    grow_pools,
    read_run,
    store_run,
)
from apps.studies.models import Study

QUERIES_AT_ONCE = 50  # whose pools and tasks are in memory together
BATCH = 2_000
ASIDE = 2**30  # added to positions while they change: two of an assignment are never the same


@dataclass(frozen=True)
class Dealt:
    """New work: `reopened` are those who had finished."""

    n_tasks: int = 0
    n_assessors: int = 0
    n_reopened: int = 0
    n_unassigned: int = 0  # new pairs that nobody has: their query's assignments are closed


@dataclass(frozen=True)
class ImportedRun:
    """What the import of a run did, or would do."""

    run: ForeignRun
    is_new: bool
    text: RunText
    n_all_queries: int
    growth: Growth | None = None  # None: the pools are not built yet
    dealt: Dealt = field(default_factory=Dealt)

    @property
    def sentences(self) -> list[str]:
        """For people: what happened, in the order of interest."""
        return list(_sentences(self))


def import_run(
    *,
    study: Study,
    file: Iterable[bytes],
    file_name: str,
    imported_at: datetime,
    imported_by: User | None,
    method: str = "",
    in_pools: bool = True,
    preview: bool = False,
) -> ImportedRun:
    """Add a TREC run to a study as a method of its own: all of it, or nothing.

    The pools grow by its first `depth` results; what is there stays. In a study that is judged
    already the new pairs join the open assignments of their query, so that everyone who has the
    query judges them; their places are those they would have had from the start. Whoever had
    finished has work again.

    Args:
        study: with its queries.
        file: the run, as lines of bytes.
        file_name: for refusals and for the record.
        imported_at: now.
        imported_by: the person; None for the command line.
        method: what to call it; the tag of its lines when empty.
        in_pools: False: it is only reported on, and what it found alone stays unjudged.
        preview: give the same numbers and keep nothing.

    Raises:
        RunFileError: a line is wrong; names it.
        InvalidError, RunExistsError: the method cannot be called so.
        StudyClosedError: judging has ended, and pairs would join the pools.
    """
    text = read_run(study=study, file=file, name=file_name)
    with transaction.atomic():
        locked = Study.objects.select_for_update().get(pk=study.pk)
        if in_pools and locked.state == Study.State.CLOSED:
            raise StudyClosedError(
                f"This study is closed: nobody would judge what {file_name} adds to its pools. "
                "Open it again, or keep the run out of the pools (--no-pool)."
            )
        run, is_new = store_run(
            study=locked,
            run=text,
            method=method,
            file_name=file_name,
            in_pools=in_pools,
            imported_at=imported_at,
            imported_by=imported_by,
        )
        growth, dealt = None, Dealt()
        if is_new and are_built(study=locked):
            growth = grow_pools(run=run)
            dealt = _deal_out(locked, growth.new)
        done = ImportedRun(run, is_new, text, locked.queries.count(), growth, dealt)
        if preview:
            transaction.set_rollback(True)
    return done


def _deal_out(study: Study, new: Mapping[int, Sequence[int]]) -> Dealt:
    """Give the new entries of each query to everyone who has the query, and count anew."""
    assignments = list(
        Assignment.objects.filter(query__in=new, closed_at__isnull=True)
        .select_related("participant", "query")
        .order_by("query", "participant")
    )
    n_tasks = 0
    for start in range(0, len(new), QUERIES_AT_ONCE):
        some = list(new)[start : start + QUERIES_AT_ONCE]
        n_tasks += _add_tasks(
            study, [own for own in assignments if own.query_id in some], {q: new[q] for q in some}
        )
    people = {own.participant_id: own.participant for own in assignments}
    if n_tasks:
        recount_progress(study=study)
    return Dealt(
        n_tasks=n_tasks,
        n_assessors=len(people),
        n_reopened=sum(own.n_done == own.n_tasks for own in people.values()),
        n_unassigned=sum(
            len(entries)
            for query, entries in new.items()
            if query not in {own.query_id for own in assignments}
        )
        if Participant.objects.filter(study=study).exists()
        else 0,
    )


def _add_tasks(
    study: Study, assignments: Sequence[Assignment], new: Mapping[int, Sequence[int]]
) -> int:
    own_ids = [own.pk for own in assignments]
    there: dict[int, dict[str, tuple[int, int]]] = defaultdict(dict)  # image_id -> task, position
    tasks = Task.objects.filter(assignment__in=own_ids).order_by("assignment", "position")
    for assignment_id, image_id, pk, position in tasks.values_list(
        "assignment", "entry__image__image_id", "pk", "position"
    ):
        there[assignment_id][image_id] = (pk, position)
    image_ids = dict(
        PoolEntry.objects.filter(query__in=new).order_by().values_list("pk", "image__image_id")
    )
    moved: list[tuple[int, int]] = []
    added: list[Task] = []
    for assignment in assignments:
        known = there[assignment.pk]
        joining = {image_ids[entry]: entry for entry in new[assignment.query_id]}
        order = joined_order(
            list(known),
            joining,
            seed=study.seed,
            assessor=assignment.participant.pseudonym,
            query_id=assignment.query.query_id,
        )
        for position, image_id in enumerate(order, start=1):
            if image_id in joining:
                entry = joining[image_id]
                added.append(Task(assignment=assignment, entry_id=entry, position=position))
            elif known[image_id][1] != position:
                moved.append((known[image_id][0], position))
    _move(moved)
    Task.objects.filter(assignment__in=own_ids, position__gte=ASIDE).update(
        position=F("position") - ASIDE
    )
    Task.objects.bulk_create(added, batch_size=BATCH)
    return len(added)


def _move(positions: Sequence[tuple[int, int]]) -> None:
    """Put tasks at positions above `ASIDE`; (task, position) pairs.

    SQL, for the judges of a study wait meanwhile: by the ORM this takes twenty times as long.
    """
    table = connection.ops.quote_name(Task._meta.db_table)
    for start in range(0, len(positions), BATCH):
        some = positions[start : start + BATCH]
        rows = ", ".join(["(%s, %s)"] * len(some))
        with connection.cursor() as cursor:
            cursor.execute(
                # Nothing but placeholders is put together.
                f"UPDATE {table} SET position = moved.column2 "  # noqa: S608
                f"FROM (VALUES {rows}) AS moved WHERE {table}.id = moved.column1",
                [value for pk, position in some for value in (pk, position + ASIDE)],
            )


def _sentences(done: ImportedRun) -> Iterable[str]:
    run, text, growth, dealt = done.run, done.text, done.growth, done.dealt
    if not done.is_new:
        yield f"{run.method} is this file already: nothing changed."
        return
    yield (
        f"{run.method}: {_n(text.n_lines, 'result')} for {len(text.rankings):,} of "
        f"{_n(done.n_all_queries, 'query', 'queries')}."
    )
    if text.n_excluded or text.n_own:
        yield (
            f"Passed over in its rankings: {text.n_excluded:,} screened out of the collection, "
            f"{text.n_own:,} being the query's own image."
        )
    if not run.in_pools:
        yield "It stays out of the pools; judged@N says how much of it was judged."
    elif growth is None:
        yield "It joins the pools when they are built."
    else:
        yield f"{growth.n_new:,} of its {_n(growth.n_pairs, 'pair')} are new in the pools."
        if dealt.n_tasks:
            yield (
                f"They are dealt out as {_n(dealt.n_tasks, 'task')} to "
                f"{_n(dealt.n_assessors, 'assessor')}"
                + (f", {dealt.n_reopened:,} of whom had finished." if dealt.n_reopened else ".")
            )
        if dealt.n_unassigned:
            yield (
                "Without an open assignment of their query, so that nobody judges them: "
                f"{_n(dealt.n_unassigned, 'new pair')}."
            )


def _n(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"
