"""Counts on the participant; a judgment names its participant; judgments only grow."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F

from apps.common.triggers import AppendOnly

_HOLDS = {
    "judgment_belongs_to_its_participant": (
        "(SELECT a.participant_id FROM assessment_task t JOIN assessment_assignment a"
        " ON a.id = t.assignment_id WHERE t.id = NEW.task_id) <> NEW.participant_id",
        "a judgment belongs to the participant of its task",
    ),
    "judgment_revises_the_same_task": (
        "NEW.revises_id IS NOT NULL AND (SELECT j.task_id FROM assessment_judgment j"
        " WHERE j.id = NEW.revises_id AND j.revision = NEW.revision - 1)"
        " IS DISTINCT FROM NEW.task_id",
        "a revision belongs to the task of the judgment before it",
    ),
}


def hold(apps, schema_editor):
    """Refuse what no constraint can express."""
    vendor = schema_editor.connection.vendor
    for name, (wrong, sentence) in _HOLDS.items():
        if vendor == "sqlite":
            schema_editor.execute(
                f"CREATE TRIGGER {name} BEFORE INSERT ON assessment_judgment WHEN "
                f"{wrong.replace('IS DISTINCT FROM', 'IS NOT')} "
                f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END",
                params=None,
            )
        else:
            schema_editor.execute(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF {wrong} THEN RAISE EXCEPTION '{sentence}' "
                f"USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
                params=None,
            )
            schema_editor.execute(
                f"CREATE TRIGGER {name} BEFORE INSERT ON assessment_judgment "
                f"FOR EACH ROW EXECUTE FUNCTION {name}()",
                params=None,
            )


def release(apps, schema_editor):
    on_table = " ON assessment_judgment" if schema_editor.connection.vendor != "sqlite" else ""
    for name in _HOLDS:
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}", params=None)
        if on_table:
            schema_editor.execute(f"DROP FUNCTION IF EXISTS {name}()", params=None)


class Migration(migrations.Migration):
    dependencies = [("assessment", "0001_initial")]

    operations = [
        migrations.AddField(
            "participant", "last_sequence", models.PositiveIntegerField(default=0)
        ),
        migrations.AddField("participant", "n_done", models.PositiveIntegerField(default=0)),
        migrations.AddField("participant", "n_tasks", models.PositiveIntegerField(default=0)),
        migrations.AddConstraint(
            "participant",
            models.CheckConstraint(
                name="participant_done_within_tasks", condition=models.Q(n_done__lte=F("n_tasks"))
            ),
        ),
        migrations.AddField(
            "judgment",
            "participant",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="judgments",
                to="assessment.participant",
            ),
        ),
        # No version with judgments was ever released: there are no rows to fill.
        migrations.AlterField(
            "judgment",
            "participant",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="judgments",
                to="assessment.participant",
            ),
        ),
        migrations.AddConstraint(
            "judgment",
            models.UniqueConstraint(
                name="judgment_sequence_is_unique", fields=["participant", "sequence"]
            ),
        ),
        # Triggers last: SQLite loses them when a table is remade.
        migrations.RunPython(hold, release),
        AppendOnly("assessment_judgment"),
    ]
