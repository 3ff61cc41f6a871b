"""From draft to open to closed; opening belongs to the plan of assignments."""

from datetime import datetime

from django.db import transaction
from django.db.models import ProtectedError

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.common.errors import ConflictError
from apps.studies.models import Study
from apps.studies.services.designs import NotADraftError, locked_draft


class WrongStateError(ConflictError):
    code = "wrong_state"


@transaction.atomic
def delete_study(*, study: Study, deleted_at: datetime, deleted_by: User | None) -> None:
    """Remove a draft that nobody has judged or was to judge.

    Raises:
        NotADraftError: it is planned already.
    """
    locked = locked_draft(study, "deleted")
    try:
        locked.delete()
    except ProtectedError as error:
        raise NotADraftError("This study is planned already: close it instead.") from error
    accounts.record_event(
        actor=deleted_by, action="study.delete", object=f"study:{study.slug}", at=deleted_at
    )


@transaction.atomic
def close_study(*, study: Study, closed_at: datetime, closed_by: User | None) -> Study:
    """End judging: from now on every answer is refused.

    Raises:
        WrongStateError: it is not open.
    """
    return _move(
        study, Study.State.OPEN, Study.State.CLOSED, "study.close", at=closed_at, actor=closed_by
    )


@transaction.atomic
def reopen_study(*, study: Study, opened_at: datetime, opened_by: User | None) -> Study:
    """Let assessors go on judging.

    Raises:
        WrongStateError: it is not closed.
    """
    return _move(
        study, Study.State.CLOSED, Study.State.OPEN, "study.reopen", at=opened_at, actor=opened_by
    )


def _move(
    study: Study, before: str, after: str, action: str, *, at: datetime, actor: User | None
) -> Study:
    locked = Study.objects.select_for_update().get(pk=study.pk)
    if locked.state != before:
        raise WrongStateError(f"This study is {locked.state}, not {before}.")
    locked.state = after
    locked.save(update_fields=["state"])
    accounts.record_event(actor=actor, action=action, object=f"study:{locked.slug}", at=at)
    return locked
