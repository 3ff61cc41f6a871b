"""What the stages of a `build_pools` job share."""

from apps.common.errors import ConflictError
from apps.studies.models import Query

QUERIES, SEARCH, MERGE = 0, 1, 2  # stages


class StudyIsPlannedError(ConflictError):
    code = "study_is_planned"


def queries_of(study_id: int) -> list[Query]:
    return list(
        Query.objects.filter(study_id=study_id).select_related("image").order_by("position", "pk")
    )
