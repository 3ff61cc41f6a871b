"""Read a release folder as text: rows with their place, and refusals that name it.

Knows no database. What a folder must hold: `study.json` with a name, and `queries.csv`.
"""

import csv
import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from apps.analytics.formats import restore_formula
from apps.analytics.release_format import FORMAT
from apps.common.errors import InvalidError
from apps.retrieval.trec import BIGGEST_SCORE, RunLine, read_trec_word, run_lines

LONGEST_CELL = 16 * 2**20  # a long note is one cell
BIGGEST = 2**31 - 1  # of a whole number in the database


class ReleaseError(InvalidError):
    """A release cannot be read; says where."""

    code = "invalid_release"


class ChangedFileError(ReleaseError):
    """A file of a release is not what study.json says."""

    code = "changed_file"


@dataclass(frozen=True)
class Row:
    """One row of a table, which knows its place for refusals."""

    file: str
    line: int
    cells: dict[str, str]

    def refuse(self, column: str, rule: str) -> NoReturn:
        shown = self.cells.get(column, "")
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise ReleaseError(
            f"column {column}: {rule}" + (f", not {shown!r}." if shown else "."),
            field=column,
            where=f"{self.file}:{self.line}",
        )

    def has(self, column: str) -> bool:
        return self.cells.get(column, "") != ""

    def text(self, column: str, *, most: int, default: str | None = None) -> str:
        """A text of 1 to `most` characters; with a default it may be missing."""
        value = self.cells.get(column, "")
        if not value and default is not None:
            return default
        if not value:
            self.refuse(column, "a value is missing")
        if len(value) > most:
            self.refuse(column, f"must have at most {most} characters")
        if "\x00" in value:
            self.refuse(column, "must not hold the character NUL")
        return value

    def whole(self, column: str, *, least: int = 0, most: int = BIGGEST) -> int | None:
        """A whole number, or None where there is none."""
        value = self.cells.get(column, "").strip()
        if not value:
            return None
        try:
            number = int(value)
        except ValueError:
            self.refuse(column, "must be a whole number")
        if not least <= number <= most:
            self.refuse(column, f"must be between {least} and {most}")
        return number

    def number(self, column: str) -> float:
        value = self.cells.get(column, "")
        try:
            number = float(value)
        except ValueError:
            self.refuse(column, "must be a number")
        if not math.isfinite(number) or abs(number) > BIGGEST_SCORE:
            self.refuse(column, "must be a finite number within a 32-bit float")
        return number

    def flag(self, column: str) -> bool:
        value = self.cells.get(column, "").strip().lower()
        if value not in {"", "0", "1", "true", "false"}:
            self.refuse(column, "must be 0 or 1")
        return value in {"1", "true"}

    def time(self, column: str) -> datetime | None:
        """A time of ISO 8601; without a zone it is UTC."""
        value = self.cells.get(column, "").strip()
        if not value:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.refuse(column, "must be a time such as 2026-03-01T12:00:00Z")
        return moment.replace(tzinfo=moment.tzinfo or UTC)

    def json(self, column: str) -> dict[str, Any]:
        value = self.cells.get(column, "")
        if not value:
            return {}
        try:
            parsed = json.loads(value)
        except ValueError:
            self.refuse(column, "must be JSON")
        if not isinstance(parsed, dict):
            self.refuse(column, "must be a JSON object")
        return parsed


class Folder:
    """A release folder, its study.json read and its checksums compared.

    Raises:
        ReleaseError: there is no study.json, or it is not one.
        ChangedFileError: a file differs from its SHA-256, or is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_dir():
            raise ReleaseError(f"There is no folder {path}.", field="folder")
        self.study = self._read_study()
        # Only our own releases write white space of TREC words as %XX.
        self._is_ours = self.study.get("format") == FORMAT
        self._check_files()

    def has(self, name: str) -> bool:
        return (self.path / name).is_file()

    def refuse(self, key: str, rule: str) -> NoReturn:
        """Refuse a value of study.json."""
        raise ReleaseError(f"{key}: {rule}", field=key, where="study.json")

    def _read_study(self) -> dict[str, Any]:
        try:
            text = (self.path / "study.json").read_text(encoding="utf-8-sig")
        except FileNotFoundError as error:
            raise ReleaseError(
                f"{self.path} is not a release: it has no study.json.", field="folder"
            ) from error
        except UnicodeDecodeError as error:
            raise ReleaseError("This is not UTF-8.", where="study.json") from error
        try:
            study = json.loads(text)
        except json.JSONDecodeError as error:
            raise ReleaseError(
                f"This is not JSON: {error.msg}.", where=f"study.json:{error.lineno}"
            ) from error
        if not isinstance(study, dict):
            raise ReleaseError("A JSON object is expected.", where="study.json:1")
        return study

    def _check_files(self) -> None:
        files = self.study.get("files", {})
        if not isinstance(files, dict):
            self.refuse("files", "must name each file's SHA-256.")
        for name, expected in files.items():
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                self.refuse("files", f"{name!r} is outside the folder.")
            path = self.path / name
            if not path.is_file():
                raise ChangedFileError(f"The file {name} is missing.", field=name, where=name)
            if self.sha256_of(name) != expected:
                raise ChangedFileError(
                    f"The file {name} was changed: it differs from its SHA-256 in study.json.",
                    field=name,
                    where=name,
                )

    def rows(self, name: str, *, required: Sequence[str]) -> Iterator[Row]:
        """Rows of a table, streamed; nothing when there is no such file.

        Raises:
            ReleaseError: it is not CSV in UTF-8, or lacks a required column.
        """
        if not self.has(name):
            return
        with (self.path / name).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            line, header = 1, None
            while True:
                # The limit is the whole process's: others keep the narrower one.
                others = csv.field_size_limit(LONGEST_CELL)
                try:
                    cells = next(reader)
                except StopIteration:
                    break
                except (csv.Error, UnicodeDecodeError) as error:
                    problem = (
                        "This is not UTF-8."
                        if isinstance(error, UnicodeDecodeError)
                        else f"This is not CSV: {error}."
                    )
                    raise ReleaseError(problem, where=f"{name}:{line}") from error
                finally:
                    csv.field_size_limit(others)
                if header is None:
                    header = self._header(name, cells, required)
                elif cells:
                    if len(cells) != len(header):
                        raise ReleaseError(
                            f"{len(header)} cells are expected, as in the header, "
                            f"not {len(cells)}.",
                            where=f"{name}:{line}",
                        )
                    restored = map(restore_formula, cells)
                    yield Row(name, line, dict(zip(header, restored, strict=True)))
                line = reader.line_num + 1
            if header is None:
                self._header(name, [], required)

    def _header(self, name: str, cells: list[str], required: Sequence[str]) -> list[str]:
        header = [cell.strip() for cell in cells]
        for column in required:
            if column not in header:
                raise ReleaseError(
                    f"The column {column} is missing.", field=column, where=f"{name}:1"
                )
        for column in header:
            if header.count(column) > 1:
                raise ReleaseError(
                    f"The column {column} occurs twice.", field=column, where=f"{name}:1"
                )
        return header

    def methods_with_runs(self) -> list[str]:
        """Names of the methods in runs/, sorted."""
        return sorted(self._run_files())

    def run_file(self, method: str) -> str:
        """The name of a method's run in the folder."""
        return self._run_files()[method]

    def sha256_of(self, name: str) -> str:
        with (self.path / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _run_files(self) -> dict[str, str]:
        paths = sorted((self.path / "runs").glob("*.run"))
        return {self._word(path.stem): f"runs/{path.name}" for path in paths}

    def _word(self, word: str) -> str:
        return read_trec_word(word) if self._is_ours else word

    def run_lines(self, method: str) -> Iterator[tuple[str, RunLine]]:
        """(file, line) of a method's run in the order of the file.

        Raises:
            ReleaseError: a line has not six columns, or its score is no number.
        """
        name = self._run_files()[method]
        with (self.path / name).open("rb") as file:
            for line in run_lines(file, name=name, error=ReleaseError):
                yield (
                    name,
                    line._replace(
                        query_id=self._word(line.query_id), image_id=self._word(line.image_id)
                    ),
                )
