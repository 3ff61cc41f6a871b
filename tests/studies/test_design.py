import pytest

from apps.studies import methods
from apps.studies.design import CategoryDesign, QueryDesign, StudyDesign, parse_design
from apps.studies.tables import InvalidDesignError


@pytest.fixture(autouse=True)
def _known_methods(monkeypatch):
    monkeypatch.setattr(methods, "_known", [lambda: ["cld", "ehd", "r_max"]])


def raw(**changes):
    """A design that is right, with some keys changed; None takes a key away."""
    design = {
        "name": "Thorax",
        "categories": [{"name": "Medical (Open)", "groups": ["MD", "ML"]}],
        "queries": [{"id": "q1", "category": "Medical (Open)", "image": "chest/1.jpg"}],
    }
    return {key: value for key, value in (design | changes).items() if value is not None}


def category(**changes):
    return [{"name": "Medical (Open)", "groups": ["MD"]} | changes]


def query(**changes):
    return {"id": "q1", "category": "Medical (Open)", "image": "chest/1.jpg"} | changes


def test_everything_but_name_categories_and_queries_has_a_default():
    assert parse_design(raw()) == StudyDesign(
        name="Thorax",
        slug="",
        collection="",
        description="",
        protocol="graded_pair",
        methods=("r_full", "r_sum", "r_max", "gf", "cw"),
        depth=50,
        overlap=0.10,
        seed=0,
        categories=(CategoryDesign(name="Medical (Open)", groups=("MD", "ML")),),
        queries=(QueryDesign(id="q1", category="Medical (Open)", image="chest/1.jpg"),),
    )


def test_the_words_of_toml_and_of_json_mean_the_same():
    design = raw()
    toml = design | {"category": design.pop("categories"), "query": design.pop("queries")}
    toml = {key: value for key, value in toml.items() if key not in {"categories", "queries"}}
    assert parse_design(toml) == parse_design(raw())


def test_what_is_given_is_taken():
    design = parse_design(
        raw(depth=3, overlap=1, seed=2**63 - 1, methods=["ehd", "cld"], slug="thorax-2026")
    )
    assert (design.depth, design.overlap, design.seed) == (3, 1.0, 2**63 - 1)
    assert (design.methods, design.slug) == (("ehd", "cld"), "thorax-2026")


@pytest.mark.parametrize(
    ("design", "field", "sentence"),
    [
        pytest.param([], "design", "The design must be a table", id="not a table"),
        pytest.param(raw(name=None), "name", "name is needed.", id="no name"),
        pytest.param(raw(name="  "), "name", "name must not be empty.", id="blank name"),
        pytest.param(
            raw(name="a\nb"), "name", "name must not hold control", id="name of two lines"
        ),
        pytest.param(raw(name="\ud800"), "name", "control characters", id="half a character"),
        pytest.param(
            raw(name=7), "name", "name must be text in quotes, not 7.", id="name a number"
        ),
        pytest.param(raw(dept=3), "dept", "did you mean 'depth'?", id="unknown key, near word"),
        pytest.param(raw(slug="A b"), "slug", "slug must be small letters", id="unfit slug"),
        pytest.param(raw(slug="from-toml"), "slug", "slug must be", id="slug that is an address"),
        pytest.param(raw(depth=0), "depth", "must be from 1 to 10000, not 0.", id="depth 0"),
        pytest.param(raw(depth=-5), "depth", "not -5.", id="negative depth"),
        pytest.param(raw(depth="50"), "depth", "a whole number, not '50'.", id="depth as text"),
        pytest.param(raw(depth=2.5), "depth", "a whole number, not 2.5.", id="broken depth"),
        pytest.param(raw(depth=True), "depth", "a whole number, not True.", id="depth true"),
        pytest.param(raw(overlap=10), "overlap", "(0.1 is 10 %), not 10.", id="overlap in percent"),
        pytest.param(raw(overlap=-0.1), "overlap", "not -0.1.", id="negative overlap"),
        pytest.param(raw(overlap=float("nan")), "overlap", "not nan.", id="overlap nan"),
        pytest.param(raw(overlap="half"), "overlap", "must be a number", id="overlap as text"),
        pytest.param(raw(seed=-1), "seed", "not -1.", id="negative seed"),
        pytest.param(raw(seed=2**63), "seed", "must be from 0 to", id="seed too large to keep"),
        pytest.param(
            raw(protocol="graded_pairs"), "protocol", "did you mean 'graded_pair'?", id="protocol"
        ),
        pytest.param(raw(methods=[]), "methods", "must name at least one", id="no method"),
        pytest.param(raw(methods="cld"), "methods", "must be a list", id="methods as text"),
        pytest.param(raw(methods=["cld", "cld"]), "methods", "names 'cld' twice", id="twice"),
        pytest.param(
            raw(methods=["r_mx"]), "methods", "did you mean 'r_max'?", id="method misspelt"
        ),
        pytest.param(
            raw(queries=[]), "queries", "A study needs at least one query", id="no queries"
        ),
        pytest.param(
            raw(queries=None), "queries", "A study needs at least one query", id="queries missing"
        ),
        pytest.param(
            raw(categories=None), "categories", "at least one category", id="categories missing"
        ),
        pytest.param(raw(queries=["q1"]), "queries", "a list of tables", id="queries of words"),
        pytest.param(raw(query=[query()]), "queries", "mean the same", id="both query and queries"),
        pytest.param(
            raw(categories=category(groups=[])),
            "categories.0.groups",
            "category 'Medical (Open)': groups must name at least one",
            id="category with an empty list of groups",
        ),
        pytest.param(
            raw(categories=category(groups=None)),
            "categories.0.groups",
            "groups is needed",
            id="category without groups",
        ),
        pytest.param(
            raw(categories=category(groups=["M;D"])),
            "categories.0.groups",
            "'M;D' must not hold a semicolon",
            id="a group whose name a release could not list",
        ),
        pytest.param(
            raw(categories=category(group=["MD"])),
            "categories.0.group",
            "did you mean 'groups'?",
            id="unknown key of a category",
        ),
        pytest.param(
            raw(categories=category(name="All")),
            "categories.0.name",
            "must not be 'all'",
            id="category all",
        ),
        pytest.param(
            raw(categories=category() + category(name="medical (open)")),
            "categories.1.name",
            "is given to two categories",
            id="two categories of one name",
        ),
        pytest.param(
            raw(categories=[*category(), *category(name="Open Domain")]),
            "categories.1",
            "category 'Open Domain' has no query.",
            id="a category without queries",
        ),
        pytest.param(
            raw(categories=category(guidelines="guide.md")),
            "categories.0.guidelines",
            "names the file guide.md, which is not here",
            id="guidelines in a file, over HTTP",
        ),
        pytest.param(
            raw(queries=[query(), query(image="2.jpg")]),
            "queries.1.id",
            "query 'q1': id is given to two queries.",
            id="duplicate query ids",
        ),
        pytest.param(
            raw(queries=[query(), query(id="q2")]),
            "queries.1.image",
            "chest/1.jpg is asked about already, by query 'q1'.",
            id="the same image twice",
        ),
        pytest.param(
            raw(queries=[query(id="q 1")]), "queries.0.id", "must not hold blanks", id="blank in id"
        ),
        pytest.param(
            raw(queries=[query(category="Medical")]),
            "queries.0.category",
            "'Medical' is unknown; did you mean 'Medical (Open)'?",
            id="unknown category",
        ),
        pytest.param(
            raw(queries=[query(image="")]), "queries.0.image", "is needed", id="query without image"
        ),
        pytest.param(
            raw(queries=[query(file="x.png")]),
            "queries.0.image",
            "or else file",
            id="query with image and file",
        ),
        pytest.param(
            raw(queries=[query(image=None, file="/etc/passwd")]),
            "queries.0.file",
            "upload it",
            id="a file of the server, over HTTP",
        ),
    ],
)
def test_a_design_is_refused_with_its_field(design, field, sentence):
    with pytest.raises(InvalidDesignError) as refusal:
        parse_design(design)
    assert refusal.value.field == field
    assert sentence in str(refusal.value)
    assert str(refusal.value)[-1] in ".?"
    assert "\n" not in str(refusal.value)


def test_any_method_will_do_while_nobody_registered_one(monkeypatch):
    monkeypatch.setattr(methods, "_known", [])
    assert parse_design(raw(methods=["mine"])).methods == ("mine",)


def test_a_source_of_method_names_is_registered_once(monkeypatch):
    monkeypatch.setattr(methods, "_known", [])

    def names():
        return ["cld"]

    methods.register_known_methods(names)
    methods.register_known_methods(names)
    assert methods._known == [names]
    assert methods.known_methods() == {"cld"}


@pytest.mark.parametrize(
    ("methods", "sentence"),
    [
        pytest.param(["gf"], "methods 'gf' is unknown", id="unknown method"),
        pytest.param(["rrf(cld+gf)"], "has an unknown member, 'gf'", id="unknown member"),
        pytest.param(["rrf(cld)"], "must have at least two members", id="one member"),
        pytest.param(["sum(cld+ehd)"], "is of no known kind; there are rrf", id="unknown kind"),
        pytest.param(["mine"], r"'mine' is unknown.*\(import_run\)", id="a run of another study"),
    ],
)
def test_methods_are_known_or_fusions_of_known_ones(methods, sentence):
    with pytest.raises(InvalidDesignError, match=sentence) as caught:
        parse_design(raw(methods=methods))
    assert caught.value.field == "methods"


def test_fusions_and_a_studys_own_runs_are_methods():
    methods = ("cld", "mine", "rrf(cld+ehd)", "combmnz_z(cld+mine)")
    design = parse_design(raw(methods=list(methods)), own_methods=["mine"])
    assert design.methods == methods
