"""study.toml: read with the lines that refusals name, and written so that it reads back."""

import json
import re
import tomllib
from pathlib import Path

from apps.common.errors import InvalidError, NotFoundError
from apps.studies.design import StudyDesign, parse_design
from apps.studies.tables import InvalidDesignError

MAX_BYTES = 10 * 2**20
_HEADER = re.compile(r"\s*\[\[?\s*\"?([\w-]+)\"?\s*\]\]?")
_KEY = re.compile(r"\s*\"?([\w-]+)\"?\s*=(.*)")
_LONG_STRING = re.compile(r'"""|\'\'\'')


class UnknownFileError(NotFoundError):
    code = "unknown_file"


class Lines:
    """Where each key of a study.toml stands.

    Knows the layout that people write: `[[category]]` headers and one key a line. For any other it
    names the file alone.
    """

    def __init__(self, text: str, *, file_name: str) -> None:
        self.file_name = file_name
        self._lines: dict[tuple[str, int, str], int] = {}
        self._scan(text)

    def _scan(self, text: str) -> None:
        table, counts, inside = "", {"": 0}, ""
        for number, line in enumerate(text.split("\n"), start=1):
            if inside:  # a long string: nothing in it is a key
                inside = "" if inside in line else inside
                continue
            if header := _HEADER.match(line):
                table = header[1]
                counts[table] = counts.get(table, -1) + 1
                self._lines.setdefault((table, counts[table], ""), number)
            elif key := _KEY.match(line):
                self._lines.setdefault((table, counts[table], key[1]), number)
                marks = _LONG_STRING.findall(key[2])
                inside = marks[0] if len(marks) == 1 else ""

    def locate(self, table: str, index: int, key: str) -> str:
        line = self._lines.get((table, index, key)) or self._lines.get((table, index, ""))
        return f"{self.file_name}:{line}" if line else self.file_name


def read_toml(text: str, *, file_name: str = "study.toml", folder: Path | None) -> StudyDesign:
    """Parse and check the text of a study.toml.

    Args:
        text: the file's content.
        file_name: as refusals name it.
        folder: what its paths are relative to; None when no file can be read.

    Raises:
        InvalidDesignError: it is not TOML, or breaks a rule of designs.
    """
    text = text.replace("\r\n", "\n").removeprefix("\N{BYTE ORDER MARK}")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at ")
        line = re.match(r"line (\d+)", place)
        raise InvalidDesignError(
            f"this is not TOML: {reason[:1].lower()}{reason[1:]}.",
            field="toml",
            where=f"{file_name}:{line[1]}" if line else file_name,
        ) from error
    except RecursionError as error:
        raise InvalidDesignError("this nests too deep.", field="toml", where=file_name) from error
    lines = Lines(text, file_name=file_name)
    return parse_design(raw, locate=lines.locate, folder=folder)


def read_toml_file(path: Path) -> StudyDesign:
    """Read a study.toml from disk; paths in it are relative to its folder.

    Raises:
        UnknownFileError: it is not there.
        InvalidError: it cannot be read, is not UTF-8 or is far too long.
        InvalidDesignError: as `read_toml`.
    """
    if not path.exists():
        raise UnknownFileError(f"There is no file {path}.", field="from")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidError("the file is too long for a study.", field="from", where=str(path))
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidError("the file is not UTF-8 text.", field="from", where=str(path)) from error
    except OSError as error:
        raise InvalidError(
            f"the file cannot be read ({error.strerror}).", field="from", where=str(path)
        ) from error
    return read_toml(text, file_name=str(path), folder=path.parent)


def write_toml(design: StudyDesign) -> str:
    """The study.toml that reads back as `design`; keys that are empty are left out."""
    top: list[tuple[str, object]] = [
        ("name", design.name),
        ("slug", design.slug),
        ("collection", design.collection),
        ("description", design.description),
        ("protocol", design.protocol),
        ("methods", design.methods),
        ("depth", design.depth),
        ("overlap", design.overlap),
        ("seed", design.seed),
    ]
    blocks = [_block("", top)]
    for category in design.categories:
        blocks.append(
            _block(
                "[[category]]",
                [
                    ("name", category.name),
                    ("groups", category.groups),
                    ("guidelines", category.guidelines),
                ],
            )
        )
    for query in design.queries:
        source = ("file", str(query.file)) if query.file else ("image", query.image)
        blocks.append(_block("[[query]]", [("id", query.id), ("category", query.category), source]))
    return "\n".join(blocks)


def _block(header: str, pairs: list[tuple[str, object]]) -> str:
    lines = [header] if header else []
    lines += [f"{key} = {_value(value)}" for key, value in pairs if value != ""]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, str):
        return _long_string(value) if "\n" in value else _string(value)
    return repr(value)


def _string(text: str) -> str:
    """A JSON string is a TOML basic string, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _long_string(text: str) -> str:
    lines = [_string(line)[1:-1].replace('\\"', '"') for line in text.split("\n")]
    body = "\n".join(lines).replace('""', '"\\"')  # three would end it
    return f'"""\n{body}"""'
