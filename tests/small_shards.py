"""Settings of programs that tests start: many parts from few images, and an impatient scheduler."""

from apps.config.settings.development import *  # noqa: F403
from apps.config.settings.development import CELERY_BEAT_SCHEDULE

SHARD_ROWS = 10
SEARCH_SHARDS_PER_PART = 2
CELERY_BEAT_SCHEDULE = {
    name: {**entry, "schedule": 1.0} for name, entry in CELERY_BEAT_SCHEDULE.items()
}
