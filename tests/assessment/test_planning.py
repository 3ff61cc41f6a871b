import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import AuditEvent, ExpertiseGroup, Role
from apps.assessment import services
from apps.assessment.models import Assignment, Judgment, Participant, Task
from apps.assessment.selectors import plan_of
from apps.assessment.services.planning import plan_assignments
from apps.retrieval.models import PoolEntry
from apps.studies.models import Category, Study
from tests.assessment.test_judging import judge
from tests.assessment.test_views import signed_in
from tests.factories import NOON, make_study, make_user
from tests.factories.assessment import make_pooled_study, tasks_of

pytestmark = pytest.mark.django_db


def plan(study, **options):
    return plan_assignments(study=study, planned_at=NOON, actor=None, **options)


def rows(study):
    """All that a plan decides, without keys of rows."""
    return list(
        Task.objects.filter(assignment__participant__study=study)
        .order_by("assignment__participant__pseudonym", "assignment__position", "position")
        .values_list(
            "assignment__participant__pseudonym",
            "assignment__participant__user__username",
            "assignment__query__query_id",
            "assignment__common",
            "assignment__position",
            "entry__image__image_id",
            "position",
        )
    )


@pytest.fixture
def study():
    """Two categories of ten queries with three candidates; x judges in both."""
    study = make_pooled_study(
        categories={"Medical": ("MD", "ML"), "Open": ("CS",)}, n_queries=10, n_candidates=3
    )
    make_user("ada", groups=("MD",))
    make_user("bob", groups=("CS",))
    make_user("eve", groups=("CS",), role=Role.ADMIN)
    make_user("xan", groups=("ML", "CS"))
    return study


def test_a_plan_opens_the_study_and_is_balanced_across_everyone(study):
    summary = plan(study)
    study.refresh_from_db()
    assert (study.state, summary.state) == ("open", "open")
    # Common: one query of each category. Medical: ada, xan; Open: bob, eve, xan: 5 common
    # assignments and 18 dealt queries, of 3 pairs: 23 queries, 69 pairs, for four people.
    assert summary.total_pairs == 69
    assert sorted(own.n_queries for own in summary.assessors) == [5, 6, 6, 6]
    assert summary.spread == 3
    assert [
        (own.name, own.n_queries, own.n_common, own.n_assessors, own.n_pairs)
        for own in summary.categories
    ] == [
        ("Medical", 10, 1, 2, 33),
        ("Open", 10, 1, 3, 36),
    ]
    by_name = {own.username: own for own in summary.assessors}
    assert by_name["xan"].n_common == 2
    assert by_name["xan"].groups == ["CS", "ML"]
    assert by_name["eve"].groups == ["CS"]  # an admin, but in the group
    assert {own.pseudonym for own in summary.assessors} == {"A01", "A02", "A03", "A04"}


def test_every_pair_is_there_once_for_each_of_its_assessors(study):
    plan(study)
    for query in study.queries.all():
        entries = sorted(query.pool.values_list("pk", flat=True))
        assignments = list(query.assignments.prefetch_related("tasks"))
        for assignment in assignments:
            tasks = sorted(assignment.tasks.all(), key=lambda task: task.position)
            assert sorted(task.entry_id for task in tasks) == entries
            assert [task.position for task in tasks] == [1, 2, 3]
        n_assessors = {"Medical": 2, "Open": 3}[query.category.name]
        assert len(assignments) == (n_assessors if assignments[0].common else 1)
        assert len({assignment.common for assignment in assignments}) == 1
    for participant in study.participants.all():
        positions = participant.assignments.order_by("position").values_list("position", flat=True)
        assert list(positions) == list(range(1, len(positions) + 1))
        assert (
            participant.n_tasks == Task.objects.filter(assignment__participant=participant).count()
        )
        assert (participant.n_done, participant.last_sequence) == (0, 0)


def test_the_orders_of_queries_and_candidates_differ_between_assessors():
    study = make_pooled_study(n_queries=10, n_candidates=12, overlap=1.0)
    for name in ("ada", "bob"):
        make_user(name, groups=("CS",))
    plan(study)
    one, two = study.participants.all()
    of_queries = [
        [own.query_id for own in person.assignments.order_by("position")] for person in (one, two)
    ]
    assert sorted(of_queries[0]) == sorted(of_queries[1])
    assert of_queries[0] != of_queries[1]
    query = study.queries.first()
    of_candidates = [
        list(
            Task.objects.filter(assignment__participant=person, assignment__query=query)
            .order_by("position")
            .values_list("entry", flat=True)
        )
        for person in (one, two)
    ]
    assert of_candidates[0] != of_candidates[1]
    ranked = list(query.pool.order_by("sources__rank").values_list("pk", flat=True))
    assert ranked not in of_candidates


def test_planning_again_with_nothing_changed_changes_nothing(study):
    plan(study)
    before = list(Task.objects.order_by("pk").values_list("pk", "uuid"))
    events = AuditEvent.objects.count()
    assert plan(study) == plan_of(study=Study.objects.get())
    assert list(Task.objects.order_by("pk").values_list("pk", "uuid")) == before
    assert AuditEvent.objects.count() == events


def test_same_seed_same_plan_whatever_the_order_of_the_rows(study):
    plan(study)
    first = rows(study)
    Task.objects.all().delete()
    Assignment.objects.all().delete()
    Participant.objects.all().delete()
    # The pools come back in another order, with other keys.
    pools = list(PoolEntry.objects.order_by("-pk").values_list("query", "image"))
    PoolEntry.objects.all().delete()
    for query, image in pools:
        PoolEntry.objects.create(query_id=query, image_id=image)
    plan(study)
    assert rows(study) == first


def test_another_seed_another_plan(study):
    plan(study)
    first = rows(study)
    Study.objects.update(seed=1)
    plan(study)
    assert rows(study) != first


def test_a_plan_that_nobody_has_judged_by_follows_a_change(study):
    plan(study)
    make_user("zoe", groups=("MD",))
    summary = plan(study)
    assert len(summary.assessors) == study.participants.count() == 5
    assert sum(own.n_queries for own in summary.assessors) == 24  # one more of the common ones


def test_a_preview_has_the_same_numbers_and_writes_nothing(study):
    preview = plan(study, preview=True)
    study.refresh_from_db()
    assert study.state == Study.State.DRAFT
    assert not Participant.objects.exists()
    assert not AuditEvent.objects.exists()
    planned = plan(study)
    assert (preview.planned, planned.planned) == (False, True)
    assert (preview.assessors, preview.categories) == (planned.assessors, planned.categories)
    assert (preview.total_pairs, preview.spread) == (planned.total_pairs, planned.spread)


def test_a_judged_study_keeps_its_plan(study):
    plan(study)
    participant = study.participants.first()
    judge(tasks_of(participant)[0])
    assert plan(study).planned  # the same plan again: fine
    make_user("zoe", groups=("MD",))
    with pytest.raises(services.JudgingHasBegunError, match=r"Judging has begun \(1 so far\)"):
        plan(study)
    assert len(plan(study, preview=True).assessors) == 5
    assert Judgment.objects.count() == 1
    assert study.participants.count() == 4


def test_people_who_are_inactive_or_programs_do_not_take_part(study):
    make_user("gone", groups=("MD",)).__class__.objects.filter(username="gone").update(
        is_active=False
    )
    make_user("robot", groups=("MD",)).__class__.objects.filter(username="robot").update(
        is_simulated=True
    )
    assert {own.username for own in plan(study).assessors} == {"ada", "bob", "eve", "xan"}


def no_queries(study):
    return make_study("empty", collection=study.collection)


def no_pools(study):
    PoolEntry.objects.filter(query__query_id__in=["q003", "q011"]).delete()
    return study


def no_groups(study):
    Category.objects.get(name="Open").groups.clear()
    return study


def nobody_in_the_groups(study):
    for group in ExpertiseGroup.objects.filter(name__in=["MD", "ML"]):
        group.members.clear()
    return study


def closed(study):
    Study.objects.update(state=Study.State.CLOSED)
    return study


@pytest.mark.parametrize(
    ("broken", "refusal", "words"),
    [
        pytest.param(no_queries, services.NoQueriesError, "'empty' has no queries"),
        pytest.param(no_pools, services.NoPoolsError, "q003, q011 have no pool"),
        pytest.param(no_groups, services.NoAssessorsError, "'Open' names no group"),
        pytest.param(nobody_in_the_groups, services.NoAssessorsError, r"'Medical'.*\(MD, ML\)"),
        pytest.param(closed, services.StudyClosedError, "closed"),
    ],
    ids=lambda value: value.__name__.replace("_", " ") if hasattr(value, "__name__") else value,
)
def test_what_cannot_be_planned_is_refused_and_leaves_nothing(study, broken, refusal, words):
    study = broken(study)
    before = Study.objects.get(pk=study.pk).state
    for preview in (True, False):
        with pytest.raises(refusal, match=words):
            plan(study, preview=preview)
    assert Study.objects.get(pk=study.pk).state == before
    assert not Participant.objects.exists()


def test_a_category_without_queries_needs_nobody(study):
    Category.objects.create(study=study, name="Later", position=9)
    summary = plan(study)
    assert [(own.name, own.n_queries, own.n_pairs) for own in summary.categories][2] == (
        "Later",
        0,
        0,
    )


def test_the_plan_is_in_the_audit_log(study):
    plan(study)
    event = AuditEvent.objects.get()
    assert (event.action, event.object) == ("study.plan", "study:thorax")
    assert event.detail == {"assessors": 4, "pairs": 69, "seed": 2017}


def test_only_the_batches_of_rows_grow_with_people_and_pairs(study):
    big = make_pooled_study(
        "big", categories={"Medical": ("MD", "ML"), "Open": ("CS",)}, n_queries=20, n_candidates=30
    )
    statements = []
    for planned in (study, big):
        with CaptureQueriesContext(connection) as log:
            plan(planned)
        statements.append([query["sql"].split()[0] for query in log.captured_queries])
        for number in range(10):
            make_user(f"p{number}-{planned.slug}", groups=("MD", "CS"))
    small, large = (
        [verb for verb in verbs if verb not in {"INSERT", "SAVEPOINT", "RELEASE"}]
        for verbs in statements
    )
    assert len(small) == len(large) <= 20
    assert len(statements[1]) < 60  # for 1,800 tasks


# --- over HTTP ----------------------------------------------------------------------------------


def test_an_admin_plans_over_http(study):
    admin = signed_in(make_user("root", role=Role.ADMIN))
    address = "/api/v1/studies/thorax/plan/"
    empty = admin.get(address).json()
    assert (empty["planned"], empty["assessors"], empty["total_pairs"]) == (False, [], 0)
    preview = admin.post(address, {"preview": True}).json()
    assert (preview["planned"], preview["state"], preview["total_pairs"]) == (False, "draft", 69)
    planned = admin.post(address).json()
    assert (planned["planned"], planned["state"], planned["seed"]) == (True, "open", 2017)
    assert planned["assessors"] == preview["assessors"]
    assert admin.get(address).json() == planned
    assert AuditEvent.objects.get().actor.username == "root"
    assert set(planned["assessors"][0]) == {
        "username",
        "name",
        "pseudonym",
        "groups",
        "n_queries",
        "n_common",
        "n_pairs",
    }


def test_a_refusal_over_http_names_the_field(study):
    no_pools(study)
    answer = signed_in(make_user("root", role=Role.ADMIN)).post("/api/v1/studies/thorax/plan/")
    assert answer.status_code == 409
    assert (answer.json()["code"], answer.json()["field"]) == ("no_pools", "pools")


@pytest.mark.parametrize("role", [Role.ASSESSOR, Role.RESEARCHER])
def test_only_an_admin_plans(study, role):
    answer = signed_in(make_user("bert", role=role)).post("/api/v1/studies/thorax/plan/")
    assert answer.status_code == 403
    assert not Participant.objects.exists()


# --- the command --------------------------------------------------------------------------------


def run(*arguments) -> str:
    out = io.StringIO()
    call_command("plan_assignments", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_shows_the_plan(study):
    shown = run("thorax", "--preview")
    assert "nothing was written" in shown
    assert not Participant.objects.exists()
    assert "69 pairs in all; seed 2017; most less fewest of an assessor: 3" in shown
    planned = run("thorax")
    assert planned.splitlines()[:-1] == shown.splitlines()[:-1]
    assert "open for judging" in planned


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["nothing"], "no study 'nothing'", id="an unknown study"),
        pytest.param(["thorax"], "'Open' names no group", id="a category without assessors"),
    ],
)
def test_the_command_refuses_in_one_sentence(study, arguments, words):
    no_groups(study)
    with pytest.raises(CommandError, match=words) as refusal:
        run(*arguments)
    assert "\n" not in str(refusal.value)
