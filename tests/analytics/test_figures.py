"""Figures: what they show, that they say so, and that the same report gives the same bytes."""

import re

import pytest

from apps.accounts.models import Role
from apps.analytics.figures import figures_of
from apps.analytics.palette import QUALITATIVE, RAMP, level_colours, method_colours
from apps.analytics.render_child import in_fixed_order
from apps.analytics.rendering import FORMATS, RenderingError, render
from apps.analytics.selectors.report import compute_report
from tests.factories import make_study, make_user
from tests.factories.analytics import make_judged_study


def walk(value):
    yield value
    children = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    )
    for child in children:
        yield from walk(child)


@pytest.fixture
def figures(db):
    report = compute_report(study=make_judged_study(), resamples=200)
    return {figure.name: figure for figure in figures_of(report=report)}


def test_every_section_has_its_figures(figures):
    assert {name: figure.section for name, figure in figures.items()} == {
        "agreement": "agreement",
        "model_curves": "models",
        "model_matrix": "models",
        "pool_unique": "models",
        "precision": "precision",
    }


def test_every_figure_states_what_it_shows_its_axes_and_n(figures):
    for figure in figures.values():
        assert figure.title
        assert figure.spec["title"]["subtitle"][-1].startswith("Thorax")
        encodings = [
            part["encoding"]
            for part in walk(figure.spec)
            if isinstance(part, dict) and "encoding" in part
        ]
        titles = {e[axis].get("title") for e in encodings for axis in ("x", "y") if axis in e}
        assert len([title for title in titles if title]) >= 2 or figure.name == "model_matrix"
        text = str(figure.spec)
        assert "n = " in text or re.search(r"\d+ (queries|image pairs)", text)


def test_every_figure_is_valid_vega_lite(figures):
    import altair
    import jsonschema

    for figure in figures.values():
        altair.Chart.from_dict(figure.spec, validate=True)
        broken = {**figure.spec, "autosize": "no such thing"}
        with pytest.raises(jsonschema.ValidationError):
            altair.Chart.from_dict(broken, validate=True)


def test_a_figure_loads_nothing_and_fixes_no_colour_of_text_or_ground(figures):
    for figure in figures.values():
        for part in walk(figure.spec):
            if isinstance(part, dict):
                assert "url" not in part
                assert "background" not in part


def test_agreement_shows_the_cuts_in_the_order_of_the_paper(figures):
    (rows,) = figures["agreement"].spec["datasets"].values()
    order = [row["cut"] for row in rows if row["panel"].startswith("Open Domain")]
    assert order == ["1-2345", "12-345", "123-45", "1234-5", "exact"]
    assert [row["maa"] for row in rows if row["panel"].startswith("Open Domain")][1] == 0.7
    panels = list(dict.fromkeys(row["panel"] for row in rows))
    assert panels == [
        "Open Domain (n = 10 pairs)",
        "Medical (Open) (n = 3 pairs)",
        "All categories (n = 13 pairs)",
    ]


def test_the_minimal_baseline_is_one_shared_result(figures):
    (rows,) = figures["model_curves"].spec["datasets"].values()
    floors = {row["n"]: row["floor"] for row in rows if "floor" in row}
    assert floors == {1: 1.0, 2: 0.5, 3: pytest.approx(1 / 3)}


def test_simulated_judgments_are_said_in_every_figure(db):
    study = make_judged_study()
    study.is_simulated = True
    study.save()
    for figure in figures_of(report=compute_report(study=study, resamples=200)):
        assert "Simulated judgments" in figure.spec["title"]["subtitle"][-1]


def test_without_judgments_only_what_needs_none_is_drawn(db):
    study = make_judged_study(judged=False)
    names = [figure.name for figure in figures_of(report=compute_report(study=study, resamples=9))]
    assert names == ["model_curves", "model_matrix", "pool_unique"]
    empty = make_study("empty", collection=study.collection)
    assert figures_of(report=compute_report(study=empty, resamples=9)) == []


def test_the_same_report_is_drawn_to_the_same_bytes(figures):
    jobs = [(figures["precision"].spec, kind) for kind in FORMATS]
    once, again = render(jobs=jobs), render(jobs=jobs + jobs)
    assert again == once + once
    svg, png, pdf = once
    assert svg.startswith(b"<svg")
    assert png.startswith(b"\x89PNG")
    # Every offset of the rewritten table leads to the object of its number.
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF$", pdf).group(1))
    assert pdf[start:].startswith(b"xref")
    offsets = [int(line[:10]) for line in re.findall(rb"\d{10} 00000 n", pdf[start:])]
    for number, offset in enumerate(offsets, start=1):
        assert pdf[offset:].startswith(b"%d 0 obj" % number)
    assert b"/Size %d" % (len(offsets) + 1) in pdf[start:]


def test_a_pdf_of_another_structure_is_not_guessed_at():
    with pytest.raises(ValueError, match="cross-reference"):
        in_fixed_order(b"%PDF-1.7\nsomething else")


def test_a_renderer_that_fails_is_one_sentence():
    with pytest.raises(RenderingError, match="could not be drawn"):
        render(jobs=[({"mark": "no such mark"}, "no such format")])


def test_methods_keep_their_colour_and_levels_a_ramp():
    colours = method_colours(["a", "b"])
    assert colours == {"a": QUALITATIVE[0], "b": QUALITATIVE[1]}
    assert len(set(QUALITATIVE)) == len(QUALITATIVE)
    assert level_colours(2) == [RAMP[0], RAMP[-1]]
    assert level_colours(1) == [RAMP[0]]
    assert len(set(level_colours(11))) == 11


@pytest.mark.parametrize(
    ("extension", "content_type", "start"),
    [
        pytest.param("png", "image/png", b"\x89PNG", id="PNG"),
        pytest.param("vl.json", "application/json", b"{", id="the specification"),
    ],
)
def test_figures_are_served_as_files(client, db, extension, content_type, start):
    study = make_judged_study()
    url = f"/api/v1/studies/{study.slug}/report/figures/agreement.{extension}"
    client.force_login(make_user("ada"))
    assert client.get(url).status_code == 403
    client.force_login(make_user("rose", role=Role.RESEARCHER))
    answer = client.get(url)
    assert answer["Content-Type"] == content_type
    assert answer.content.startswith(start)
    assert "sandbox" in answer["Content-Security-Policy"]
    missing = client.get(url.replace("agreement", "nothing"))
    assert missing.json()["code"] == "unknown_figure"
