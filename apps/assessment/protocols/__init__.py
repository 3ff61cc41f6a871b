"""Protocols: what an assessor is asked about a task, and what counts as an answer.

A protocol is one module of this package and one line in `PROTOCOLS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

from apps.common.errors import InvalidError


@dataclass(frozen=True)
class Reason:
    """Why a pair cannot be judged: a stable code for the data, a name for people."""

    code: str
    name: str


class JudgingProtocol(Protocol):
    """What a protocol's module offers."""

    NAME: str
    REASONS: Sequence[Reason]
    ANSWER_FIELDS: Sequence[str]
    EXPORT_COLUMNS: Sequence[str]

    def check_answer(
        self, *, scale: Sequence[dict[str, Any]], level: object, unjudgeable: object
    ) -> "Answer":
        """The answer, or an `InvalidError` that names the field at fault."""

    def export_row(self, *, level: int | None, unjudgeable: str) -> list[str]:
        """The cells of `EXPORT_COLUMNS`."""


@dataclass(frozen=True)
class Answer:
    """A level, or (level None) the code of the reason why there is none."""

    level: int | None
    unjudgeable: str


PROTOCOLS = {"graded_pair": "apps.assessment.protocols.graded_pair"}


def protocol_named(name: str) -> JudgingProtocol:
    """The protocol's module."""
    if name not in PROTOCOLS:
        known = ", ".join(sorted(PROTOCOLS))
        raise InvalidError(f"There is no protocol {name!r}; there are: {known}.", field="protocol")
    return cast(JudgingProtocol, import_module(PROTOCOLS[name]))
