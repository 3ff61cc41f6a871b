"""CSV lines as the release folder has them. Text in, text out.

CSV is RFC 4180 with LF, UTF-8. A text that a spreadsheet would take for a formula gets an
apostrophe in front, and loses it when read: `'=1+1` in the file is `=1+1` in the study.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_QUOTED = re.compile(r'[",\r\n]')


def escape_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet might run (OWASP ASVS 1.2.10)."""
    return f"'{text}" if _FORMULA.match(text) else text


def restore_formula(text: str) -> str:
    """Undo `escape_formula`."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def cell(value: Any) -> str:
    """One CSV cell: None is empty, numbers and times are written so that they read back."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return iso_utc(value)
    text = escape_formula(str(value))
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def csv_line(values: Iterable[Any]) -> str:
    return ",".join(map(cell, values)) + "\n"


def csv_text(*, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A header and one line per row."""
    yield csv_line(columns)
    for row in rows:
        yield csv_line(row[column] for column in columns)


def read_csv_text(text: str) -> Iterator[list[str]]:
    """Rows of a CSV text; formula-like cells are restored."""
    for row in csv.reader(io.StringIO(text, newline=""), strict=True):
        yield [restore_formula(value) for value in row]


def iso_utc(moment: datetime) -> str:
    """ISO 8601 in UTC, with microseconds only when there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
