"""Tables that only grow: the database itself refuses UPDATE, DELETE and TRUNCATE.

Use `AppendOnly("app_model")` as the last operation of a migration. SQLite drops a table's triggers
when a later migration remakes the table (most changes of fields and constraints do): that
migration repeats the operation, and a test that reads the triggers back says so when it does not.

There is no back door: nothing at run time lifts a trigger. The tests' own flush does, by DDL
(`tests/conftest.py`).
"""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

_SQLITE = """
CREATE TRIGGER IF NOT EXISTS {table}_refuses_{event} BEFORE {event} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only: no {event}'); END
"""
_POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION {table}_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{table} is append-only: no %', lower(TG_OP)
        USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
_POSTGRESQL = """
CREATE OR REPLACE TRIGGER {table}_refuses_{event} BEFORE {event} ON {table}
FOR EACH {each} EXECUTE FUNCTION {table}_refuses()
"""
EVENTS = {"sqlite": ["update", "delete"], "postgresql": ["update", "delete", "truncate"]}


def statements(table: str, *, vendor: str) -> list[str]:
    """The DDL that makes `table` append-only; harmless when run again."""
    template = _SQLITE if vendor == "sqlite" else _POSTGRESQL
    triggers = [
        # By row where there are rows: a deletion that finds none is none.
        template.format(
            table=table, event=event, each="ROW" if event != "truncate" else "STATEMENT"
        )
        for event in EVENTS[vendor]
    ]
    if vendor == "postgresql":
        return [_POSTGRESQL_FUNCTION.format(table=table), *triggers]
    return triggers


class AppendOnly(Operation):
    """Make a table append-only. An attempt to change a row raises `IntegrityError`."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, table: str) -> None:
        if not table.isidentifier():  # it is pasted into DDL, which takes no parameters
            raise ValueError(f"not the name of a table: {table!r}")
        self.table = table

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models stay as they are."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for statement in statements(self.table, vendor=schema_editor.connection.vendor):
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        vendor = schema_editor.connection.vendor
        on_table = f" ON {self.table}" if vendor == "postgresql" else ""
        for event in EVENTS[vendor]:
            schema_editor.execute(
                f"DROP TRIGGER IF EXISTS {self.table}_refuses_{event}{on_table}", params=None
            )
        if vendor == "postgresql":
            schema_editor.execute(f"DROP FUNCTION IF EXISTS {self.table}_refuses()", params=None)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (type(self).__name__, [self.table], {})

    def describe(self) -> str:
        return f"Make {self.table} append-only"
