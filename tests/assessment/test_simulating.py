import io
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from apps.accounts.models import AuditEvent, User
from apps.assessment import services
from apps.assessment.models import Judgment, Participant
from apps.assessment.services import Simulation
from apps.catalog.models import Image
from apps.common.errors import InvalidError
from apps.retrieval.models import PoolEntry, PoolSource, Ranking
from apps.studies.models import Study
from tests.factories import NOON, make_user
from tests.factories.assessment import make_pooled_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    """Two categories of four queries with ten candidates; every third image is a dog."""
    study = make_pooled_study(
        categories={"Medical": ("MD",), "Open": ("CS", "ML")}, n_queries=4, n_candidates=10
    )
    images = list(study.collection.images.all())
    for image in images:
        image.metadata = {
            "label": "dog" if image.ordinal % 3 == 0 else "cat",
            "kind": "photo" if image.ordinal % 2 == 0 else "drawing",
        }
    Image.objects.bulk_update(images, ["metadata"])
    for query in study.queries.all():
        images = list(query.pool.values_list("image", flat=True))
        Ranking.objects.create(query=query, method="cld", images=images, scores=[0.0] * 10)
    make_user("ada", groups=("MD", "CS"))
    make_user("bob", groups=("CS",))
    return study


def simulate(study, slug="copy", **options):
    how = {name: options.pop(name) for name in list(options) if hasattr(Simulation(), name)}
    return services.simulate_assessors(
        study=study,
        slug=slug,
        simulation=Simulation(**how),
        simulated_at=NOON,
        actor=None,
        **options,
    )


def answers(study):
    return list(
        Judgment.objects.filter(participant__study=study)
        .order_by("participant__pseudonym", "sequence")
        .values_list(
            "participant__pseudonym",
            "task__assignment__query__query_id",
            "task__entry__image__image_id",
            "level",
            "active_ms",
            "submitted_at",
            "sequence",
        )
    )


def test_the_copy_is_judged_and_marked_and_the_study_is_as_before(study):
    copy = simulate(study)
    assert copy.is_simulated
    assert copy.provenance["kind"] == "simulated"
    assert copy.provenance["study"] == "thorax"
    assert copy.name == "Thorax (simulated)"
    assert copy.state == Study.State.CLOSED
    people = User.objects.filter(participations__study=copy)
    assert all(person.is_simulated and not person.has_usable_password() for person in people)
    assert not any(person.groups_of_expertise.exists() for person in people)
    study.refresh_from_db()
    assert (study.state, study.is_simulated, study.provenance) == ("draft", False, {})
    assert not Participant.objects.filter(study=study).exists()


def test_pools_ledger_and_rankings_are_copied(study):
    copy = simulate(study)
    for name, of in ((PoolEntry, "query"), (PoolSource, "entry__query"), (Ranking, "query")):
        rows = [
            sorted(
                name.objects.filter(**{f"{of}__study": one}).values_list(
                    f"{of}__query_id",
                    *{PoolSource: ("entry__image", "method", "rank", "score")}.get(name, ()),
                )
            )
            for one in (study, copy)
        ]
        assert rows[0] == rows[1]
        assert rows[0]
    assert [
        (category.name, sorted(group.name for group in category.groups.all()))
        for category in copy.categories.all()
    ] == [("Medical", ["MD"]), ("Open", ["CS", "ML"])]


def test_there_is_a_program_for_every_person_and_two_where_nobody_is(study):
    copy = simulate(study)
    # ada is in MD and CS, bob in CS, nobody in ML.
    assert sorted(tuple(own.groups) for own in copy.participants.all()) == [
        ("CS",),
        ("CS", "MD"),
        ("ML",),
        ("ML",),
    ]


def test_the_number_of_programs_can_be_chosen(study):
    copy = simulate(study, assessors_per_group=3)
    groups = [group for own in copy.participants.all() for group in own.groups]
    assert sorted(groups) == ["CS"] * 3 + ["MD"] * 3 + ["ML"] * 3


def test_everything_is_judged_once_through_the_same_constraints(study):
    copy = simulate(study)
    for participant in copy.participants.all():
        own = Judgment.objects.filter(participant=participant).order_by("sequence")
        assert [judgment.sequence for judgment in own] == list(range(1, participant.n_tasks + 1))
        assert participant.n_done == participant.last_sequence == participant.n_tasks
        times = [judgment.submitted_at for judgment in own]
        assert times == sorted(set(times))
    assert services.recount_progress(study=copy) == 0
    batches = AuditEvent.objects.filter(action="judgment.simulate")
    assert sum(event.detail["last"] - event.detail["first"] + 1 for event in batches) == (
        Judgment.objects.count()
    )


def test_the_same_seed_gives_the_same_judgments(study):
    def undone(**options):
        """The answers of a simulation that is taken back afterwards."""
        with transaction.atomic():
            given = answers(simulate(study, **options))
            transaction.set_rollback(True)
        return given

    assert undone(seed=5, bias=True) == undone(seed=5, bias=True)
    assert undone(seed=5, bias=True) != undone(seed=6, bias=True)
    assert undone(seed=5, bias=True) != undone(seed=5)


def test_labels_decide_the_truth(study):
    copy = simulate(study, labels=True, same={"label": 4, "kind": 2})
    assert copy.is_simulated
    assert copy.provenance["kind"] == "labels"
    assert copy.provenance["same"] == {"label": 4, "kind": 2}
    assert copy.name == "Thorax (labels)"
    rows = Judgment.objects.filter(participant__study=copy).values_list(
        "level", "task__entry__image__ordinal", "task__assignment__query__image__ordinal"
    )
    for level, candidate, query in rows:
        same_label = (candidate % 3 == 0) == (query % 3 == 0)
        same_kind = candidate % 2 == query % 2
        assert level == (4 if same_label else 2 if same_kind else 1)
    assert {level for level, *_ in rows} == {1, 2, 4}


def test_programs_err_as_often_as_asked(study):
    copy = simulate(study, same={"label": 5}, accuracy=0.5, assessors_per_group=4)
    rows = list(
        Judgment.objects.filter(participant__study=copy).values_list(
            "level", "task__entry__image__ordinal", "task__assignment__query__image__ordinal"
        )
    )
    right = sum(
        level == (5 if (candidate % 3 == 0) == (query % 3 == 0) else 1)
        for level, candidate, query in rows
    )
    assert right / len(rows) == pytest.approx(0.5, abs=0.15)


def test_a_share_is_judged_from_the_beginning_and_the_copy_stays_open(study):
    copy = simulate(study, share=0.5)
    assert copy.state == Study.State.OPEN
    for participant in copy.participants.all():
        assert participant.n_done == participant.n_tasks // 2
        judged = Judgment.objects.filter(participant=participant)
        order = list(
            judged.order_by("sequence").values_list("task__assignment__position", "task__position")
        )
        assert order == sorted(order)
        assert order[0] == (1, 1)


def test_everybody_starts_when_asked(study):
    start = datetime(2020, 5, 4, 8, 0, tzinfo=UTC)
    copy = simulate(study, starts_at=start, pace_ms=1_000)
    first = Judgment.objects.filter(participant__study=copy, sequence=1)
    assert all(0 < (own.submitted_at - start).total_seconds() < 10 for own in first)


@pytest.mark.parametrize(
    ("options", "refusal", "field"),
    [
        pytest.param({"slug": "thorax"}, services.CopyExistsError, "copy", id="the study's name"),
        pytest.param({"slug": "No good"}, InvalidError, "copy", id="a name with a blank"),
        pytest.param({"accuracy": 1.1}, InvalidError, "accuracy", id="accuracy above 1"),
        pytest.param({"accuracy": float("nan")}, InvalidError, "accuracy", id="accuracy NaN"),
        pytest.param({"share": -0.1}, InvalidError, "share", id="a negative share"),
        pytest.param({"pace_ms": 0}, InvalidError, "pace_ms", id="no pace"),
        pytest.param(
            {"assessors_per_group": 0}, InvalidError, "assessors_per_group", id="no programs"
        ),
        pytest.param({"labels": True}, InvalidError, "same", id="labels without columns"),
        pytest.param({"same": {"lable": 4}}, InvalidError, "same", id="a column that is not there"),
        pytest.param({"same": {"label": 6}}, InvalidError, "same", id="a level beyond the scale"),
    ],
)
def test_what_cannot_be_simulated_is_refused_and_leaves_nothing(study, options, refusal, field):
    with pytest.raises(refusal) as raised:
        simulate(study, **options)
    assert raised.value.field == field
    assert Study.objects.count() == 1
    assert not User.objects.filter(is_simulated=True).exists()


def test_a_study_without_pools_is_refused(study):
    PoolEntry.objects.all().delete()
    with pytest.raises(services.NoPoolsError, match="no pools"):
        simulate(study)
    assert Study.objects.count() == 1


def test_real_people_stay_out_of_the_copy_and_programs_out_of_the_study(study):
    copy = simulate(study)
    assert not copy.participants.filter(user__is_simulated=False).exists()
    make_user("eve", groups=("ML",))
    services.plan_assignments(study=study, planned_at=NOON, actor=None)
    assert not study.participants.filter(user__is_simulated=True).exists()


# --- the command --------------------------------------------------------------------------------


def run(*arguments) -> str:
    out = io.StringIO()
    call_command("simulate_assessors", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_makes_a_copy_and_says_what_it_is(study):
    said = run("thorax")
    copy = Study.objects.get(slug="thorax-simulated")
    assert "Programs judged" in said
    assert "marked as simulated" in said
    assert copy.provenance["seed"] == 2017  # the study's own
    assert copy.provenance["accuracy"] == 0.85


def test_the_command_takes_every_option(study):
    said = run(
        "thorax", "--copy", "labels", "--labels", "--same", "label=4", "--same", "kind=2",
        "--assessors-per-group", "2", "--share", "0.5", "--seed", "9", "--pace-ms", "2000",
        "--accuracy", "0.9", "--bias", "--start", "2025-01-01T00:00Z",
    )  # fmt: skip
    assert "Labels stood in for people" in said
    copy = Study.objects.get(slug="labels")
    assert copy.participants.count() == 6
    assert copy.provenance["seed"] == 9
    assert Judgment.objects.first().submitted_at.year == 2025


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["nothing"], "no study 'nothing'", id="an unknown study"),
        pytest.param(["thorax", "--same", "label"], "COLUMN=LEVEL", id="no level"),
        pytest.param(["thorax", "--same", "label=x"], "COLUMN=LEVEL", id="a level in words"),
        pytest.param(
            ["thorax", "--same", "lable=4"], "'lable'; there are: kind, label", id="a misspelling"
        ),
        pytest.param(["thorax", "--same", "label=4", "--same", "label=5"], "twice", id="twice"),
        pytest.param(["thorax", "--start", "now"], "2026-01-05T09:00Z", id="no time"),
        pytest.param(["thorax", "--copy", "thorax"], "already", id="the copy is there"),
    ],
)
def test_the_command_refuses_in_one_sentence(study, arguments, words):
    with pytest.raises(CommandError, match=words):
        run(*arguments)
    assert Image.objects.exists()
    assert Study.objects.count() == 1
