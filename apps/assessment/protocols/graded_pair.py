"""Graded pair: how similar is this candidate to that query, on the study's own scale?"""

from collections.abc import Sequence
from typing import Any

from apps.assessment.protocols import Answer, Reason
from apps.common.errors import InvalidError

NAME = "graded_pair"

REASONS = (
    Reason("image_missing", "An image does not show"),
    Reason("too_small", "Too small or too blurred to see"),
    Reason("multi_panel", "Several pictures in one"),
    Reason("text_only", "Only text"),
    Reason("other", "Another reason (see the note)"),
)

ANSWER_FIELDS = ("level", "unjudgeable")
EXPORT_COLUMNS = ("level", "status")


class UnknownLevelError(InvalidError):
    code = "unknown_level"


class UnknownReasonError(InvalidError):
    code = "unknown_reason"


def check_answer(*, scale: Sequence[dict[str, Any]], level: object, unjudgeable: object) -> Answer:
    """Accept one of the scale's levels, or one of the reasons, and never both.

    Args:
        scale: the study's own levels, as `{"level": 5, "name": ...}`.
        level: as it came in: only a whole number counts, neither `true` nor "3" nor 2.0.
        unjudgeable: as it came in: the code of a reason; None and "" mean there is none.

    Raises:
        UnknownLevelError: the level is not one of the scale's.
        UnknownReasonError: the reason is not one of `REASONS`.
        InvalidError: neither is there, or both.
    """
    if unjudgeable is None or unjudgeable == "":
        if level is None:
            raise InvalidError("Give a level, or say why the pair cannot be judged.", field="level")
        levels = sorted(item["level"] for item in scale)
        if type(level) is not int or level not in levels:  # bool is an int to isinstance
            raise UnknownLevelError(
                f"The level must be a whole number from {levels[0]} to {levels[-1]}, "
                f"got {_shown(level)}.",
                field="level",
            )
        return Answer(level=level, unjudgeable="")
    if level is not None:
        raise InvalidError("A pair that cannot be judged has no level.", field="level")
    codes = [reason.code for reason in REASONS]
    if not isinstance(unjudgeable, str) or unjudgeable not in codes:
        raise UnknownReasonError(
            f"The reason must be one of {', '.join(codes)}, got {_shown(unjudgeable)}.",
            field="unjudgeable",
        )
    return Answer(level=None, unjudgeable=unjudgeable)


def export_row(*, level: int | None, unjudgeable: str) -> list[str]:
    """`["4", "judged"]`, or `["", "unjudgeable:too_small"]`."""
    return ["", f"unjudgeable:{unjudgeable}"] if level is None else [str(level), "judged"]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
