import pytest


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param("/api/v1/nowhere/", "application/problem+json", id="a program"),
        pytest.param("/static/nowhere", "text/plain", id="a person"),
    ],
)
def test_an_unknown_address_is_not_found_in_the_callers_form(client, path, kind):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer["Content-Type"] == kind


def test_an_error_of_ours_is_a_problem_without_details(client, monkeypatch, db):
    def fail(*args, **kwargs):
        raise RuntimeError("the secret of the server")

    monkeypatch.setattr("apps.jobs.views.HealthView.get", fail)
    client.raise_request_exception = False
    answer = client.get("/api/v1/health/")
    assert answer.status_code == 500
    assert answer.json()["code"] == "server_error"
    assert b"secret" not in answer.content
