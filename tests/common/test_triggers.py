import pytest
from django.db import IntegrityError, connection, transaction

from apps.accounts import services
from apps.accounts.models import AuditEvent
from tests.factories import NOON


def record() -> AuditEvent:
    return services.record_event(actor=None, action="test.made", object="test:1", at=NOON)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(lambda event: AuditEvent.objects.update(action="x"), id="update by the ORM"),
        pytest.param(lambda event: event.save(), id="save of a changed row"),
        pytest.param(lambda event: event.delete(), id="delete by the ORM"),
        pytest.param(
            lambda event: connection.cursor().execute("UPDATE accounts_auditevent SET action='x'"),
            id="update by raw SQL",
        ),
        pytest.param(
            lambda event: connection.cursor().execute("DELETE FROM accounts_auditevent"),
            id="delete by raw SQL",
        ),
    ],
)
def test_the_database_refuses_to_change_an_audit_event(attempt):
    event = record()
    event.action = "test.changed"
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        attempt(event)
    assert list(AuditEvent.objects.values_list("action", flat=True)) == ["test.made"]


WAYS_AROUND = {
    "sqlite": "INSERT OR REPLACE INTO accounts_auditevent (id, uuid, at, action, object, detail)"
    " SELECT id, uuid, at, 'forged', object, detail FROM accounts_auditevent",
    "postgresql": "TRUNCATE accounts_auditevent",
}


@pytest.mark.django_db
def test_replacing_and_truncating_count_as_deleting():
    event = record()
    connection.check_constraints()  # no deferred check is left to refuse instead
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        connection.cursor().execute(WAYS_AROUND[connection.vendor])
    event.refresh_from_db()
    assert event.action == "test.made"


@pytest.mark.parametrize("turn", ["first", "second"])
@pytest.mark.django_db(transaction=True)
def test_tests_with_real_transactions_start_with_an_empty_log_and_its_trigger(turn):
    """Either turn leaves a row behind: the flush in between must remove it, trigger and all."""
    assert not AuditEvent.objects.exists()
    record()
    with pytest.raises(IntegrityError, match="append-only"):
        AuditEvent.objects.update(action="x")
