"""How the screening of a collection stands, and which images are shown first."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q, QuerySet

from apps.catalog.models import Collection, Image, ImageQuerySet, Screening
from apps.jobs.models import Job
from apps.retrieval import registry
from apps.retrieval.compute.screening.illustrations import LEAST
from apps.retrieval.models import FeatureSpace, PoolEntry, ScreeningModel
from apps.retrieval.selectors.spaces import current_space, is_complete, rows_of
from apps.studies.models import Study

SCREEN = "screen_images"
ILLUSTRATION_LABELS = frozenset({Screening.ILLUSTRATION, "chart", "diagram"})
STATES = ("unsure", "labelled", "disputed", "illustration", "multipanel", "keep", "all")


def screening_target(*, collection: Collection) -> str:
    return f"collection:{collection.slug}"


def screening_space_names() -> tuple[str, ...]:
    """The spaces that illustrations are learned on."""
    known = {space.name for space in registry.spaces()}
    return ("gf",) if "gf" in known else ("cld", "ehd")


def screening_spaces(*, collection: Collection) -> list[FeatureSpace] | None:
    """The collection's newest such spaces, or None unless all are complete."""
    rows = rows_of(collection=collection)
    found = []
    for name in screening_space_names():
        space = current_space(collection=collection, name=name)
        if space is None or not is_complete(space=space, rows=rows):
            return None
        found.append(space)
    return found


def training_labels(*, collection: Collection) -> QuerySet[Screening]:
    """Labels that say whether an image is an illustration.

    Figures of several panels say nothing: some are drawn, some are of photographs.
    """
    return Screening.objects.filter(
        image__collection=collection,
        image__ordinal__isnull=False,
        label__in=[*ILLUSTRATION_LABELS, Screening.KEEP],
    )


@dataclass(frozen=True)
class Training:
    """The model of illustrations, and what it would learn from now."""

    n_illustrations: int
    n_kept: int
    least: int  # of either, else there is no model
    labels_since: int  # given since the model was trained; all of them without one
    model: ScreeningModel | None

    @property
    def possible(self) -> bool:
        return min(self.n_illustrations, self.n_kept) >= self.least


def training_of(*, collection: Collection) -> Training:
    model = ScreeningModel.objects.filter(collection=collection).first()
    newer = Q(labelled_at__gt=model.trained_at) if model else Q()
    counts = training_labels(collection=collection).aggregate(
        illustrations=Count("pk", filter=Q(label__in=ILLUSTRATION_LABELS)),
        kept=Count("pk", filter=Q(label=Screening.KEEP)),
        since=Count("pk", filter=newer),
    )
    return Training(
        n_illustrations=counts["illustrations"],
        n_kept=counts["kept"],
        least=LEAST,
        labels_since=counts["since"],
        model=model,
    )


@dataclass(frozen=True)
class AffectedStudy:
    """A study whose pools hold images that were screened out since."""

    slug: str
    name: str
    state: str
    n_pairs: int


@dataclass(frozen=True)
class ScreeningState:
    """All that the page says about a collection's screening."""

    n_images: int
    n_looked_at: int
    n_unreadable: int
    counts: dict[str, int]  # by `STATES`
    excluded: dict[str, int]  # by reason
    training: Training
    trained_at: datetime | None
    spaces: tuple[str, ...]
    spaces_ready: bool
    job: Job | None
    affected: list[AffectedStudy]


def screening_state(*, collection: Collection) -> ScreeningState:
    """A constant number of queries, whatever the number of images."""
    members = Image.objects.members().filter(collection=collection)
    counts = members.order_by().aggregate(
        n=Count("pk"),
        looked_at=Count("pk", filter=Q(screening__several__isnull=False)),
        unreadable=Count("pk", filter=~Q(screening__problem="") & Q(screening__isnull=False)),
        **{state: Count("pk", filter=_condition(state)) for state in STATES},
    )
    reasons = (
        members.exclude(excluded="").order_by().values_list("excluded").annotate(n=Count("pk"))
    )
    training = training_of(collection=collection)
    job = (
        Job.objects.unfinished()
        .on(screening_target(collection=collection))
        .filter(kind=SCREEN)
        .select_related("requested_by")
        .first()
    )
    return ScreeningState(
        n_images=counts["n"],
        n_looked_at=counts["looked_at"],
        n_unreadable=counts["unreadable"],
        counts={state: counts[state] for state in STATES},
        excluded=dict(sorted(reasons)),
        training=training,
        trained_at=training.model.trained_at if training.model else None,
        spaces=screening_space_names(),
        spaces_ready=screening_spaces(collection=collection) is not None,
        job=job,
        affected=affected_studies(collection=collection),
    )


def affected_studies(*, collection: Collection) -> list[AffectedStudy]:
    """Studies whose pools hold images that do not take part (any more)."""
    rows = (
        PoolEntry.objects.filter(query__study__collection=collection)
        .exclude(image__excluded="")
        .order_by()
        .values("query__study")
        .annotate(n=Count("pk"))
        .values_list("query__study", "n")
    )
    pairs = dict(rows)
    studies = Study.objects.filter(pk__in=pairs).order_by("slug")
    return [AffectedStudy(one.slug, one.name, one.state, pairs[one.pk]) for one in studies]


def _condition(state: str) -> Q:
    unlabelled = Q(screening__isnull=True) | Q(screening__label="")
    labelled = Q(screening__isnull=False) & ~Q(screening__label="")
    said_keep = Q(screening__label=Screening.KEEP)
    conditions = {
        "unsure": unlabelled,
        "labelled": labelled,
        "disputed": labelled
        & ~Q(screening__predicted="")
        & (
            (said_keep & ~Q(screening__predicted=Screening.KEEP))
            | (~said_keep & Q(screening__predicted=Screening.KEEP))
        ),
        "illustration": Q(excluded__in=ILLUSTRATION_LABELS),
        "multipanel": Q(excluded=Screening.MULTIPANEL),
        "keep": Q(excluded=""),
        "all": Q(pk__isnull=False),
    }
    return conditions[state]


def screening_images(*, collection: Collection, state: str, search: str = "") -> ImageQuerySet:
    """Members in a state, each with its `screening` (which may be missing).

    The unsure ones come most doubtful first, equal doubt in an order that means nothing (their
    opaque ids): before anything was learned that is a random sample. Labelled and disputed ones
    come latest first, the others in the order of ordinals.
    """
    images = (
        Image.objects.members()
        .filter(_condition(state), collection=collection)
        .select_related("screening__labelled_by")
    )
    if search:
        images = images.filter(Q(image_id__icontains=search) | Q(file_name__icontains=search))
    if state == "unsure":
        return images.order_by(F("screening__doubt").desc(nulls_first=True), "uuid")
    if state in ("labelled", "disputed"):
        return images.order_by(F("screening__labelled_at").desc(nulls_last=True), "ordinal")
    return images
