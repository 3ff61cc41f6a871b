import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.retrieval.trec import RunFileError, RunLine, read_trec_word, run_lines, trec_word

texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)


@given(texts)
def test_any_text_is_one_word_of_a_trec_line(text):
    word = trec_word(text)
    assert read_trec_word(word) == text
    assert word.split() == ([word] if word else [])


def test_lines_are_read_as_they_stand():
    text = "\ufeffq1 Q0 b.png 1 0.5 mine\n\r\n  q1\tQ0  a.png x -2e3 mine  \r\nq2 Q0 ünï 1 0 mine"
    assert list(run_lines(text.encode().splitlines(keepends=True), name="a.run")) == [
        RunLine(1, "q1", "b.png", 0.5, "mine"),
        RunLine(3, "q1", "a.png", -2000.0, "mine"),
        RunLine(4, "q2", "ünï", 0.0, "mine"),
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        pytest.param(b"q1 Q0 a 1 0.5\n", "Six columns are expected.*, not 5", id="five columns"),
        pytest.param(b"q1 Q0 a b 1 0.5 t\n", "not 7", id="a blank in an id"),
        pytest.param(b"q1 Q0 a 1 high t\n", "column score: must be a number", id="no number"),
        pytest.param(b"q1 Q0 a 1 nan t\n", "finite number.*not 'nan'", id="not a number"),
        pytest.param(b"q1 Q0 a 1 -inf t\n", "finite number", id="infinite"),
        pytest.param(b"q1 Q0 a 1 1e39 t\n", "within a 32-bit float", id="beyond 32 bits"),
        pytest.param(b"q1 Q0 \xff 1 1 t\n", "not UTF-8", id="no text"),
    ],
)
def test_a_bad_line_is_refused_with_its_file_and_number(line, sentence):
    lines = [b"q1 Q0 first 1 1 t\n", line]
    with pytest.raises(RunFileError, match=sentence) as caught:
        list(run_lines(lines, name="a.run"))
    assert caught.value.where == "a.run:2"
