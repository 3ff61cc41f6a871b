"""CSV files that come with images: manifest, captions, labels. Errors name file and line."""

import contextlib
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from apps.catalog.sources.names import checked_name
from apps.common.errors import InvalidError

FILE_COLUMNS = ("file_name", "path")


class BadTableError(InvalidError):
    """A CSV file that cannot be used; `where` names the file and the line."""

    code = "bad_table"


@dataclass(frozen=True)
class ManifestRow:
    """One line of a manifest: a file, the id it shall have, and all other columns."""

    line: int
    file_name: str
    image_id: str
    metadata: dict[str, str]


@dataclass
class Captions:
    """Captions by the image they belong to, in order, with the line that first named it."""

    where: str
    by_file: bool  # keys are file names, not image_ids
    texts: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


def read_rows(file: IO[bytes], *, where: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of the line and its cells by column, one row in memory at a time.

    UTF-8 with or without a byte order mark, RFC 4180. Empty lines are passed over.

    Raises:
        BadTableError: another encoding, a NUL, no header, a column named twice, a row with more
            or fewer cells than the header, a cell of more than 128 KiB.
    """
    start = file.read(4)
    file.seek(0)
    if start[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise BadTableError("It is UTF-16: save it as UTF-8.", where=where)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    reader = csv.reader(text, strict=True)
    line = 1
    header: list[str] = []
    try:
        while True:
            line = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                break
            if any("\0" in cell for cell in cells):
                raise BadTableError("A cell holds a NUL byte.", where=f"{where}:{line}")
            if not cells or not any(cells):
                continue
            if not header:
                header = _checked_header([cell.strip() for cell in cells], where=f"{where}:{line}")
                continue
            if len(cells) != len(header):
                raise BadTableError(
                    f"It has {len(cells)} cells where the header has {len(header)} columns.",
                    where=f"{where}:{line}",
                )
            yield line, dict(zip(header, cells, strict=True))
    except UnicodeDecodeError as error:
        raise BadTableError("It is not UTF-8.", where=f"{where}:{line}") from error
    except csv.Error as error:
        raise BadTableError(f"It is no valid CSV: {error}.", where=f"{where}:{line}") from error
    finally:
        with contextlib.suppress(ValueError):  # the file is closed already
            text.detach()
    if not header:
        raise BadTableError("It is empty: the first line must name the columns.", where=where)


def _checked_header(header: list[str], *, where: str) -> list[str]:
    for name in header:
        if header.count(name) > 1:
            raise BadTableError(f"The column {name!r} is there twice.", where=where, field=name)
        if not name:
            raise BadTableError("A column has no name.", where=where)
    return header


def _column(row: dict[str, str], names: tuple[str, ...], *, where: str) -> str:
    for name in names:
        if name in row:
            return name
    raise BadTableError(
        f"The column {' or '.join(names)} is missing (there are: {', '.join(row)}).",
        where=where,
        field=names[0],
    )


def read_manifest(file: IO[bytes], *, where: str) -> Iterator[ManifestRow]:
    """Yield the manifest's rows; the image_id is the file's name where no column gives it.

    Raises:
        BadTableError: see `read_rows`; or a name that leads out of the folder, is absolute or a
            URL; an empty image_id.
    """
    column = ""
    for line, row in read_rows(file, where=where):
        at = f"{where}:{line}"
        if not column:
            column = _column(row, FILE_COLUMNS, where=f"{where}:1")
        file_name = checked_name(row[column].strip(), where=at, field=column)
        image_id = row["image_id"].strip() if "image_id" in row else file_name
        if not image_id or len(image_id) > 300 or not image_id.isprintable():
            raise BadTableError(
                "An image_id has 1 to 300 printable characters.", where=at, field="image_id"
            )
        metadata = {key: cell for key, cell in row.items() if key not in {column, "image_id"}}
        yield ManifestRow(line=line, file_name=file_name, image_id=image_id, metadata=metadata)


def read_captions(file: IO[bytes], *, where: str) -> Captions:
    """Read captions by image_id, or by file_name or path, in the order of a caption_no if given.

    Other columns are left aside, and empty captions passed over.

    Raises:
        BadTableError: see `read_rows`; or a missing column, an image not named, a caption_no
            that is no whole number.
    """
    captions: Captions | None = None
    column = ""
    numbered: dict[str, list[tuple[int, str]]] = {}
    for line, row in read_rows(file, where=where):
        at = f"{where}:{line}"
        if captions is None:
            column = _column(row, ("image_id", *FILE_COLUMNS), where=f"{where}:1")
            _column(row, ("caption",), where=f"{where}:1")
            captions = Captions(where=where, by_file=column != "image_id")
        key = row[column].strip()
        if not key:
            raise BadTableError("It names no image.", where=at, field=column)
        number = row.get("caption_no", "0").strip()
        if not number.isdigit():
            raise BadTableError(
                f"caption_no must be a whole number, got {number!r}.", where=at, field="caption_no"
            )
        if caption := row["caption"].strip():
            captions.lines.setdefault(key, line)
            numbered.setdefault(key, []).append((int(number), caption))
    if captions is None:
        return Captions(where=where, by_file=False)
    for key, texts in numbered.items():
        captions.texts[key] = [text for _, text in sorted(texts, key=lambda pair: pair[0])]
    return captions


def read_labels(file: IO[bytes], *, where: str) -> dict[str, tuple[str, int]]:
    """Read `image_id,label`; return label and line by image_id.

    Raises:
        BadTableError: see `read_rows`; or a missing column, an image_id twice, a label of more
            than 60 characters.
    """
    labels: dict[str, tuple[str, int]] = {}
    for line, row in read_rows(file, where=where):
        at = f"{where}:{line}"
        for name in ("image_id", "label"):
            _column(row, (name,), where=f"{where}:1")
        image_id, label = row["image_id"].strip(), row["label"].strip()
        if image_id in labels:
            raise BadTableError(
                f"The image_id {image_id!r} is there twice (first in line {labels[image_id][1]}).",
                where=at,
                field="image_id",
            )
        if len(label) > 60:
            raise BadTableError("A label has at most 60 characters.", where=at, field="label")
        labels[image_id] = (label, line)
    return labels
