"""Read a release folder back into a study, all of it or nothing."""

from apps.analytics.services.importing.images import AttachedImages
from apps.analytics.services.importing.study import Imported, StudyExistsError, import_study

__all__ = ["AttachedImages", "Imported", "StudyExistsError", "import_study"]
