"""Foreign methods: a TREC run file joins a study, before it is planned and while it is judged."""

import hashlib
import io

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from apps.accounts.models import AuditEvent, Role
from apps.assessment import services
from apps.assessment.models import Assignment, Judgment, Participant, Task
from apps.assessment.selectors import draft_plan, is_stored, monitor_of, next_cards, progress_of
from apps.assessment.services import import_run, plan_assignments
from apps.catalog.models import Image
from apps.common.errors import InvalidError
from apps.jobs.services import work_on_job
from apps.retrieval import services as retrieval
from apps.retrieval.models import ForeignRanking, ForeignRun, PoolEntry, PoolSource, Ranking
from apps.retrieval.services.runs import (
    NoSuchRunError,
    RunExistsError,
    RunIsNeededError,
    remove_run,
)
from apps.retrieval.trec import RunFileError
from apps.studies.models import Study
from apps.studies.services import NotADraftError
from tests.assessment.test_judging import judge
from tests.assessment.test_views import signed_in
from tests.factories import NOON, make_category, make_collection, make_query, make_study, make_user
from tests.factories.assessment import tasks_of

pytestmark = pytest.mark.django_db

RUN = """\
q1 Q0 0009.png 1 0.5 mine
q1 Q0 0002.png 2 7.5 mine
q1 Q0 0008.png 1 0.5 mine
q1 Q0 0003.png 9 1e-3 mine
q2 Q0 0001.png 1 2 mine
"""


@pytest.fixture
def study() -> Study:
    """Ten images; q1 is image 0, q2 image 5; depth 3. No feature space: runs need none."""
    study = make_study(collection=make_collection(n_images=10), methods=[], ranking_depth=6)
    category = make_category(study)
    make_query(category, "q1", Image.objects.get(ordinal=0))
    make_query(category, "q2", Image.objects.get(ordinal=5))
    return study


def add(study: Study, text: str = RUN, **options):
    asked = {"file_name": "mine.run", "imported_at": NOON, "imported_by": None} | options
    return import_run(study=study, file=io.BytesIO(text.encode()), **asked)


def build(study: Study):
    study.refresh_from_db()
    job = retrieval.request_pools(study=study, depth=None, device="cpu", requested_at=NOON)
    return work_on_job(job=job, worker="test")


def ranking(query_id: str, method: str = "mine") -> list[str]:
    names = dict(Image.objects.values_list("pk", "image_id"))
    images = Ranking.objects.get(query__query_id=query_id, method=method).images
    return [names[image] for image in images]


def pool(query_id: str) -> set[str]:
    entries = PoolEntry.objects.filter(query__query_id=query_id)
    return set(entries.values_list("image__image_id", flat=True))


def ledger() -> set[tuple]:
    return set(
        PoolSource.objects.values_list(
            "entry__query__query_id", "entry__image__image_id", "method", "rank", "score"
        )
    )


# --- in a draft -----------------------------------------------------------------------------------


def test_a_run_becomes_a_method_with_all_that_is_known_of_it(study):
    ada = make_user("ada")
    done = add(study, imported_by=ada)
    study.refresh_from_db()
    assert study.methods == ["mine"]
    run = ForeignRun.objects.get()
    assert (run.method, run.file_name, run.n_lines, run.in_pools) == ("mine", "mine.run", 5, True)
    assert run.sha256 == hashlib.sha256(RUN.encode()).hexdigest()
    assert (run.imported_at, run.imported_by) == (NOON, ada)
    assert AuditEvent.objects.get(action="study.import_run").detail["sha256"] == run.sha256
    assert done.sentences == [
        "mine: 5 results for 2 of 2 queries.",
        "It joins the pools when they are built.",
    ]


def test_pools_are_built_of_runs_in_the_order_of_trec_eval(study):
    """Scores fall, ties by image id descending; the rank column says nothing."""
    add(study)
    assert build(study).state == "done"
    assert ranking("q1") == ["0002.png", "0009.png", "0008.png", "0003.png"]
    assert pool("q1") == {"0002.png", "0009.png", "0008.png"}  # depth 3
    assert pool("q2") == {"0001.png"}
    stored = Ranking.objects.get(query__query_id="q1")
    assert stored.scores[0] == 7.5
    assert stored.scores[1] == 0.5 > stored.scores[2] > 0.49  # a tie: told apart
    assert stored.version == f"sha256:{ForeignRun.objects.get().sha256}"


def test_the_run_of_a_query_that_it_lacks_is_missing_not_empty(study):
    done = add(study, "q2 Q0 0001.png 1 2 t\n")
    build(study)
    assert list(Ranking.objects.values_list("query__query_id", flat=True)) == ["q2"]
    assert done.sentences[0] == "t: 1 result for 1 of 2 queries."


def test_pools_that_are_built_grow_as_if_they_were_built_again(study):
    add(study)
    build(study)
    before = ledger()
    other = (
        "q1 Q0 0004.png 1 3 t\nq1 Q0 0009.png 1 2 t\nq1 Q0 0007.png 1 1 t\nq1 Q0 0006.png 1 0 t\n"
    )
    done = add(study, other, method="other")
    grown = (ledger(), pool("q1"), ranking("q1", "other"))
    assert ledger() >= before
    assert pool("q1") == {"0002.png", "0009.png", "0008.png", "0004.png", "0007.png"}
    assert done.sentences[1:] == ["2 of its 3 pairs are new in the pools."]
    job = build(study)
    assert (job.state, job.result["changed"]) == ("done", False)
    assert (ledger(), pool("q1"), ranking("q1", "other")) == grown


@pytest.mark.parametrize("seed", range(4))
def test_any_run_adds_what_building_again_would_add(study, seed):
    """Random lists with ties and gaps; also: without it the pools are what they were."""
    rng = np.random.default_rng(seed)
    names = list(Image.objects.values_list("image_id", flat=True))

    def a_run() -> str:
        return "".join(
            f"{query} Q0 {name} 1 {rng.integers(5)} t\n"
            for query in ("q1", "q2")
            for name in rng.permutation(names)[: rng.integers(1, 9)]
        )

    add(study, a_run(), method="one")
    build(study)
    before = ledger()
    add(study, a_run(), method="two")
    grown = ledger()
    assert {row for row in grown if row[2] == "one"} == before
    assert build(study).result["changed"] is False
    remove_run(study=study, method="two", removed_at=NOON, removed_by=None)
    assert ledger() == before
    assert PoolEntry.objects.count() == len({row[:2] for row in before})
    assert build(study).result["changed"] is False


def test_what_is_screened_out_and_the_query_itself_is_passed_over(study):
    Image.objects.filter(image_id="0009.png").update(excluded="multipanel")
    done = add(study, RUN + "q1 Q0 0000.png 1 99 mine\n")
    assert done.sentences[1] == (
        "Passed over in its rankings: 1 screened out of the collection, "
        "1 being the query's own image."
    )
    build(study)
    assert ranking("q1") == ["0002.png", "0008.png", "0003.png"]
    # The file is kept whole: what takes part again later enters when pools are built again.
    Image.objects.filter(image_id="0009.png").update(excluded="")
    build(study)
    assert ranking("q1")[1] == "0009.png"


def test_rankings_are_kept_as_deep_as_all_others(study):
    lines = [f"q1 Q0 {n:04d}.png 1 {9 - n} t\n" for n in range(1, 10)]
    add(study, "".join(lines))
    build(study)
    assert len(ranking("q1", "t")) == study.ranking_depth == 6


def test_a_run_that_is_only_reported_on_adds_no_pair(study):
    add(study)
    build(study)
    before = ledger()
    done = add(study, "q1 Q0 0004.png 1 3 quiet\n", in_pools=False)
    assert ledger() == before
    assert ranking("q1", "quiet") == ["0004.png"]
    assert "stays out of the pools" in done.sentences[-1]
    assert build(study).result["changed"] is False


def test_fusions_are_made_of_runs_too(study):
    add(study)
    add(study, "q1 Q0 0001.png 1 2 t\nq1 Q0 0008.png 1 1 t\n", method="other")
    study.refresh_from_db()
    study.methods = [*study.methods, "rrf(mine+other)"]
    study.save()
    assert build(study).state == "done"
    # 0008: 1/63 + 1/62; 0001 and 0002: 1/61, by ordinal; 0009: 1/62; 0003: 1/64.
    fused = ranking("q1", "rrf(mine+other)")
    assert fused == ["0008.png", "0001.png", "0002.png", "0009.png", "0003.png"]
    with pytest.raises(RunIsNeededError, match=r"rrf\(mine\+other\) is made of mine"):
        remove_run(study=study, method="mine", removed_at=NOON, removed_by=None)


def test_the_same_file_again_changes_nothing(study):
    add(study)
    done = add(study)
    assert done.sentences == ["mine is this file already: nothing changed."]
    assert ForeignRun.objects.count() == 1


def test_a_preview_gives_the_numbers_and_keeps_nothing(study):
    done = add(study, preview=True)
    assert done.sentences[0] == "mine: 5 results for 2 of 2 queries."
    assert not ForeignRun.objects.exists()
    assert not AuditEvent.objects.exists()
    study.refresh_from_db()
    assert study.methods == []


def test_a_draft_forgets_a_run_with_its_entries(study):
    add(study)
    build(study)
    before = ledger()
    add(study, "q1 Q0 0004.png 1 3 t\nq1 Q0 0009.png 1 2 t\n", method="other")
    remove_run(study=study, method="other", removed_at=NOON, removed_by=None)
    study.refresh_from_db()
    assert (ledger(), study.methods) == (before, ["mine"])
    assert pool("q1") == {"0002.png", "0009.png", "0008.png"}
    assert not ForeignRanking.objects.filter(run__method="other").exists()
    with pytest.raises(NoSuchRunError, match="no run of 'other'"):
        remove_run(study=study, method="other", removed_at=NOON, removed_by=None)


@pytest.mark.parametrize(
    ("text", "where", "sentence"),
    [
        pytest.param("q9 Q0 0001.png 1 1 t\n", ":1", "'q9' is no query of thorax", id="query"),
        pytest.param("\nq1 Q0 x.png 1 1 t\n", ":2", "'x.png' is no image of animals", id="image"),
        pytest.param(
            "q1 Q0 0001.png 1 2 t\nq1 Q0 0001.png 2 1 t\n", ":2", "occurs twice for q1", id="twice"
        ),
        pytest.param(
            "q1 Q0 0001.png 1 2 t\nq1 Q0 0001%2Epng 2 1 t\n", "", "occurs twice", id="two spellings"
        ),
        pytest.param("q1 Q0 0001.png 1 inf t\n", ":1", "finite number", id="score"),
        pytest.param("q1 Q0 0001.png 1\n", ":1", "Six columns are expected", id="columns"),
        pytest.param("\n\n", "", "holds no result", id="empty"),
    ],
)
def test_a_run_with_a_wrong_line_is_refused_whole(study, text, where, sentence):
    with pytest.raises(RunFileError, match=sentence) as caught:
        add(study, text)
    assert caught.value.where == f"mine.run{where}"
    assert not ForeignRun.objects.exists()


@pytest.mark.parametrize(
    ("text", "method", "sentence"),
    [
        pytest.param(RUN, "cld", "another method 'cld'", id="a method of the registry"),
        pytest.param(RUN, "CLD", "another method 'CLD'", id="but for its case"),
        pytest.param(RUN, "my run", "letters, digits", id="a blank"),
        pytest.param(RUN, "rrf(a+b)", "letters, digits", id="like a fusion"),
        pytest.param(RUN, "Con.1", "no file on Windows", id="a device on Windows"),
        pytest.param(RUN, "x" * 61, "at most 60", id="too long"),
        pytest.param(RUN.replace("mine", "a/b"), "", "letters, digits", id="a tag that is no name"),
        pytest.param(RUN.replace("mine", "b", 1), "", "2 tags .*name the method", id="two tags"),
        pytest.param(RUN + "q2 Q0 0002.png 1 1 mine\n", "Mine", "a run of mine", id="taken"),
    ],
)
def test_a_method_must_have_a_name_of_its_own(study, text, method, sentence):
    add(study)
    with pytest.raises((InvalidError, RunExistsError), match=sentence):
        add(study, text, method=method)
    assert ForeignRun.objects.count() == 1


def test_ids_may_be_written_as_in_our_own_runs(study):
    Image.objects.filter(ordinal=1).update(image_id="a b%.png")
    add(study, "q1 Q0 a%20b%25.png 1 1 t\n")
    build(study)
    assert ranking("q1", "t") == ["a b%.png"]


# --- while it is judged ---------------------------------------------------------------------------


@pytest.fixture
def open_study(study) -> Study:
    """Judged by ada and bob: q1 or q2 is common, the other belongs to one of them."""
    make_user("ada", groups=("CS",))
    make_user("bob", groups=("CS",))
    add(study)
    build(study)
    study.overlap = 1.0
    study.save()
    plan_assignments(study=study, planned_at=NOON, actor=None)
    study.refresh_from_db()
    return study


OTHER = "".join(
    f"{query} Q0 {image:04d}.png 1 {10 - image} other\n"
    for query, images in {"q1": [3, 4, 6], "q2": [1, 2, 7]}.items()
    for image in images
)


def test_new_pairs_are_dealt_to_everyone_who_has_the_query(open_study):
    done = add(open_study, OTHER)
    assert done.sentences == [
        "other: 6 results for 2 of 2 queries.",
        "5 of its 6 pairs are new in the pools.",
        "They are dealt out as 10 tasks to 2 assessors.",
    ]
    for assignment in Assignment.objects.select_related("query"):
        images = {task.entry.image.image_id for task in assignment.tasks.all()}
        assert images == pool(assignment.query.query_id)
    for participant in Participant.objects.all():
        assert progress_of(participant=participant).total == 4 + 5
    assert monitor_of(study=open_study).progress.total == 18


def test_the_plan_is_the_one_that_larger_pools_would_have_had(open_study):
    """So the new candidates stand among the others, and their places tell nothing."""
    add(open_study, OTHER)
    assert is_stored(plan=draft_plan(study=open_study))
    before = list(Task.objects.values_list("pk", "position"))
    plan_assignments(study=open_study, planned_at=NOON, actor=None)
    assert list(Task.objects.values_list("pk", "position")) == before


def test_judged_pairs_stay_and_whoever_had_finished_has_work_again(open_study):
    ada, bob = Participant.objects.order_by("user__username")
    for number, task in enumerate(tasks_of(ada), start=1):
        judge(task, number)
    judge(tasks_of(bob)[0], 100)
    assert next_cards(participant=ada, limit=5) == []
    judged = dict(Judgment.objects.values_list("uuid", "task__entry"))

    done = add(open_study, OTHER)
    assert done.sentences[-1] == (
        "They are dealt out as 10 tasks to 2 assessors, 1 of whom had finished."
    )
    assert dict(Judgment.objects.values_list("uuid", "task__entry")) == judged
    ada.refresh_from_db()
    assert (progress_of(participant=ada).done, progress_of(participant=ada).total) == (4, 9)
    cards = next_cards(participant=ada, limit=20)
    assert len(cards) == 5
    judge(cards[0].task, 200)
    ada.refresh_from_db()
    assert progress_of(participant=ada).done == 5


def test_importing_it_again_deals_nothing_out_twice(open_study):
    add(open_study, OTHER)
    n_tasks = Task.objects.count()
    assert add(open_study, OTHER).sentences == ["other is this file already: nothing changed."]
    assert Task.objects.count() == n_tasks


def test_closed_assignments_get_no_new_work_and_that_is_said(open_study):
    Assignment.objects.filter(query__query_id="q1").update(closed_at=NOON)
    done = add(open_study, OTHER)
    assert done.dealt.n_tasks == 4  # q2: two new pairs for two assessors
    assert done.sentences[-1].endswith("so that nobody judges them: 3 new pairs.")


def test_a_run_that_stays_out_of_the_pools_makes_no_work(open_study):
    n_tasks = Task.objects.count()
    add(open_study, OTHER, in_pools=False)
    assert Task.objects.count() == n_tasks
    assert pool("q1") == {"0002.png", "0009.png", "0008.png"}


def test_a_closed_study_takes_a_run_only_to_report_on_it(open_study):
    Study.objects.update(state="closed")
    with pytest.raises(services.StudyClosedError, match=r"nobody would judge.*--no-pool"):
        add(open_study, OTHER)
    add(open_study, OTHER, in_pools=False)
    assert ranking("q1", "other") == ["0003.png", "0004.png", "0006.png"]


def test_an_open_study_keeps_its_runs(open_study):
    with pytest.raises(NotADraftError, match="only be removed from a draft"):
        remove_run(study=open_study, method="mine", removed_at=NOON, removed_by=None)


def test_when_dealing_fails_nothing_is_kept(open_study, monkeypatch):
    def fail(**options):
        raise RuntimeError("the power went out")

    before = (ledger(), Task.objects.count(), ForeignRun.objects.count())
    monkeypatch.setattr("apps.assessment.services.runs.recount_progress", fail)
    with pytest.raises(RuntimeError):
        add(open_study, OTHER)
    assert (ledger(), Task.objects.count(), ForeignRun.objects.count()) == before
    open_study.refresh_from_db()
    assert open_study.methods == ["mine"]


def test_a_copy_for_programs_has_the_runs(open_study):
    from apps.assessment.services.copying import copy_study

    copy = copy_study(study=open_study, slug="copy", name="Copy", provenance={}, copied_at=NOON)
    assert copy.foreign_runs.get().method == "mine"
    assert copy.foreign_runs.get().rankings.count() == 2
    assert build(copy).result["changed"] is False


# --- the command ----------------------------------------------------------------------------------


def test_the_command_imports_previews_and_removes(study, tmp_path, capsys):
    path = tmp_path / "a.run"
    path.write_text(RUN)
    call_command("import_run", "thorax", str(path), "--preview")
    assert "Only a preview" in capsys.readouterr().out
    assert not ForeignRun.objects.exists()
    call_command("import_run", "thorax", str(path), "--method", "mine-2", "--no-pool")
    assert "mine-2: 5 results for 2 of 2 queries." in capsys.readouterr().out
    assert ForeignRun.objects.get().in_pools is False
    call_command("import_run", "thorax", "--remove", "--method", "mine-2")
    assert not ForeignRun.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["nothing", "x.run"], "no study 'nothing'", id="unknown study"),
        pytest.param(["thorax", "x.run"], "There is no file x.run", id="no file"),
        pytest.param(["thorax"], "There is no file.", id="no file named"),
        pytest.param(["thorax", "--remove", "--method", "x"], "no run of 'x'", id="no run"),
    ],
)
def test_the_command_refuses_with_one_sentence(study, arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("import_run", *arguments)


# --- in the browser -------------------------------------------------------------------------------

RUNS = "/api/v1/studies/thorax/runs/"


def upload(client, text: str = RUN, **fields):
    file = SimpleUploadedFile("mine.run", text.encode())
    return client.post(RUNS, {"file": file, **fields}, format="multipart")


def test_an_admin_uploads_a_run_after_a_preview(study):
    admin = signed_in(make_user("eve", role=Role.ADMIN))
    preview = upload(admin, preview="true")
    assert (preview.status_code, preview.json()["sentences"][0]) == (
        200,
        "mine: 5 results for 2 of 2 queries.",
    )
    assert admin.get(RUNS).json() == []
    answer = upload(admin)
    assert answer.status_code == 201
    [run] = admin.get(RUNS).json()
    assert answer.json()["run"] == run
    assert (run["method"], run["n_lines"], run["in_pools"]) == ("mine", 5, True)
    assert run["imported_by"] == "eve"
    assert upload(admin).status_code == 200  # the same again
    assert admin.get("/api/v1/studies/thorax/").json()["methods"] == ["mine"]
    assert admin.delete(f"{RUNS}mine/").status_code == 204
    assert admin.get(RUNS).json() == []
    assert admin.delete(f"{RUNS}mine/").json()["code"] == "no_such_run"


def test_a_refused_upload_names_the_line(study):
    answer = upload(signed_in(make_user("eve", role=Role.ADMIN)), "q1 Q0 x.png 1 1 t\n")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_run")
    assert answer.json()["detail"] == "mine.run:1: column image: 'x.png' is no image of animals."


def test_only_admins_import_and_no_assessor_reads(study):
    researcher = signed_in(make_user("rae", role=Role.RESEARCHER))
    assert researcher.get(RUNS).status_code == 200
    assert upload(researcher).status_code == 403
    assert researcher.delete(f"{RUNS}mine/").status_code == 403
    assert signed_in(make_user("ada")).get(RUNS).status_code == 403


def test_a_design_may_name_the_runs_of_its_study_and_no_others(study):
    """The browser sends the whole design; a run survives that its method is left out of it."""
    admin = signed_in(make_user("eve", role=Role.ADMIN))
    upload(admin)
    design = {
        "name": "Thorax",
        "collection": "animals",
        "depth": 3,
        "categories": [{"name": "Open Domain", "groups": ["CS"]}],
        "queries": [
            {"id": "q1", "category": "Open Domain", "image": "0000.png"},
            {"id": "q2", "category": "Open Domain", "image": "0005.png"},
        ],
    }

    def put(methods):
        body = {"design": design | {"methods": methods}, "draft": True}
        return admin.put("/api/v1/studies/thorax/design/", body, format="json")

    assert put(["cld"]).status_code == 200
    answer = put(["mine", "rrf(cld+mine)"])
    assert (answer.status_code, answer.json()["methods"]) == (200, ["mine", "rrf(cld+mine)"])
    assert "has an unknown member, 'yours'" in put(["rrf(mine+yours)"]).json()["detail"]
    Study.objects.filter(slug="thorax").update(methods=["mine"])
    assert build(study).state == "done"
    assert pool("q2") == {"0001.png"}
