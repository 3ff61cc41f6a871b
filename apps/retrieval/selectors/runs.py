"""Foreign methods: those of a study that came as run files."""

from django.db.models import QuerySet

from apps.retrieval.models import ForeignRun
from apps.studies.models import Study


def runs_of(*, study: Study) -> QuerySet[ForeignRun]:
    """In the order of their import, with who imported them."""
    return study.foreign_runs.select_related("imported_by").order_by("imported_at", "pk")


def run_names(study_id: int) -> set[str]:
    """Names that a study may use besides those of the registry."""
    return set(ForeignRun.objects.filter(study_id=study_id).values_list("method", flat=True))
