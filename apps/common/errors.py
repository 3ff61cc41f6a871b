"""Refusals. A service raises one; the exception handler and the commands put it into words."""

from typing import ClassVar


class DomainError(Exception):
    """Something a person asked for that cannot be done, in one sentence they can act on.

    Attributes:
        code: stable name that programs may compare.
        field: the field, column or option at fault, if one is.
        where: the file, with a line when there is one (`study.toml`, `manifest.csv:12`).
    """

    code: ClassVar[str] = "refused"

    def __init__(self, sentence: str, *, field: str = "", where: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.sentence}" if self.where else self.sentence


class InvalidError(DomainError):
    """What was given is wrong: HTTP 400."""

    code = "invalid"


class NotFoundError(DomainError):
    """It does not exist, or not for this person: HTTP 404."""

    code = "not_found"


class ConflictError(DomainError):
    """It cannot be done in the present state: HTTP 409."""

    code = "conflict"


class UnavailableError(DomainError):
    """A part that is needed does not answer; trying later may help: HTTP 503."""

    code = "unavailable"
