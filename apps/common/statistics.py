"""What the database's planner knows of its tables."""

from django.db import connection
from django.db.models import Model


def refresh_statistics(*models: type[Model]) -> None:
    """Count rows that were added in bulk, so that the next reads are planned for as many.

    PostgreSQL counts by itself, but some time later; a plan made for an empty table takes minutes
    where it should take a second. SQLite's plans do not need it.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
