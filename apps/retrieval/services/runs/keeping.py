"""Keep a run as a method of a study, and take it away again."""

import re
from datetime import datetime

from django.db import transaction

from apps.accounts.models import User
from apps.accounts.services import record_event
from apps.common.errors import ConflictError, InvalidError, NotFoundError
from apps.retrieval import registry
from apps.retrieval.fusions import METHOD_NAME, fusion_of, is_fusion
from apps.retrieval.models import ForeignRanking, ForeignRun, PoolEntry, PoolSource, Ranking
from apps.retrieval.services.runs.reading import RunText
from apps.studies.models import Study
from apps.studies.services import NotADraftError

LONGEST_METHOD = 60
# Windows opens a device instead of a file of this name, whatever its ending.
DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
ENTRIES_AT_ONCE = 5_000
BATCH = 50  # rankings, each of hundreds of images


class RunExistsError(ConflictError):
    code = "run_exists"


class NoSuchRunError(NotFoundError):
    code = "no_such_run"


class RunIsNeededError(ConflictError):
    code = "run_is_needed"


def name_of_run(*, method: str, run: RunText, study: Study) -> str:
    """What the run's method is called: `method`, or the tag of its lines.

    Raises:
        InvalidError: that is no name for a method, or there are several tags.
        RunExistsError: another method of the study has it.
    """
    if not method and len(run.tags) > 1:
        raise InvalidError(
            f"The file has {len(run.tags)} tags ({', '.join(run.tags[:3])}, ...): name the method.",
            field="method",
        )
    name = method or run.tags[0]
    if not METHOD_NAME.fullmatch(name) or len(name) > LONGEST_METHOD:
        raise InvalidError(
            f"A method is called by letters, digits, dots, hyphens and underscores, at most "
            f"{LONGEST_METHOD} of them, not {name[:80]!r}.",
            field="method",
        )
    if DEVICE.fullmatch(name):
        raise InvalidError(
            f"A method cannot be called {name!r}: no file on Windows can.", field="method"
        )
    taken = {*registry.method_names(), *study.methods}
    taken -= set(study.foreign_runs.values_list("method", flat=True))
    # Files of runs are told apart by their names, which some disks compare without case.
    if name.casefold() in {other.casefold() for other in taken}:
        raise RunExistsError(
            f"There is another method {name!r}: give this one a name of its own.", field="method"
        )
    return name


def store_run(
    *,
    study: Study,
    run: RunText,
    method: str,
    file_name: str,
    in_pools: bool,
    imported_at: datetime,
    imported_by: User | None,
) -> tuple[ForeignRun, bool]:
    """Keep a run whole and make its method one of the study's; call it with the study locked.

    Args:
        study: locked by the caller.
        run: read for this study.
        method: what to call it; the tag of its lines when empty.
        file_name: as it came.
        in_pools: whether its best enter the pools.
        imported_at: now.
        imported_by: the person, or None for a command.

    Returns:
        The run, and whether it is new: the same file under the same name again changes nothing.

    Raises:
        InvalidError, RunExistsError: as `name_of_run`, or another file has the name.
    """
    name = name_of_run(method=method, run=run, study=study)
    for kept in study.foreign_runs.all():
        if kept.method == name and (kept.sha256, kept.in_pools) == (run.sha256, in_pools):
            return kept, False
        if kept.method.casefold() == name.casefold():
            raise RunExistsError(
                f"There is a run of {kept.method} already, from {kept.file_name}: remove it "
                "first, or give this one another name.",
                field="method",
            )
    made = ForeignRun.objects.create(
        study=study,
        method=name,
        file_name=file_name[-255:],
        sha256=run.sha256,
        n_lines=run.n_lines,
        in_pools=in_pools,
        imported_at=imported_at,
        imported_by=imported_by,
    )
    ForeignRanking.objects.bulk_create(
        (
            ForeignRanking(run=made, query_id=query_id, images=images, scores=scores)
            for query_id, (images, scores) in run.rankings.items()
        ),
        batch_size=BATCH,
    )
    if name not in study.methods:
        study.methods = [*study.methods, name]
        study.save(update_fields=["methods"])
    record_event(
        actor=imported_by,
        action="study.import_run",
        object=f"study:{study.slug}",
        at=imported_at,
        detail={"method": name, "file": file_name[-255:], "sha256": run.sha256, "pool": in_pools},
    )
    return made, True


@transaction.atomic
def remove_run(*, study: Study, method: str, removed_at: datetime, removed_by: User | None) -> None:
    """Take a foreign method out of a draft: its run, its rankings, its entries in the pools.

    Raises:
        NoSuchRunError: the study has no run of this name.
        NotADraftError: assessors were given its pairs.
        RunIsNeededError: a fusion of the study is made of it.
    """
    locked = Study.objects.select_for_update().get(pk=study.pk)
    run = locked.foreign_runs.filter(method=method).first()
    if run is None:
        raise NoSuchRunError(f"The study {locked.slug} has no run of {method!r}.", field="method")
    if locked.state != Study.State.DRAFT:
        raise NotADraftError(
            f"This study is {locked.state}: a run can only be removed from a draft."
        )
    fusions = [
        name
        for name in locked.methods
        if is_fusion(name=name) and method in fusion_of(name=name).members
    ]
    if fusions:
        raise RunIsNeededError(
            f"{fusions[0]} is made of {method}: take that out of the methods first.",
            field="method",
        )
    Ranking.objects.filter(query__study=locked, method=method).delete()
    sources = PoolSource.objects.filter(entry__query__study=locked, method=method)
    entries = list(sources.values_list("entry", flat=True))
    sources.delete()
    for start in range(0, len(entries), ENTRIES_AT_ONCE):
        some = entries[start : start + ENTRIES_AT_ONCE]
        # Pairs that somebody was to judge stay, as they do when pools are built again.
        PoolEntry.objects.filter(pk__in=some, sources__isnull=True, tasks__isnull=True).delete()
    run.delete()
    locked.methods = [name for name in locked.methods if name != method]
    locked.save(update_fields=["methods"])
    record_event(
        actor=removed_by,
        action="study.remove_run",
        object=f"study:{locked.slug}",
        at=removed_at,
        detail={"method": method, "sha256": run.sha256},
    )
