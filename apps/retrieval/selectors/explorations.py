"""What explorations say, and whether a worker is there that answers them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from apps.accounts.models import User
from apps.catalog.models import Image
from apps.jobs.models import WorkerHeartbeat
from apps.jobs.selectors import workers_alive
from apps.retrieval.compute.comparison import common_ratios
from apps.retrieval.models import Exploration

QUEUE = "explore"
CUTOFFS = (5, 10, 20, 50)
ORDINALS_AT_ONCE = 5000
GRACE = timedelta(seconds=5)  # a worker that ends in time still has to store its answer


def explorers_alive(*, now: datetime) -> QuerySet[WorkerHeartbeat]:
    return workers_alive(now=now, queues=[QUEUE])


def explorations_of(*, user: User) -> QuerySet[Exploration]:
    """Nobody sees another person's: what they look for is their own."""
    return Exploration.objects.filter(asked_by=user).select_related("collection", "image")


def exploration_ends(*, exploration: Exploration) -> datetime:
    """When the worker gives up."""
    return exploration.created_at + timedelta(seconds=settings.EXPLORATION_SECONDS)


@dataclass(frozen=True)
class Found:
    """One method's answer: images by their place in the collection, best first."""

    method: str
    error: str = ""
    is_waiting: bool = False
    hits: list[tuple[str, float]] = field(default_factory=list)  # (image_id, score)


@dataclass(frozen=True)
class CommonResults:
    """CR@n of two methods for this one image."""

    method_a: str
    method_b: str
    n: int
    value: float


@dataclass(frozen=True)
class ExplorationAnswer:
    """An exploration as it stands at one moment."""

    exploration: Exploration
    state: str
    error: str
    found: list[Found]
    images: list[Image]
    common: list[CommonResults]


def exploration_answer(*, exploration: Exploration, now: datetime) -> ExplorationAnswer:
    """What is known by now; images screened out since are left out. Two queries.

    An exploration that nobody has finished long after its time is over counts as failed.
    """
    state, error = exploration.state, exploration.error
    waits = state in (Exploration.State.WAITING, Exploration.State.RUNNING)
    if waits and now > exploration_ends(exploration=exploration) + GRACE:
        state, waits = Exploration.State.FAILED, False
        error = (
            f"No answer within {settings.EXPLORATION_SECONDS} s: the worker that explores is "
            "busy or was ended. Ask again, or look at its lines."
        )
    results = {result["method"]: result for result in exploration.results}
    images = _images_of(
        exploration, {ordinal for result in results.values() for ordinal in result["ordinals"]}
    )
    found = [
        Found(
            method=name,
            error=results[name]["error"] if name in results else "" if waits else error,
            is_waiting=waits and name not in results,
            hits=[
                (images[ordinal].image_id, score)
                for ordinal, score in zip(
                    results[name]["ordinals"], results[name]["scores"], strict=True
                )
                if ordinal in images
            ]
            if name in results
            else [],
        )
        for name in exploration.methods
    ]
    return ExplorationAnswer(
        exploration=exploration,
        state=state,
        error=error,
        found=found,
        images=list(images.values()),
        common=_common(found, depth=exploration.depth),
    )


def _images_of(exploration: Exploration, ordinals: set[int]) -> dict[int, Image]:
    wanted = sorted(ordinals)
    found: dict[int, Image] = {}
    for start in range(0, len(wanted), ORDINALS_AT_ONCE):
        images = (
            Image.objects.searchable()
            .filter(
                collection_id=exploration.collection_id,
                ordinal__in=wanted[start : start + ORDINALS_AT_ONCE],
            )
            .prefetch_related("captions")
        )
        found |= {image.ordinal: image for image in images if image.ordinal is not None}
    return found


def _common(found: Iterable[Found], *, depth: int) -> list[CommonResults]:
    """Between all methods that have answered."""
    cutoffs = [n for n in CUTOFFS if n <= depth]
    numbers: dict[str, int] = {}
    rankings = {
        one.method: [numbers.setdefault(image_id, len(numbers)) for image_id, _ in one.hits]
        for one in found
        if not one.error and not one.is_waiting
    }
    return [
        CommonResults(method_a=a, method_b=b, n=n, value=value)
        for (a, b), values in common_ratios(rankings=rankings, cutoffs=cutoffs).items()
        for n, value in zip(cutoffs, values, strict=True)
    ]
