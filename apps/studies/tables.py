"""Typed reading of a design's tables, and refusals in the words of their writer."""

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from apps.common.errors import InvalidError

_UNKEEPABLE = re.compile("[\0\ud800-\udfff]")  # NUL, and halves of characters
_CONTROLS = re.compile("[\0-\x1f\x7f\ud800-\udfff]")

# (table, its place among its like, key) -> "study.toml:12"; "" when there is no file.
Locate = Callable[[str, int, str], str]


class InvalidDesignError(InvalidError):
    code = "invalid_design"


def nowhere(table: str, index: int, key: str) -> str:
    return ""


def nearest(word: str, words: Collection[str]) -> str:
    """`; did you mean 'depth'?`, or what there is when nothing is near and the list is short."""
    near = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are: {', '.join(sorted(words))}" if 0 < len(words) <= 30 else ""


class Table:
    """A table of the design: reads typed values, and refuses in the words of its reader."""

    def __init__(
        self, raw: Mapping[str, Any], *, label: str, path: str, table: str, index: int,
        locate: Locate,
    ) -> None:  # fmt: skip
        self.raw = raw
        self.label = label
        self.path = path
        self.table = table
        self.index = index
        self.locate = locate

    def where(self, key: str) -> str:
        return self.locate(self.table, self.index, key)

    def refuse(self, key: str, rule: str) -> NoReturn:
        """Raise the sentence that this key breaks this rule."""
        subject = f"{self.label}: {key}" if self.label else key
        sentence = f"{subject} {rule}"
        raise InvalidDesignError(
            sentence if sentence.endswith("?") else f"{sentence}.",
            field=f"{self.path}.{key}".strip("."),
            where=self.where(key),
        )

    def knows(self, words: str) -> None:
        for key in self.raw:
            if key not in words.split():
                self.refuse(str(key), f"is not a key of a design{nearest(str(key), words.split())}")

    def has(self, key: str) -> bool:
        return self.raw.get(key) is not None

    def text(self, key: str, *, most: int, required: bool = False, lines: bool = False) -> str:
        value = self.raw.get(key)
        if value is None:
            value = ""
        if not isinstance(value, str):
            self.refuse(key, f"must be text in quotes, not {_shown(value)}")
        text = value if lines else value.strip()
        if required and not text:
            self.refuse(key, "is needed" if not self.has(key) else "must not be empty")
        if len(text) > most:
            self.refuse(key, f"must have at most {most} characters, not {len(text)}")
        self._check_characters(key, text, lines=lines)
        return text

    def _check_characters(self, key: str, text: str, *, lines: bool = False) -> None:
        """Refuse what a database or a file cannot keep; line ends and tabs only in `lines`."""
        if (_UNKEEPABLE if lines else _CONTROLS).search(text):
            self.refuse(key, "must not hold control characters")

    def texts(self, key: str, *, most: int, least: int = 1) -> tuple[str, ...]:
        """A list of different words, at least `least` (0 or 1)."""
        values = self.raw.get(key)
        if not least and (values is None or values == []):
            return ()
        if values is None:
            self.refuse(key, "is needed: a list with at least one name")
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            self.refuse(key, f'must be a list of names, such as ["MD"], not {_shown(values)}')
        names = [" ".join(value.split()) for value in values]
        if not names or not all(names):
            self.refuse(key, "must name at least one, and no empty name")
        for name in names:
            self._check_characters(key, name)
            if len(name) > most:
                self.refuse(key, f"must hold names of at most {most} characters: {name[:80]!r}")
            if names.count(name) > 1:
                self.refuse(key, f"names {name!r} twice")
        return tuple(names)

    def whole(self, key: str, *, default: int, least: int, most: int) -> int:
        value = self.raw.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(key, f"must be a whole number, not {_shown(value)}")
        if not least <= value <= most:
            self.refuse(key, f"must be from {least} to {most}, not {value}")
        return value

    def share(self, key: str, *, default: float) -> float:
        value = self.raw.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(key, f"must be a number, not {_shown(value)}")
        if not 0 <= value <= 1:  # also refuses nan
            self.refuse(key, f"must be from 0 to 1 (0.1 is 10 %), not {value}")
        return float(value)

    def tables(self, one: str, many: str, *, least: int = 1) -> "list[Table]":
        """The tables called `[[one]]` in TOML and `many` in JSON, at least `least` (0 or 1)."""
        if self.has(one) and self.has(many):
            self.refuse(many, f"and {one} mean the same: give one of them")
        key = one if self.has(one) else many
        values = self.raw.get(key)
        if values is None or values == []:
            if not least:
                return []
            raise InvalidDesignError(
                f"A study needs at least one {one}; this one has none.",
                field=many,
                where=self.locate("", 0, ""),
            )
        if not isinstance(values, list) or not all(isinstance(value, Mapping) for value in values):
            self.refuse(key, f"must be a list of tables ([[{one}]])")
        return [
            Table(
                value,
                label=f"{one} {index + 1}",
                path=f"{many}.{index}",
                table=one,
                index=index,
                locate=self.locate,
            )
            for index, value in enumerate(values)
        ]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
