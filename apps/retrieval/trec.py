"""TREC run files: their words and lines. Text in, text out; knows no database."""

import math
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from apps.common.errors import InvalidError

BIGGEST_SCORE = 3.4e38  # of a 32-bit float, which tools read runs into
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UNSAFE_IN_LINE = re.compile(r"[\s%\x00-\x1f\x7f]")


class RunFileError(InvalidError):
    """A run cannot be read; names its file and line."""

    code = "invalid_run"


class RunLine(NamedTuple):
    line: int
    query_id: str
    image_id: str
    score: float
    tag: str


def trec_word(text: str) -> str:
    """A text as one word of a TREC line: white space and `%` become %XX (UTF-8)."""
    return _UNSAFE_IN_LINE.sub(
        lambda match: "".join(f"%{byte:02X}" for byte in match.group().encode()), text
    )


def read_trec_word(word: str) -> str:
    """Undo `trec_word`."""
    return unquote(word, errors="strict") if "%" in word else word


def run_lines(
    file: Iterable[bytes], *, name: str, error: type[InvalidError] = RunFileError
) -> Iterator[RunLine]:
    """The lines of a run (`query Q0 image rank score tag`) as they stand; blank ones are skipped.

    Args:
        file: lines as bytes, as a file opened in binary mode gives them.
        name: of the file, for refusals.
        error: what to raise.

    Raises:
        InvalidError: of the class `error`, naming the line: it is not UTF-8, has not six
            columns, or its score is not a finite number within a 32-bit float.
    """
    for number, raw in enumerate(file, start=1):
        where = f"{name}:{number}"
        line = raw.removeprefix(_BYTE_ORDER_MARK) if number == 1 else raw
        try:
            words = [word.decode() for word in line.split()]
        except UnicodeDecodeError as failure:
            raise error("This is not UTF-8.", where=where) from failure
        if not words:
            continue
        if len(words) != 6:
            raise error(
                f"Six columns are expected (query Q0 image rank score tag), not {len(words)}.",
                where=where,
            )
        query_id, _, image_id, _, score, tag = words
        yield RunLine(number, query_id, image_id, _score_of(score, where=where, error=error), tag)


def _score_of(word: str, *, where: str, error: type[InvalidError]) -> float:
    shown = word if len(word) <= 60 else f"{word[:57]}..."
    try:
        score = float(word)
    except ValueError as failure:
        raise error(
            f"column score: must be a number, not {shown!r}.", field="score", where=where
        ) from failure
    if not math.isfinite(score) or abs(score) > BIGGEST_SCORE:
        raise error(
            f"column score: must be a finite number within a 32-bit float, not {shown!r}.",
            field="score",
            where=where,
        )
    return score
