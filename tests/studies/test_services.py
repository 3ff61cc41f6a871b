import io
from datetime import timedelta

import pytest
from PIL import Image as Pillow

from apps.accounts.models import AuditEvent, ExpertiseGroup
from apps.assessment.models import Assignment, Participant
from apps.common.errors import InvalidError
from apps.retrieval.models import PoolEntry
from apps.studies import selectors, services
from apps.studies.design import parse_design
from apps.studies.models import Query, Study
from apps.studies.protocols import GRADED_PAIR
from apps.studies.tables import InvalidDesignError
from apps.studies.toml import read_toml, write_toml
from tests.factories import NOON, make_collection, make_user

pytestmark = pytest.mark.django_db

MED, OPEN = "Medical (Open)", "Open Domain"


def design_of(**changes):
    return parse_design(
        {
            "name": "Thorax 2026",
            "depth": 3,
            "methods": ["cld", "ehd"],
            "categories": [{"name": MED, "groups": ["MD"]}, {"name": OPEN, "groups": ["CS", "MD"]}],
            "queries": [
                {"id": "q1", "category": OPEN, "image": "0002.png"},
                {"id": "q2", "category": MED, "image": "0000.png"},
            ],
        }
        | changes
    )


def make(on=None, **changes) -> Study:
    return services.create_study(
        design=design_of(**changes),
        collection=on or make_collection(n_images=4),
        created_at=NOON,
        created_by=None,
    )


def change(study, **changes) -> Study:
    return services.change_design(
        study=study, design=design_of(**changes), changed_at=NOON, changed_by=None
    )


def png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", (32, 24), (shade, 10, 200)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_study_is_made_with_its_groups_and_the_protocols_defaults():
    study = make()
    assert study.slug == "thorax-2026"
    assert (study.state, study.depth, study.ranking_depth) == ("draft", 3, 500)
    assert study.scale == list(GRADED_PAIR.scale)
    assert study.relevance == "12-345"
    assert list(study.queries.values_list("query_id", "category__name", "image__image_id")) == [
        ("q1", OPEN, "0002.png"),
        ("q2", MED, "0000.png"),
    ]
    assert list(ExpertiseGroup.objects.values_list("name", flat=True)) == ["CS", "MD"]
    for category in study.categories.all():
        assert category.guidelines == GRADED_PAIR.guidelines
        assert "**thing**" in category.guidelines
    event = AuditEvent.objects.get(action="study.create")
    assert (event.object, event.actor, event.at) == ("study:thorax-2026", None, NOON)


def test_rankings_are_kept_as_deep_as_the_pool():
    assert make(depth=700).ranking_depth == 700


def test_its_toml_makes_it_again():
    study = make(
        description="Two\nlines",
        seed=7,
        overlap=0.25,
        categories=[
            {"name": MED, "groups": ["MD"], "guidelines": "Look *closely*.\n"},
            {"name": OPEN, "groups": ["CS", "MD"]},
        ],
    )
    again = read_toml(write_toml(selectors.design_of(study=study)), folder=None)
    assert again == design_of(
        slug="thorax-2026",
        collection="animals",
        description="Two\nlines",
        seed=7,
        overlap=0.25,
        categories=[
            {"name": MED, "groups": ["MD"], "guidelines": "Look *closely*.\n"},
            {"name": OPEN, "groups": ["CS", "MD"]},
        ],
    )


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        pytest.param(
            {
                "queries": [
                    {"id": "q1", "category": OPEN, "image": "0002.png"},
                    {"id": "q2", "category": MED, "image": "none.png"},
                ]
            },
            InvalidDesignError,
            "query 'q2': image none.png is not in the collection animals.",
            id="unknown image",
        ),
        pytest.param(
            {
                "queries": [
                    {"id": "q1", "category": OPEN, "image": "0002.png"},
                    {"id": "q2", "category": MED, "image": "0003.png"},
                ]
            },
            InvalidDesignError,
            "query 'q2': image 0003.png is excluded from the collection (multipanel).",
            id="excluded image",
        ),
        pytest.param(
            {"collection": "plants"},
            InvalidDesignError,
            "collection is 'plants' in the design, but 'animals' was asked for.",
            id="another collection",
        ),
        pytest.param(
            {"name": "???"},
            InvalidDesignError,
            "slug is needed: the name has no letters for one.",
            id="a name without letters",
        ),
        pytest.param(
            {"slug": "taken"},
            services.StudyExistsError,
            "There is a study 'taken' already.",
            id="taken short name",
        ),
    ],
)
def test_a_refusal_leaves_nothing_behind(changes, error, sentence):
    collection = make_collection(n_images=4)
    collection.images.filter(image_id="0003.png").update(excluded="multipanel")
    make(collection, slug="taken")
    before = AuditEvent.objects.count()
    groups = [{"name": MED, "groups": ["New"]}, {"name": OPEN, "groups": ["CS"]}]
    with pytest.raises(error) as refusal:
        make(collection, **({"categories": groups} | changes))
    assert str(refusal.value) == sentence
    assert Study.objects.count() == 1
    assert not ExpertiseGroup.objects.filter(name="New").exists()
    assert AuditEvent.objects.count() == before


def test_a_query_from_a_file_has_no_place_in_the_collection(tmp_path):
    collection = make_collection(n_images=4)
    (tmp_path / "moon.png").write_bytes(png(7))
    text = write_toml(design_of()).replace('image = "0002.png"', 'file = "moon.png"')
    study = services.create_study(
        design=read_toml(text, folder=tmp_path),
        collection=collection,
        created_at=NOON,
        created_by=None,
    )
    image = study.queries.get(query_id="q1").image
    assert (image.ordinal, image.width, image.height) == (None, 32, 24)
    assert collection.images.members().count() == 4


def test_a_query_file_that_is_no_image_is_refused_with_its_line(tmp_path):
    (tmp_path / "moon.png").write_bytes(b"no image")
    text = write_toml(design_of()).replace('image = "0002.png"', 'file = "moon.png"')
    line = text.split("\n").index('file = "moon.png"') + 1
    with pytest.raises(InvalidDesignError, match=r"query 'q1': moon\.png") as refusal:
        services.create_study(
            design=read_toml(text, folder=tmp_path),
            collection=make_collection(n_images=4),
            created_at=NOON,
            created_by=None,
        )
    assert refusal.value.where == f"study.toml:{line}"
    assert not Study.objects.exists()


def test_two_files_with_the_same_bytes_are_one_image(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(png(7))
    text = write_toml(design_of()).replace('image = "0002.png"', 'file = "a.png"')
    text = text.replace('image = "0000.png"', 'file = "b.png"')
    with pytest.raises(InvalidDesignError, match="query 'q2': file the image is asked about alr"):
        services.create_study(
            design=read_toml(text, folder=tmp_path),
            collection=make_collection(n_images=4),
            created_at=NOON,
            created_by=None,
        )


def test_a_drafts_guidelines_change_without_losing_its_pools():
    study = make()
    query = study.queries.get(query_id="q1")
    PoolEntry.objects.create(query=query, image=study.collection.images.get(image_id="0001.png"))
    categories = [
        {"name": MED, "groups": ["ML"], "guidelines": "Look."},
        {"name": OPEN, "groups": ["CS"]},
    ]
    change(study, name="Renamed", categories=categories, overlap=0.5)
    study.refresh_from_db()
    assert (study.name, study.slug, study.overlap) == ("Renamed", "thorax-2026", 0.5)
    medical = study.categories.get(name=MED)
    assert medical.guidelines == "Look."
    assert [group.name for group in medical.groups.all()] == ["ML"]
    assert PoolEntry.objects.filter(query=query).count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"depth": 4}, id="another depth"),
        pytest.param({"methods": ["cld"]}, id="other methods"),
        pytest.param(
            {
                "queries": [
                    {"id": "q1", "category": OPEN, "image": "0001.png"},
                    {"id": "q2", "category": MED, "image": "0000.png"},
                ]
            },
            id="another query",
        ),
    ],
)
def test_pools_are_forgotten_when_what_they_answer_changes(changes):
    study = make()
    image = study.collection.images.get(image_id="0003.png")
    PoolEntry.objects.create(query=study.queries.get(query_id="q2"), image=image)
    change(study, **changes)
    assert not PoolEntry.objects.exists()
    assert study.queries.count() == 2
    assert study.categories.count() == 2


@pytest.mark.parametrize("state", ["open", "closed"])
def test_only_a_draft_changes_or_goes(state):
    study = make()
    Study.objects.update(state=state)
    with pytest.raises(services.NotADraftError, match=f"This study is {state}: only a draft"):
        change(study)
    with pytest.raises(services.NotADraftError, match=f"This study is {state}: only a draft"):
        services.delete_study(study=study, deleted_at=NOON, deleted_by=None)
    with pytest.raises(services.NotADraftError, match=f"This study is {state}: only a draft"):
        services.add_query(
            study=study, query_id="q3", category=OPEN, file_name="a.png", content=png(1),
            added_at=NOON, added_by=None,
        )  # fmt: skip


def test_a_planned_draft_keeps_its_queries():
    """The plan protects what it rests on, even while the study has not opened."""
    study = make()
    ada = Participant.objects.create(study=study, user=make_user("ada"), pseudonym="A1")
    Assignment.objects.create(participant=ada, query=study.queries.get(query_id="q1"), position=0)
    with pytest.raises(services.NotADraftError, match="planned already"):
        change(study, depth=4)
    with pytest.raises(services.NotADraftError, match="planned already"):
        services.delete_study(study=study, deleted_at=NOON, deleted_by=None)
    study.refresh_from_db()
    assert (study.depth, study.queries.count()) == (3, 2)


def test_a_draft_is_deleted_but_not_its_trace():
    study = make()
    services.delete_study(study=study, deleted_at=NOON, deleted_by=None)
    assert not Study.objects.exists()
    assert not Query.objects.exists()
    assert AuditEvent.objects.filter(action="study.delete", object="study:thorax-2026").exists()


def test_a_study_is_closed_and_opened_again_by_somebody():
    root = make_user("root", role="admin")
    study = make()
    with pytest.raises(services.WrongStateError, match=r"This study is draft, not open\."):
        services.close_study(study=study, closed_at=NOON, closed_by=root)
    Study.objects.update(state="open")
    assert services.close_study(study=study, closed_at=NOON, closed_by=root).state == "closed"
    with pytest.raises(services.WrongStateError, match=r"This study is closed, not open\."):
        services.close_study(study=study, closed_at=NOON, closed_by=root)
    later = NOON + timedelta(hours=1)
    assert services.reopen_study(study=study, opened_at=later, opened_by=root).state == "open"
    with pytest.raises(services.WrongStateError, match=r"This study is open, not closed\."):
        services.reopen_study(study=study, opened_at=later, opened_by=root)
    events = AuditEvent.objects.filter(actor=root).values_list("action", "at")
    assert list(events) == [("study.close", NOON), ("study.reopen", later)]


def test_an_image_from_outside_becomes_a_query():
    study = make()
    query = services.add_query(
        study=study, query_id="q3", category=MED, file_name="moon.png", content=png(7),
        added_at=NOON, added_by=None,
    )  # fmt: skip
    assert (query.position, query.category.name, query.image.ordinal) == (2, MED, None)


def test_an_image_of_the_collection_becomes_a_query_by_its_id():
    study = make()
    free = study.collection.images.exclude(queries__study=study).first()
    query = services.add_query(
        study=study, query_id="q3", category=MED, image_id=free.image_id, added_at=NOON,
        added_by=None,
    )  # fmt: skip
    assert (query.position, query.image) == (2, free)
    for image_id, sentence in (
        (free.image_id, "asked about already, by query 'q3'"),
        ("none.png", "image none.png is not in the collection"),
    ):
        with pytest.raises(InvalidDesignError, match=sentence) as refusal:
            services.add_query(
                study=study, query_id="q4", category=MED, image_id=image_id, added_at=NOON,
                added_by=None,
            )  # fmt: skip
        assert refusal.value.field == "image"


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        pytest.param({"query_id": "q1"}, "id", "id 'q1' is given to another", id="taken id"),
        pytest.param({"query_id": "q 3"}, "id", "no blanks", id="blank in the id"),
        pytest.param({"category": "No"}, "category", "'No' is unknown", id="unknown category"),
        pytest.param({"content": b"GIF89a no"}, "file", "moon.png", id="no image"),
        pytest.param({"content": png(7)}, "file", "asked about already", id="the same image"),
    ],
)
def test_an_uploaded_query_is_refused(given, field, sentence):
    study = make()
    new = {
        "study": study, "category": MED, "file_name": "moon.png", "added_at": NOON,
        "added_by": None,
    }  # fmt: skip
    services.add_query(**(new | {"query_id": "first", "content": png(7)}))
    with pytest.raises(InvalidError, match=sentence) as refusal:
        services.add_query(**(new | {"query_id": "q3", "content": png(8)} | given))
    assert refusal.value.field == field
    assert study.queries.count() == 3


def test_a_category_without_assessors_is_noted():
    study = make()
    make_user("ada", groups=("CS",))
    gone = make_user("gone", groups=("MD",))
    gone.is_active = False
    gone.save()
    (notice,) = selectors.notices_of(study=selectors.study_named(slug=study.slug))
    assert notice.code == "category_without_assessors"
    assert notice.text == (
        "Nobody can judge Medical (Open) yet: its groups (MD) have no assessors."
    )


def test_what_a_draft_lacks_is_noted():
    collection = make_collection(n_images=1)
    raw = {"name": "Thorax", "collection": "animals"}
    empty = services.create_study(
        design=parse_design(raw, draft=True),
        collection=collection,
        created_at=NOON,
        created_by=None,
    )
    row = selectors.study_named(slug=empty.slug)
    assert [notice.text for notice in selectors.notices_of(study=row)] == [
        "This study has no category yet."
    ]
    services.change_design(
        study=empty,
        design=parse_design(raw | {"categories": [{"name": OPEN}]}, draft=True),
        changed_at=NOON,
        changed_by=None,
    )
    row = selectors.study_named(slug=empty.slug)
    assert [notice.text for notice in selectors.notices_of(study=row)] == [
        "Open Domain has no query yet.",
        "Open Domain names no group yet.",
    ]


def test_an_unknown_study_is_refused_with_the_nearest_name():
    make()
    with pytest.raises(selectors.UnknownStudyError) as refusal:
        selectors.study_named(slug="thorax-2062")
    assert str(refusal.value) == "There is no study 'thorax-2062'; did you mean 'thorax-2026'?"
