"""Writes: judging, planning, and programs that stand in for people."""

from apps.assessment.selectors import NoAssessorsError, NoPoolsError, NoQueriesError
from apps.assessment.services.copying import CopyExistsError
from apps.assessment.services.judging import (
    AlreadyJudgedError,
    ConflictingRetryError,
    StaleRevisionError,
    StudyClosedError,
    record_judgment,
    recount_progress,
)
from apps.assessment.services.planning import JudgingHasBegunError, plan_assignments
from apps.assessment.services.runs import ImportedRun, import_run
from apps.assessment.services.simulating import Simulation, simulate_assessors

__all__ = [
    "AlreadyJudgedError",
    "ConflictingRetryError",
    "CopyExistsError",
    "ImportedRun",
    "JudgingHasBegunError",
    "NoAssessorsError",
    "NoPoolsError",
    "NoQueriesError",
    "Simulation",
    "StaleRevisionError",
    "StudyClosedError",
    "import_run",
    "plan_assignments",
    "record_judgment",
    "recount_progress",
    "simulate_assessors",
]
