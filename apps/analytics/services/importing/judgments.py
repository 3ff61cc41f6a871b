"""Judgments of a release: checked in one pass over the file, written in a second."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from apps.analytics.release_format import JUDGED, UNJUDGEABLE
from apps.analytics.release_reader import Folder, Row
from apps.assessment.models import Judgment

BATCH = 2_000
REQUIRED = ["query_id", "image_id", "assessor", "level"]
CURRENT, HISTORY = "judgments.csv", "judgment_history.csv"

Key = tuple[str, str, str]  # query_id, image_id, assessor


@dataclass(frozen=True)
class Verdict:
    """One row: a level, or why there is none."""

    key: Key
    level: int | None
    reason: str
    revision: int
    sequence: int
    row: Row


@dataclass
class Verdicts:
    """What the first pass found.

    Attributes:
        file: where the judgments are read from: the history, or the current ones alone.
        newest: revision and level of each pair's newest judgment.
        first_sequence: when each pair was first judged, in its assessor's count.
    """

    file: str
    newest: dict[Key, tuple[int, int | None]] = field(default_factory=dict)
    first_sequence: dict[Key, int] = field(default_factory=dict)


def read_verdicts(*, folder: Folder, levels: list[int]) -> Verdicts:
    """Check every judgment of a release and note which pairs are judged.

    Raises:
        ReleaseError: a row is wrong, or the two files do not fit; names file, line and column.
    """
    has_history = folder.has(HISTORY)
    found = Verdicts(file=HISTORY if has_history else CURRENT)
    counts: dict[Key, int] = {}
    later: set[tuple[Key, int]] = set()
    last_row: dict[Key, Row] = {}
    sequences: dict[str, set[int]] = defaultdict(set)
    for verdict in verdicts_of(folder=folder, file=found.file, levels=levels):
        key = verdict.key
        if verdict.sequence in sequences[key[2]]:
            verdict.row.refuse("sequence", "must not occur twice for an assessor")
        sequences[key[2]].add(verdict.sequence)
        counts[key] = counts.get(key, 0) + 1
        known = found.newest.get(key)
        if known is not None and not has_history:
            verdict.row.refuse("assessor", "must not judge the same pair twice")
        if verdict.revision > 1 or known is not None:
            if (key, verdict.revision) in later or (known and known[0] == verdict.revision):
                verdict.row.refuse("revision", "must not occur twice for a pair")
            later.add((key, verdict.revision))
            last_row[key] = verdict.row
        if known is None or verdict.revision > known[0]:
            found.newest[key] = (verdict.revision, verdict.level)
        first = found.first_sequence.get(key)
        if first is None or verdict.sequence < first:
            found.first_sequence[key] = verdict.sequence
    for key, row in last_row.items():
        if counts[key] != found.newest[key][0]:
            row.refuse("revision", "must count from 1 without a gap for each pair")
    if has_history and folder.has(CURRENT):
        _compare_with_current(folder, levels, found)
    return found


def _compare_with_current(folder: Folder, levels: list[int], found: Verdicts) -> None:
    rows = 0
    for verdict in verdicts_of(folder=folder, file=CURRENT, levels=levels, whole_history=True):
        rows += 1
        newest = found.newest.get(verdict.key)
        if newest is None:
            verdict.row.refuse("assessor", f"{HISTORY} must have this judgment too")
        if newest != (verdict.revision, verdict.level):
            verdict.row.refuse("revision", f"must be the newest revision in {HISTORY}")
    if rows != len(found.newest):
        folder.refuse("files", f"{CURRENT} lacks judgments that {HISTORY} has.")


def verdicts_of(
    *, folder: Folder, file: str, levels: list[int], whole_history: bool | None = None
) -> Iterator[Verdict]:
    """The judgments of one file. Without a history every judgment is its own first revision."""
    keeps_revisions = file == HISTORY if whole_history is None else whole_history
    given: dict[str, int] = {}
    for row in folder.rows(file, required=REQUIRED):
        level = row.whole("level")
        status = row.text("status", most=80, default=JUDGED)
        reason = status.removeprefix(UNJUDGEABLE) if status.startswith(UNJUDGEABLE) else ""
        if not reason and status != JUDGED:
            row.refuse("status", f"must be `{JUDGED}` or `{UNJUDGEABLE}<reason>`")
        if reason and level is not None:
            row.refuse("level", "must be empty where the status is unjudgeable")
        if len(reason) > 60:
            row.refuse("status", "must have a reason of at most 60 characters")
        if not reason and level is None:
            continue  # a blank rating is a missing one
        if level is not None and level not in levels:
            row.refuse("level", f"must be a level of the scale ({', '.join(map(str, levels))})")
        key = (
            row.text("query_id", most=60),
            row.text("image_id", most=300),
            row.text("assessor", most=100),
        )
        given[key[2]] = given.get(key[2], 0) + 1
        revision = row.whole("revision", least=1, most=32_767)
        yield Verdict(
            key=key,
            level=level,
            reason=reason,
            revision=(revision or 1) if keeps_revisions else 1,
            sequence=row.whole("sequence", least=1) or given[key[2]],
            row=row,
        )


def write_verdicts(
    *,
    verdicts: Iterable[Verdict],
    task_of: dict[Key, int],
    participant_of: dict[str, int],
    created_at: datetime,
) -> None:
    """Store judgments in batches; revisions after what they revise.

    Args:
        verdicts: checked.
        task_of: the task of each judged pair.
        participant_of: by the release's word for the assessor.
        created_at: stands in for a missing time.
    """
    batch: list[Judgment] = []
    revisions: list[Judgment] = []
    for verdict in verdicts:
        row = verdict.row
        judgment = Judgment(
            uuid=uuid4(),
            task_id=task_of[verdict.key],
            participant_id=participant_of[verdict.key[2]],
            level=verdict.level,
            unjudgeable=verdict.reason,
            note=row.text("note", most=1_000_000, default=""),
            active_ms=row.whole("active_ms"),
            hidden_ms=row.whole("hidden_ms"),
            client_time=row.time("client_time"),
            submitted_at=row.time("submitted_at") or created_at,
            sequence=verdict.sequence,
            revision=verdict.revision,
            guideline_version=row.whole("guideline_version", least=1, most=32_767) or 1,
        )
        if verdict.revision > 1:
            revisions.append(judgment)
            continue
        batch.append(judgment)
        if len(batch) >= BATCH:
            Judgment.objects.bulk_create(batch)
            batch.clear()
    Judgment.objects.bulk_create(batch)
    _write_revisions(revisions)


def _write_revisions(judgments: list[Judgment]) -> None:
    judgments.sort(key=lambda judgment: judgment.revision)
    for start in range(0, len(judgments), BATCH):
        # Within a batch a revision may follow another of the same pair: level by level.
        batch = judgments[start : start + BATCH]
        for revision in sorted({judgment.revision for judgment in batch}):
            same = [judgment for judgment in batch if judgment.revision == revision]
            before = dict(
                Judgment.objects.filter(
                    task__in=[judgment.task_id for judgment in same], revision=revision - 1
                ).values_list("task_id", "pk")
            )
            for judgment in same:
                judgment.revises_id = before[judgment.task_id]
            Judgment.objects.bulk_create(same)
