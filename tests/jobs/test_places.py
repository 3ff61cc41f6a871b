"""A job is left alone by processes that keep their files elsewhere."""

import logging

import pytest

from apps.jobs import places, services, tasks
from apps.jobs.models import State
from tests.factories import NOON
from tests.factories.jobs import kinds_of_tests, make_job, ran

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kinds():
    with kinds_of_tests():
        ran.clear()
        yield


def test_on_a_local_disk_nothing_is_noted():
    job = make_job("a")
    assert places.MARK not in job.params
    assert services.work_on_job(job=job, worker="w").state == State.DONE


def test_a_job_of_a_store_is_done_where_the_store_is(in_store):
    job = make_job("a")
    assert job.params[places.MARK].startswith("s3://likeness/")
    assert services.work_on_job(job=job, worker="w").state == State.DONE


@pytest.mark.parametrize(
    ("there", "sentence"),
    [
        pytest.param("s3://photos/other", "files in s3://photos/other, this process in its data"),
        pytest.param("", "files in a data folder, this process in s3://likeness"),
    ],
)
def test_a_worker_that_keeps_files_elsewhere_touches_nothing(there, sentence, request, caplog):
    job = make_job("a")
    if there:
        job.params = {places.MARK: there}
        job.save()
    else:
        request.getfixturevalue("in_store")
    with pytest.raises(places.OtherFilesError, match=sentence):
        services.work_on_job(job=job, worker="w")
    with caplog.at_level(logging.ERROR):
        tasks.work_on(job.pk)
    assert sentence in caplog.text
    job.refresh_from_db()
    assert (job.state, ran) == (State.PENDING, [])
    # Cancelled and tried again, it is a job of this place.
    job = services.retry_job(job=services.cancel_job(job=job, now=NOON), now=NOON)
    assert services.work_on_job(job=job, worker="w").state == State.DONE
