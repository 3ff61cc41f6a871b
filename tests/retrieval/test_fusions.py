import pytest

from apps.retrieval.fusions import LONGEST_NAME, fusion_kinds, fusion_of, is_fusion
from apps.retrieval.registry import UnknownMethodError


def test_a_name_says_the_kind_and_the_members():
    fusion = fusion_of(name="combmnz_z(r_full+r_sum+My-run.2)")
    assert fusion.kind.name == "combmnz_z"
    assert fusion.members == ("r_full", "r_sum", "My-run.2")
    titles = {"r_full": "ResNet full", "r_sum": "ResNet sum"}
    assert fusion.title(titles) == "CombMNZ, z-scores of ResNet full + ResNet sum + My-run.2"
    assert is_fusion(name=fusion.name)
    assert not is_fusion(name="r_full")


def test_the_order_of_the_members_means_nothing():
    assert fusion_of(name="rrf(a+b)").meaning == fusion_of(name="rrf(b+a)").meaning
    assert fusion_of(name="rrf(a+b)").meaning != fusion_of(name="rrf(a+c)").meaning
    assert fusion_of(name="rrf(a+b)").meaning != fusion_of(name="combsum_z(a+b)").meaning


@pytest.mark.parametrize("kind", fusion_kinds(), ids=lambda kind: kind.name)
def test_a_kind_is_what_its_entry_says(kind):
    assert callable(kind.load())
    assert fusion_of(name=f"{kind.name}(a+b)").kind == kind


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("max(a+b)", "no known kind; there are rrf, combsum_z", id="unknown kind"),
        pytest.param("rrf(a)", "at least two", id="one member"),
        pytest.param("rrf(a+a)", "a member twice", id="a member twice"),
        pytest.param("rrf(a+rrf(b+c))", "not written like", id="a fusion of fusions"),
        pytest.param("rrf()", "not written like", id="no member"),
        pytest.param("rrf(a+)", "not written like", id="an empty member"),
        pytest.param("rrf(a+b", "not written like", id="not closed"),
        pytest.param("rrf(a + b)", "not written like", id="blanks"),
        pytest.param(f"rrf(a+{'b' * LONGEST_NAME})", "at most 200", id="too long"),
    ],
)
def test_what_is_no_fusion_is_refused_with_one_sentence(name, sentence):
    with pytest.raises(UnknownMethodError, match=sentence):
        fusion_of(name=name)
