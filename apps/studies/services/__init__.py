"""Writes: make a study, change its design, close it, open it again, delete it."""

from apps.studies.services.designs import (
    RANKING_DEPTH,
    NotADraftError,
    StudyExistsError,
    add_query,
    change_design,
    create_study,
)
from apps.studies.services.states import WrongStateError, close_study, delete_study, reopen_study

__all__ = [
    "RANKING_DEPTH",
    "NotADraftError",
    "StudyExistsError",
    "WrongStateError",
    "add_query",
    "change_design",
    "close_study",
    "create_study",
    "delete_study",
    "reopen_study",
]
