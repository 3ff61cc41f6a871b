from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.common.errors import DomainError
from apps.studies.design import CategoryDesign, QueryDesign, StudyDesign
from apps.studies.tables import InvalidDesignError
from apps.studies.toml import read_toml, read_toml_file, write_toml

STUDY = '''\
name = "visual-agreement"
protocol = "graded_pair"
depth = 50
overlap = 0.10
seed = 2017

[[category]]
name = "Medical (Expert)"
groups = ["MD"]
guidelines = """
depth = 0
[[query]]
"""

[[query]]
id = "q001"
category = "Medical (Expert)"
image = "chest/000123.jpg"

[[query]]
id = "q002"
category = "Medical (Expert)"
image = "chest/000124.jpg"
'''


def test_a_study_toml_is_read():
    assert read_toml(STUDY, folder=None) == StudyDesign(
        name="visual-agreement",
        depth=50,
        overlap=0.1,
        seed=2017,
        categories=(CategoryDesign("Medical (Expert)", ("MD",), "depth = 0\n[[query]]\n"),),
        queries=(
            QueryDesign(id="q001", category="Medical (Expert)", image="chest/000123.jpg"),
            QueryDesign(id="q002", category="Medical (Expert)", image="chest/000124.jpg"),
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        pytest.param("depth = 50", "depth = 0", "study.toml:3", id="a key at the top"),
        pytest.param('groups = ["MD"]', "groups = []", "study.toml:9", id="a key of a category"),
        pytest.param('groups = ["MD"]\n', "", "study.toml:7", id="a missing key: its table"),
        pytest.param("q002", "q001", "study.toml:21", id="a key of the second query"),
        pytest.param("000124", "000123", "study.toml:23", id="the image asked about twice"),
        pytest.param("seed = 2017", "seed = ", "study.toml:5", id="not TOML"),
        pytest.param("seed = 2017", "seed = 1\nseed = 2", "study.toml:6", id="a key given twice"),
        pytest.param("seed = 2017", "sed = 2017", "study.toml:5", id="an unknown key"),
    ],
)
def test_a_refusal_names_the_line(old, new, where):
    with pytest.raises(InvalidDesignError) as refusal:
        read_toml(STUDY.replace(old, new), folder=None)
    assert refusal.value.where == where
    assert str(refusal.value).startswith(f"{where}: ")


def test_a_layout_it_does_not_know_is_refused_with_the_file_alone():
    text = 'name = "x"\ncategory = [{name = "A", groups = []}]\nquery = []\n'
    with pytest.raises(InvalidDesignError) as refusal:
        read_toml(text, folder=None)
    assert refusal.value.where == "study.toml"


def test_guidelines_and_query_images_may_be_files_beside_it(tmp_path):
    (tmp_path / "guide.md").write_text("# Look\nclosely\n")
    (tmp_path / "moon.png").write_bytes(b"any")
    (tmp_path / "study.toml").write_text(
        'name = "x"\n[[category]]\nname = "A"\ngroups = ["CS"]\nguidelines = "guide.md"\n'
        '[[query]]\nid = "q1"\ncategory = "A"\nfile = "moon.png"\n'
    )
    design = read_toml_file(tmp_path / "study.toml")
    assert design.categories[0].guidelines == "# Look\nclosely\n"
    assert design.queries[0].file == tmp_path / "moon.png"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(None, "There is no file {path}.", id="missing"),
        pytest.param(b"\xff\xfe", "{path}: the file is not UTF-8 text.", id="not text"),
        pytest.param(b"", "{path}: name is needed.", id="empty"),
        pytest.param(
            b'name = "x"\n[[category]]\nname = "A"\ngroups = ["CS"]\nguidelines = "no.md"\n',
            "{path}:5: category 'A': guidelines names a file that is not there: {folder}/no.md.",
            id="guidelines that are not there",
        ),
        pytest.param(
            b'name = "x"\n[[category]]\nname = "A"\ngroups = ["CS"]\n'
            b'[[query]]\nid = "q"\ncategory = "A"\nfile = "no.png"\n',
            "{path}:8: query 'q': file is not there: {folder}/no.png.",
            id="a query image that is not there",
        ),
    ],
)
def test_a_file_is_refused_by_name(tmp_path, content, sentence):
    path = tmp_path / "study.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DomainError) as refusal:
        read_toml_file(path)
    assert str(refusal.value) == sentence.format(path=path, folder=tmp_path)


LINES = st.text(
    alphabet=st.one_of(
        st.sampled_from('"\\\n\r\t#=[]\x7f\x1f é'),
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    ),
    max_size=40,
).filter(lambda text: "\n" in text or not text.strip().lower().endswith(".md"))
WORDS = st.text(
    alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1
)


@settings(max_examples=100, deadline=None)
@given(
    description=LINES,
    guidelines=LINES,
    name=WORDS,
    overlap=st.floats(0, 1),
    seed=st.integers(0, 2**63 - 1),
)
def test_what_is_written_reads_back(description, guidelines, name, overlap, seed):
    design = StudyDesign(
        name=name,
        slug="x",
        collection="animals",
        description=description,
        overlap=overlap,
        seed=seed,
        categories=(CategoryDesign("A", ("CS", "ML"), guidelines),),
        queries=(QueryDesign(id="q1", category="A", image=name),),
    )
    again = read_toml(write_toml(design), folder=None)
    assert again == design


def test_fusions_survive_a_file():
    methods = ("cld", "ehd", "rrf(cld+ehd)", "combmnz_minmax(ehd+cld)")
    design = replace(read_toml(STUDY, folder=None), methods=methods)
    assert read_toml(write_toml(design), folder=None) == design
