import pytest

from apps.common import errors
from apps.common.exception_handler import problem_details


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        pytest.param(errors.InvalidError("depth must be >= 1."), 400, "invalid", id="bad value"),
        pytest.param(errors.NotFoundError("No such study."), 404, "not_found", id="unknown"),
        pytest.param(errors.ConflictError("It is closed."), 409, "conflict", id="wrong state"),
        pytest.param(errors.UnavailableError("No worker."), 503, "unavailable", id="later"),
    ],
)
def test_a_refusal_becomes_problem_details(error, status, code):
    response = problem_details(error, {})
    assert response.status_code == status
    assert response.data["code"] == code
    assert response.data["detail"] == str(error)


def test_a_refusal_names_its_file_and_line():
    error = errors.InvalidError("no such file: x.png.", field="file_name", where="manifest.csv:3")
    assert str(error) == "manifest.csv:3: no such file: x.png."
    assert problem_details(error, {}).data["field"] == "file_name"


def test_a_programming_error_is_left_to_django():
    assert problem_details(ZeroDivisionError(), {}) is None
