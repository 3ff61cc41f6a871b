"""The report of a small study, every number derived by hand."""

import json

import pytest

from apps.accounts.models import Role
from apps.analytics.selectors.report import compute_report, report_json
from tests.factories import make_category, make_collection, make_query, make_study, make_user
from tests.factories.analytics import (
    add_participant,
    add_ranking,
    assign,
    judge,
    make_big_study,
    make_judged_study,
    pool,
)

pytestmark = pytest.mark.django_db


def value(report, family, scope, param=""):
    found = [
        row["value"]
        for row in report.tables["values"]
        if (row["family"], row["scope"], row["param"]) == (family, scope, param)
    ]
    assert len(found) == 1, (family, scope, param)
    return found[0]


# Agreeing pairs of make_judged_study by query: see its levels. Open Domain is q1 and q2.
@pytest.mark.parametrize(
    ("cut", "q1", "q2", "q3"),
    [
        pytest.param("1-2345", 4, 4, 2, id="1 | 2345: q2 differs on (1, 2) and (4, 1)"),
        pytest.param("12-345", 3, 4, 2, id="12 | 345: differ on (2, 3), (4, 1), (3, 2), (5, 2)"),
        pytest.param("123-45", 4, 5, 2, id="123 | 45: differ on (4, 1) and (5, 2)"),
        pytest.param("1234-5", 3, 6, 2, id="1234 | 5: differ on (5, 4) and (5, 2)"),
        pytest.param("exact", 2, 3, 1, id="five labels: 4 - 2, 6 - 3, 3 - 2"),
    ],
)
def test_agreement_is_pooled_over_pairs_in_each_scope(cut, q1, q2, q3):
    report = compute_report(study=make_judged_study(), resamples=200)
    rows = {
        row["category"]: row
        for row in report.tables["agreement"]
        if (row["aggregation"], row["measure"]) == (cut, "maa")
    }
    assert rows["Open Domain"]["value"] == (q1 + q2) / 10
    assert rows["Medical (Open)"]["value"] == q3 / 3
    assert rows["all"]["value"] == (q1 + q2 + q3) / 13
    assert (rows["all"]["n_items"], rows["all"]["n_pairs"]) == (13, 13)
    assert value(report, "maa_agree_pairs", "ALL", cut) == q1 + q2 + q3
    a, b = q1 / 4, q2 / 6
    assert rows["Open Domain"]["sd"] == pytest.approx(abs(a - b) / 2**0.5)
    assert value(report, "maa_mean_over_queries", "Open Domain", cut) == pytest.approx((a + b) / 2)
    # One query only: no spread, and the report says so.
    assert rows["Medical (Open)"]["sd"] is None
    assert rows["Medical (Open)"]["ci_low"] is None
    assert {
        "family": "maa_std",
        "scope": "Medical (Open)",
        "param": cut,
        "reason": "fewer than two queries",
    } in report.undefined


def test_precision_uses_the_consensus_and_divides_by_n():
    report = compute_report(study=make_judged_study(), resamples=200)
    rows = {
        (row["category"], row["method"], row["measure"]): row for row in report.tables["precision"]
    }
    # Relevant (mean half up >= 3): q1: 1, 2, 5; q2: 4, 5, 6; q3: 1, 3. Lists have three results.
    assert rows["Open Domain", "cld", "P@5"]["value"] == (2 + 1) / 10
    assert rows["Open Domain", "ehd", "P@5"]["value"] == (3 + 2) / 10
    assert rows["all", "cld", "P@5"]["value"] == pytest.approx(5 / 15)
    assert rows["all", "ehd", "P@10"]["value"] == pytest.approx(7 / 30)
    assert rows["all", "cld", "P@5"]["judged"] == 9 / 15
    assert rows["all", "cld", "P@5"]["n_queries"] == 3
    # P@5 of cld by query: 0.4, 0.2, 0.4.
    assert value(report, "P_std", "ALL", "cld@5") == pytest.approx((0.04 / 3) ** 0.5)


def test_common_results_of_the_two_methods():
    report = compute_report(study=make_judged_study(), resamples=200)
    rows = {(row["category"], row["n"]): row for row in report.tables["model_agreement"]}
    # q1: 1 2 4 and 2 1 5; q2: nothing shared; q3: the same three.
    assert {n: rows["all", n]["value"] for n in (1, 2, 3)} == {
        1: pytest.approx(1 / 3),
        2: pytest.approx(4 / 6),
        3: pytest.approx(5 / 9),
    }
    assert rows["Open Domain", 2]["value"] == 2 / 4
    assert (rows["all", 1]["method_a"], rows["all", 1]["method_b"]) == ("cld", "ehd")
    assert ("all", 5) not in rows  # no list is longer than three


def test_counts_and_consensus():
    report = compute_report(study=make_judged_study(), resamples=200)
    expected = {
        "n_queries": 3,
        "n_queries_judged": 3,
        "n_queries_without_relevant": 0,
        "n_ratings": 26,
        "n_items": 13,
        "n_items_multi": 13,
        "n_rating_pairs": 13,
        "n_unjudgeable": 0,
        "consensus_n_relevant": 8,
        "consensus_n_half": 7,
        "consensus_n_rule_differs": 4,
        "consensus_n_relevance_differs": 3,
    }
    assert {family: value(report, family, "ALL") for family in expected} == expected
    levels = "12345"
    assert [value(report, "consensus_hist", "ALL", n) for n in levels] == [2, 3, 4, 2, 2]
    assert [value(report, "consensus_hist_half_even", "ALL", n) for n in levels] == [2, 6, 1, 3, 1]


def test_pool_counts_what_only_one_method_found():
    pool = compute_report(study=make_judged_study(), resamples=200).pool
    assert pool["n_pairs"] == 4 + 6 + 3
    assert {
        (row["category"], row["method"]): (row["n_found"], row["n_unique"])
        for row in pool["by_method"]
    } == {
        ("Open Domain", "cld"): (6, 4),
        ("Open Domain", "ehd"): (6, 4),
        ("Medical (Open)", "cld"): (3, 0),
        ("Medical (Open)", "ehd"): (3, 0),
        ("all", "cld"): (9, 4),
        ("all", "ehd"): (9, 4),
    }


def test_agreement_of_the_two_assessors_within_each_category():
    report = compute_report(study=make_judged_study(), resamples=200)
    rows = {
        (row["category"], row["aggregation"]): row
        for row in report.tables["assessor_pairs"]
        if row["measure"] == "maa"
    }
    (low, high) = (rows["Open Domain", "12-345"].pop(side) for side in ("ci_low", "ci_high"))
    assert low <= 0.7 <= high
    assert rows["Open Domain", "12-345"] == {
        "category": "Open Domain",
        "aggregation": "12-345",
        "assessor_a": "A01",
        "assessor_b": "A02",
        "measure": "maa",
        "value": 0.7,
        "n_items": 10,
    }
    assert rows["Medical (Open)", "exact"]["value"] == pytest.approx(1 / 3)
    assert {category for category, _ in rows} == {"Open Domain", "Medical (Open)"}


def test_coefficients_stand_beside_the_share_that_agrees():
    report = compute_report(study=make_judged_study(), resamples=200)
    rows = {
        (row["category"], row["aggregation"], row["measure"]): row
        for row in report.tables["agreement"]
    }
    # Medical (Open): levels (4, 4), (1, 2), (5, 2). P = 1/3; shares of 1, 2, 4, 5: 1/6, 2/6, 2/6,
    # 1/6; Pe = (1 + 4 + 4 + 1) / 36.
    chance = 10 / 36
    expected = (1 / 3 - chance) / (1 - chance)
    assert rows["Medical (Open)", "exact", "fleiss"]["value"] == pytest.approx(expected)
    assert rows["Medical (Open)", "exact", "fleiss_generalised"]["value"] == pytest.approx(expected)
    assert value(report, "fleiss", "Medical (Open)") == pytest.approx(expected)
    assert value(report, "fleiss_n_items", "Medical (Open)") == 3
    # Under 12 | 345: (1, 1), (0, 0), (1, 0): kappa (2/3 - 4/9) / (5/9).
    kappa = rows["Medical (Open)", "12-345", "cohen_unweighted_mean"]["value"]
    assert kappa == pytest.approx((2 / 3 - 4 / 9) / (5 / 9))
    assert value(report, "cohen_unweighted", "Medical (Open)", "12-345:A01~A02") == kappa
    # What takes a category's assessors is not pooled over categories; the rest is.
    assert ("all", "exact", "krippendorff_ordinal") in rows
    assert ("all", "exact", "fleiss") not in rows
    # Weights and ranks are of the whole scale: two classes have but one distance.
    assert ("all", "12-345", "krippendorff_nominal") in rows
    assert ("all", "12-345", "krippendorff_ordinal") not in rows


def test_revised_and_unjudgeable_judgments_count_as_they_are_now():
    study = make_judged_study()
    first = study.participants.get(pseudonym="A01")
    query = study.queries.get(query_id="q3")
    judge(first, query, "0003.png", 2)  # was 5 against 2
    judge(first, query, "0002.png", "no_image")  # was 1 against 2
    report = compute_report(study=study, resamples=200)
    rows = {
        row["aggregation"]: row
        for row in report.tables["agreement"]
        if row["category"] == "Medical (Open)"
    }
    assert (rows["exact"]["value"], rows["exact"]["n_items"]) == (1.0, 2)
    assert report.counts["n_unjudgeable"] == 1
    assert (report.counts["n_judged"], report.counts["n_open"]) == (26, 0)


def test_as_of_reads_the_study_as_it_was():
    study = make_judged_study()
    before = report_json(report=compute_report(study=study, resamples=200))
    newest = study.participants.get(pseudonym="A02").assignments.last().tasks.last()
    as_of = newest.judgments.get().pk
    judge(study.participants.get(pseudonym="A01"), study.queries.get(query_id="q1"), "0001.png", 1)
    after = report_json(report=compute_report(study=study, resamples=200))
    then = report_json(report=compute_report(study=study, resamples=200, as_of=as_of))
    assert then == before
    assert after["agreement"] != before["agreement"]


def test_a_study_that_nobody_judged_says_what_is_left_and_invents_nothing():
    study = make_study()
    category = make_category(study)
    report = compute_report(study=study, resamples=200)
    assert [notice["code"] for notice in report.notices] == ["nothing_pooled"]
    assert all(row["value"] is None for row in report.tables["agreement"])
    assert all(row["value"] is None for row in report.tables["precision"])
    assert {row["reason"] for row in report.undefined} >= {
        "nothing judged",
        "cld has no results yet",
    }
    assert category.name in {row["category"] for row in report.tables["agreement"]}


def test_pairs_still_to_be_judged_are_said():
    study = make_judged_study(judged=False)
    report = compute_report(study=study, resamples=200)
    assert report.notices == [
        {"code": "nothing_judged", "text": "Nothing is judged yet: 26 pairs to be judged."}
    ]
    # Common results need no judgment.
    assert all(row["value"] is not None for row in report.tables["model_agreement"])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        pytest.param({"is_simulated": True}, "simulated", id="simulated assessors"),
        pytest.param({"provenance": {"kind": "labels"}}, "labels", id="labels stand in for people"),
    ],
)
def test_where_judgments_come_from_is_the_first_thing_said(fields, code):
    study = make_judged_study()
    for name, content in fields.items():
        setattr(study, name, content)
    study.save()
    assert compute_report(study=study, resamples=200).notices[0]["code"] == code


def test_unjudged_results_are_said():
    study = make_study()
    category = make_category(study)
    study.collection = make_collection("more", n_images=5)
    study.save()
    query = make_query(category, "q1", study.collection.images.get(image_id="0000.png"))
    add_ranking(query, "cld", ["0001.png", "0002.png", "0003.png", "0004.png"])
    pool(query)
    person = add_participant(study, "A01")
    assign(person, query)
    judge(person, query, "0001.png", 5)
    report = compute_report(study=study, resamples=200)
    texts = {notice["code"]: notice["text"] for notice in report.notices}
    assert "25% of the results" in texts["unjudged_not_relevant"]
    assert "1 of 3 pairs are judged, 2 are still" in texts["judging_unfinished"]
    assert "judged_once" in texts
    assert value(report, "P", "ALL", "cld@5") == 0.2


def test_the_number_of_queries_does_not_depend_on_the_study(django_assert_num_queries):
    small, big = make_judged_study("small"), make_big_study(n_queries=30, n_judgments=3_000)
    for study in (small, big):
        with django_assert_num_queries(9):
            compute_report(study=study, resamples=200)


def test_the_report_is_served_to_researchers_only(client):
    study = make_judged_study()
    url = f"/api/v1/studies/{study.slug}/report/"
    assert client.get(url).status_code in (401, 403)
    client.force_login(make_user("ada"))
    assert client.get(url).status_code == 403
    client.force_login(make_user("rose", role=Role.RESEARCHER))
    answer = client.get(url)
    assert answer.status_code == 200
    body = answer.json()
    assert body["study"]["slug"] == study.slug
    assert list(body["agreement"][0]) == [
        "category",
        "aggregation",
        "measure",
        "value",
        "sd",
        "ci_low",
        "ci_high",
        "n_items",
        "n_pairs",
    ]
    assert "NaN" not in json.dumps(body)
    assert set(body["palette"]["methods"]) == {"cld", "ehd"}
    assert client.get("/api/v1/studies/none/report/").status_code == 404


def test_tables_are_served_as_csv_and_latex(client):
    study = make_judged_study()
    client.force_login(make_user("rose", role=Role.RESEARCHER))
    base = f"/api/v1/studies/{study.slug}/report/tables"
    answer = client.get(f"{base}/agreement.csv")
    lines = answer.content.decode().split("\n")
    assert lines[0] == "category,aggregation,measure,value,sd,ci_low,ci_high,n_items,n_pairs"
    assert "Medical (Open),1-2345,maa,0.6666666666666666,,,,3,3" in lines
    assert lines == [lines[0], *sorted(lines[1:-1]), ""]  # by their leading columns
    assert "\r" not in answer.content.decode()
    latex = client.get(f"{base}/precision.tex").content.decode()
    assert "cld & 33.33 & 16.67 & 8.33 & 3.33" in latex
    assert client.get(f"{base}/nonsense.csv").json()["code"] == "unknown_table"
