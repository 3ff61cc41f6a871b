"""What import_study takes, what it refuses, and that a refusal leaves nothing."""

import json
import shutil

import pytest
from django.apps import apps as registry
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.accounts.models import AuditEvent, User
from apps.analytics.release_reader import ChangedFileError, ReleaseError
from apps.analytics.selectors.report import compute_report
from apps.analytics.services.export import export_study
from apps.analytics.services.importing import StudyExistsError, import_study
from apps.assessment.models import Judgment
from apps.catalog.models import Collection, Image
from apps.retrieval.models import PoolSource
from apps.studies.models import Study
from tests.factories import make_collection
from tests.factories.analytics import make_judged_study
from tests.factories.pictures import picture_bytes

pytestmark = pytest.mark.django_db

JUDGMENTS = "query_id,image_id,assessor,level\nq1,a,ann,5\nq1,a,bob,4\nq1,b,ann,1\nq1,b,bob,3\n"
RUN = "q1 Q0 a 1 0.9 m\nq1 Q0 b 2 0.8 m\nq1 Q0 c 3 0.8 m\n"


def folder_with(path, **files):
    """A release folder; names with `__` are in a subfolder, `_` before the ending is a dot."""
    defaults = {"study_json": '{"name": "Minimal"}', "queries_csv": "query_id\nq1\n"}
    for name, text in (defaults | files).items():
        stem, _, ending = name.replace("__", "/").rpartition("_")
        target = path / f"{stem}.{ending}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            target.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def imported(path, **options):
    return import_study(path=path, imported_at=timezone.now(), **options).study


def row_counts():
    return {
        model._meta.label: model.objects.count()
        for model in registry.get_models()
        if model._meta.app_label
        in {"catalog", "studies", "retrieval", "assessment", "analytics", "accounts"}
    }


def test_a_name_and_queries_are_enough(tmp_path):
    study = imported(folder_with(tmp_path))
    assert (study.slug, study.state, study.protocol) == ("minimal", "closed", "graded_pair")
    assert study.aggregations == ["1-2345", "12-345", "123-45", "1234-5"]
    assert study.queries.get().category.name == "Queries"
    assert AuditEvent.objects.filter(action="study.import").count() == 1


def test_ratings_and_runs_from_anywhere_give_a_full_report(tmp_path):
    study = imported(folder_with(tmp_path, judgments_csv=JUDGMENTS, runs__m_run=RUN))
    report = compute_report(study=study, resamples=50)
    agreement = {
        row["aggregation"]: row for row in report.tables["agreement"] if row["measure"] == "maa"
    }
    assert agreement["12-345"]["value"] == 0.5  # (5, 4) agree, (1, 3) do not
    precision = {
        row["measure"]: row["value"]
        for row in report.tables["precision"]
        if row["category"] == "all"
    }
    assert precision["P@5"] == 1 / 5  # a: 4.5, b: mean 2
    # Ties by id, descending: c before b.
    ranked = study.queries.get().rankings.get().images
    ids = dict(Image.objects.values_list("pk", "image_id"))
    assert [ids[pk] for pk in ranked] == ["a", "c", "b"]
    assert PoolSource.objects.filter(entry__query__study=study).count() == 3
    # Nothing is left to do: nobody was asked to judge more.
    assert report.counts["n_open"] == 0
    people = User.objects.filter(participations__study=study)
    assert not any(person.is_active or person.has_usable_password() for person in people)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"judgments_csv": JUDGMENTS}, id="ratings only"),
        pytest.param({"runs__m_run": RUN, "runs__n_run": RUN}, id="runs only"),
        pytest.param({"judgments_csv": JUDGMENTS, "runs__m_run": RUN}, id="both"),
        pytest.param({}, id="neither"),
    ],
)
def test_a_minimal_release_is_stable_once_it_is_exported(tmp_path, files):
    study = imported(folder_with(tmp_path / "given", **files))
    export_study(study=study, folder=tmp_path / "one")
    copy = imported(tmp_path / "one", slug="copy")
    export_study(study=copy, folder=tmp_path / "two")
    for path in sorted((tmp_path / "one").rglob("*")):
        if path.is_file():
            assert (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes() == (
                path.read_bytes()
            ), path


def test_blank_ratings_are_missing_and_times_have_defaults(tmp_path):
    text = "query_id,image_id,assessor,level\nq1,a,ann,\nq1,b,ann,2\n"
    study = imported(folder_with(tmp_path, judgments_csv="\ufeff" + text))
    judgment = Judgment.objects.of_study(study).get()
    assert (judgment.level, judgment.sequence, judgment.revision) == (2, 1, 1)
    assert judgment.submitted_at == study.created_at


def test_a_scale_of_its_own(tmp_path):
    design = {"name": "Nine", "scale": [{"level": n} for n in range(1, 10)]}
    judgments = "query_id,image_id,assessor,level\nq1,a,ann,9\nq1,a,bob,6\n"
    study = imported(folder_with(tmp_path, study_json=json.dumps(design), judgments_csv=judgments))
    assert len(study.aggregations) == 8
    rows = {
        row["aggregation"]: row["value"]
        for row in compute_report(study=study, resamples=20).tables["agreement"]
        if (row["category"], row["measure"]) == ("all", "maa")
    }
    assert (rows["12345-6789"], rows["123456-789"], rows["exact"]) == (1.0, 0.0, 0.0)


REFUSALS = [
    pytest.param({"study_json": None}, "no study.json", id="no study.json"),
    pytest.param({"study_json": "{"}, "study.json:1: This is not JSON", id="no JSON"),
    pytest.param({"study_json": "[]"}, "study.json:1", id="no object"),
    pytest.param({"study_json": "{}"}, "study.json: name: a value is missing", id="no name"),
    pytest.param({"study_json": '{"name": " "}'}, "name: must not be empty", id="empty name"),
    pytest.param({"study_json": '{"name": "x", "depth": 0}'}, "depth: must be", id="depth 0"),
    pytest.param({"study_json": '{"name": "x", "overlap": 2}'}, "overlap: must be", id="overlap"),
    pytest.param({"study_json": '{"name": "x", "state": "odd"}'}, "state: must be", id="state"),
    pytest.param(
        {"study_json": '{"name": "x", "protocol": "magic"}'}, "protocol: 'magic'", id="protocol"
    ),
    pytest.param({"study_json": '{"name": "x", "aggregations": ["12-45"]}'}, "12-345", id="a cut"),
    pytest.param(
        {"study_json": '{"name": "x", "scale": [{"level": 12}, {"level": 1}]}'},
        "scale: must be",
        id="a level of 12",
    ),
    pytest.param(
        {"study_json": '{"name": "x", "categories": [{"name": "All"}]}'},
        "categories: 'All'",
        id="a category called all",
    ),
    pytest.param(
        {"study_json": '{"name": "x", "categories": [{"name": "other"}]}'},
        "categories: 'Queries'",
        id="a category that queries have is missing",
    ),
    pytest.param(
        {"study_json": '{"name": "x", "files": {"../../etc/passwd": "0"}}'},
        "outside the folder",
        id="a file outside",
    ),
    pytest.param({"queries_csv": None}, "queries.csv: The file is missing", id="no queries.csv"),
    pytest.param({"queries_csv": "query_id\n"}, "queries.csv:1: There is no query", id="no query"),
    pytest.param({"queries_csv": ""}, "queries.csv:1: The column query_id", id="an empty file"),
    pytest.param({"queries_csv": "id\nq1\n"}, "queries.csv:1: The column query_id", id="column"),
    pytest.param(
        {"queries_csv": "query_id\nq1\nq1\n"}, "queries.csv:3: column query_id", id="twice"
    ),
    pytest.param(
        {"queries_csv": "query_id,image_id\nq1,a\nq2,a\n"},
        "queries.csv:3: column image_id",
        id="an image asked about twice",
    ),
    pytest.param(
        {"queries_csv": "query_id,category\nq1,ALL\n"}, "queries.csv:2: column category", id="all"
    ),
    pytest.param(
        {"queries_csv": f"query_id\n{'x' * 61}\n"}, "at most 60 characters", id="a long id"
    ),
    pytest.param(
        {"queries_csv": b"query_id\nq\xff\n"}, "queries.csv:1: This is not UTF-8", id="not UTF-8"
    ),
    pytest.param(
        {"queries_csv": "query_id,query_id\nq1,q1\n"}, "column query_id occurs twice", id="header"
    ),
    pytest.param(
        {"judgments_csv": "query_id,image_id,level\nq1,a,5\n"},
        "judgments.csv:1: The column assessor is missing",
        id="judgments without assessors",
    ),
    pytest.param(
        {"judgments_csv": JUDGMENTS + "q1,c,ann,6\n"},
        "judgments.csv:6: column level: must be a level of the scale (1, 2, 3, 4, 5), not '6'",
        id="a level beyond the scale",
    ),
    pytest.param(
        {"judgments_csv": JUDGMENTS + "q1,c,ann,2.5\n"},
        "judgments.csv:6: column level: must be a whole number",
        id="half a level",
    ),
    pytest.param(
        {"judgments_csv": JUDGMENTS + "q1,a,ann,5\n"},
        "judgments.csv:6: column assessor: must not judge the same pair twice",
        id="two ratings of one pair",
    ),
    pytest.param(
        {"judgments_csv": JUDGMENTS + "q9,a,ann,5\n"},
        "judgments.csv:6: column query_id: must be in queries.csv",
        id="a query that is not there",
    ),
    pytest.param(
        {"judgments_csv": JUDGMENTS + "q1,c\n"}, "judgments.csv:6: 4 cells", id="a short row"
    ),
    pytest.param(
        {"judgments_csv": JUDGMENTS + 'q1,"c\n'}, "judgments.csv:6: This is not CSV", id="a quote"
    ),
    pytest.param(
        {"judgments_csv": "query_id,image_id,assessor,level,status\nq1,a,ann,5,perhaps\n"},
        "judgments.csv:2: column status",
        id="a status",
    ),
    pytest.param(
        {"judgments_csv": "query_id,image_id,assessor,level,status\nq1,a,ann,5,unjudgeable:x\n"},
        "judgments.csv:2: column level: must be empty",
        id="unjudgeable with a level",
    ),
    pytest.param(
        {"judgments_csv": "query_id,image_id,assessor,level,submitted_at\nq1,a,ann,5,noon\n"},
        "judgments.csv:2: column submitted_at",
        id="a time",
    ),
    pytest.param(
        {"judgments_csv": JUDGMENTS, "images_csv": "image_id\na\nq1\n"},
        "judgments.csv:4: column image_id: must be in images.csv, not 'b'",
        id="an image that is not there",
    ),
    pytest.param(
        {"judgments_csv": JUDGMENTS, "assessors_csv": "assessor\nann\n"},
        "judgments.csv:3: column assessor: must be in assessors.csv, not 'bob'",
        id="an assessor that is not there",
    ),
    pytest.param(
        {"judgments_csv": JUDGMENTS, "assignments_csv": "assessor,query_id\nann,q1\n"},
        "judgments.csv:3: column assessor: must be in assignments.csv",
        id="judged without an assignment",
    ),
    pytest.param(
        {
            "judgment_history_csv": "query_id,image_id,assessor,level,revision,sequence\n"
            "q1,a,ann,5,1,1\nq1,a,ann,4,3,2\n"
        },
        "judgment_history.csv:3: column revision: must count from 1",
        id="a gap in a history",
    ),
    pytest.param(
        {
            "judgment_history_csv": "query_id,image_id,assessor,level,revision,sequence\n"
            "q1,a,ann,5,1,1\nq1,a,ann,4,2,2\n",
            "judgments_csv": "query_id,image_id,assessor,level,revision,sequence\nq1,a,ann,5,1,1\n",
        },
        "judgments.csv:2: column revision: must be the newest revision",
        id="a current judgment that is not the newest",
    ),
    pytest.param(
        {"runs__m_run": "q1 Q0 a 1 0.9\n"}, "runs/m.run:1: Six columns", id="a run of five columns"
    ),
    pytest.param(
        {"runs__m_run": RUN + "q1 Q0 d 4 high m\n"},
        "runs/m.run:4: column score: must be a number, not 'high'",
        id="a score in words",
    ),
    pytest.param({"runs__m_run": "q1 Q0 a 1 nan m\n"}, "runs/m.run:1: column score", id="NaN"),
    pytest.param(
        {"runs__m_run": RUN + "q1 Q0 a 4 0.1 m\n"},
        "runs/m.run:4: column image: 'a' must not occur twice",
        id="an image twice in a run",
    ),
    pytest.param(
        {"runs__m_run": "q7 Q0 a 1 0.9 m\n"}, "runs/m.run:1: column query: 'q7'", id="run's query"
    ),
    pytest.param(
        {"runs__m_run": RUN, "images_csv": "image_id\na\nb\nq1\n"},
        "runs/m.run:3: column image: 'c' must be in images.csv",
        id="run's image",
    ),
    pytest.param(
        {"pools_csv": "query_id,image_id,method,rank,score\nq1,a,m,0,1\n"},
        "pools.csv:2: column rank",
        id="rank 0",
    ),
    pytest.param(
        {"pools_csv": "query_id,image_id,method,rank,score\nq1,a,m,1,1\nq1,a,m,2,1\n"},
        "pools.csv:3: column method",
        id="a pair found twice",
    ),
    pytest.param(
        {"images_csv": "image_id\nq1\nq1\n"}, "images.csv:3: column image_id", id="image twice"
    ),
    pytest.param(
        {"images_csv": "image_id,width\nq1,wide\n"}, "images.csv:2: column width", id="a width"
    ),
    pytest.param(
        {"images_csv": "image_id\nq1\n", "captions_csv": "image_id,caption\nx,text\n"},
        "captions.csv:2: column image_id",
        id="a caption of no image",
    ),
]


@pytest.mark.parametrize(("files", "sentence"), REFUSALS)
def test_a_bad_release_is_refused_in_one_sentence_and_leaves_nothing(tmp_path, files, sentence):
    before = row_counts()
    folder = folder_with(tmp_path, **files)
    with pytest.raises(ReleaseError) as refusal:
        imported(folder)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert row_counts() == before


def test_no_folder_and_a_taken_address(tmp_path):
    with pytest.raises(CommandError, match="There is no folder"):
        call_command("import_study", str(tmp_path / "none"))
    imported(folder_with(tmp_path / "one"))
    with pytest.raises(StudyExistsError, match="give another --slug"):
        imported(tmp_path / "one")
    with pytest.raises(ReleaseError, match="--slug"):
        imported(tmp_path / "one", slug="No Slug")
    assert Study.objects.count() == 1


def test_a_changed_byte_is_refused_with_the_name_of_the_file(tmp_path):
    export_study(study=make_judged_study(), folder=tmp_path / "out")
    before = row_counts()
    for name in ("judgments.csv", "runs/cld.run", "report/figures/precision.pdf"):
        folder = tmp_path / "changed"
        shutil.copytree(tmp_path / "out", folder)
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
        with pytest.raises(ChangedFileError, match=f"The file {name} was changed"):
            imported(folder, slug="copy")
        (folder / name).unlink()
        with pytest.raises(ChangedFileError, match=f"The file {name} is missing"):
            imported(folder, slug="copy")
        shutil.rmtree(folder)
    assert row_counts() == before


def test_images_come_along_when_the_release_has_them(tmp_path):
    content = picture_bytes(width=40, height=30)
    folder = folder_with(
        tmp_path,
        queries_csv="query_id,image_id\nq1,chest/1.png\n",
        runs__m_run="q1 Q0 two.png 1 0.5 m\n",
    )
    (folder / "images/chest").mkdir(parents=True)
    (folder / "images/chest/1.png").write_bytes(content)
    (folder / "images/two.png").write_bytes(b"no picture")
    result = import_study(path=folder, imported_at=timezone.now())
    assert result.images.attached == 1
    assert result.images.unreadable[0].startswith("two.png: ")
    image = Image.objects.get(image_id="chest/1.png")
    assert (image.width, image.height, image.has_derivatives) == (40, 30, True)
    # Exported with images and imported into an empty place, they are the same.
    export_study(study=result.study, folder=tmp_path / "out", images=True)
    assert (tmp_path / f"out/images/{image.sha256}.png").read_bytes() == content
    Collection.objects.update(name="Renamed")
    again = import_study(path=tmp_path / "out", imported_at=timezone.now(), slug="again")
    assert again.placeholder
    assert again.images.attached == 1
    export_study(study=again.study, folder=tmp_path / "two", images=True)
    assert (tmp_path / "two/study.json").read_bytes() == (tmp_path / "out/study.json").read_bytes()


def test_an_image_id_leads_nowhere_outside_the_folder(tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture_bytes(width=20, height=20))
    folder = folder_with(
        tmp_path / "release", queries_csv="query_id,image_id\nq1,../../secret.png\n"
    )
    (folder / "images").mkdir()
    assert import_study(path=folder, imported_at=timezone.now()).images.attached == 0


def test_a_placeholder_collection_gets_a_free_address(tmp_path):
    make_collection("minimal-images")
    study = imported(folder_with(tmp_path))
    assert study.collection.slug == "minimal-images-2"
