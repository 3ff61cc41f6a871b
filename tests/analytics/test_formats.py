import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.formats import (
    cell,
    csv_line,
    escape_formula,
    iso_utc,
    read_csv_text,
    restore_formula,
)

texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("=1+1", "'=1+1", id="a formula"),
        pytest.param("+49 30", "'+49 30", id="a plus"),
        pytest.param("-5", "'-5", id="a text that begins with a minus"),
        pytest.param("@SUM", "'@SUM", id="an at sign"),
        pytest.param("\tx", "'\tx", id="a tab"),
        pytest.param("'=1", "''=1", id="one that is quoted already"),
        pytest.param("'tis", "'tis", id="an apostrophe before a word stays"),
        pytest.param("a=1", "a=1", id="a sign inside"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_formulas_are_escaped_and_restored(text, written):
    assert escape_formula(text) == written
    assert restore_formula(written) == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param(None, "", id="undefined is empty"),
        pytest.param(0.1, "0.1", id="a number reads back as itself"),
        pytest.param(-0.5, "-0.5", id="a negative number stays a number"),
        pytest.param(1 / 3, "0.3333333333333333", id="all digits"),
        pytest.param(True, "1", id="yes"),
        pytest.param(7, "7", id="whole"),
        pytest.param('a,"b"', '"a,""b"""', id="quotes and commas"),
        pytest.param("a\nb", '"a\nb"', id="two lines"),
        pytest.param("a\rb", '"a\rb"', id="a carriage return"),
        pytest.param(datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z", id="a time"),
    ],
)
def test_cells(value, written):
    assert cell(value) == written


def test_times_are_in_utc():
    moment = datetime(2026, 1, 2, 1, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert iso_utc(moment) == "2026-01-01T23:00:00.000005Z"


@given(st.lists(st.lists(texts, min_size=2, max_size=4), max_size=4))
def test_any_text_survives_a_csv(rows):
    written = "".join(csv_line(row) for row in rows)
    assert list(read_csv_text(written)) == rows
    # And plain RFC 4180 readers see the same cells, formulas escaped.
    plain = list(csv.reader(io.StringIO(written, newline="")))
    assert plain == [[escape_formula(text) for text in row] for row in rows]
