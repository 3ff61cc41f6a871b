"""What a reader must know before the numbers."""

from typing import Any

from apps.analytics.selectors.data import StudyData


def notices_of(
    *, data: StudyData, counts: dict[str, Any], judged_share: float | None
) -> list[dict[str, str]]:
    """Notices as {code, text}, the gravest first.

    Args:
        data: the study's arrays.
        counts: of the whole study, as in the report.
        judged_share: the smallest share of judged results among all methods and cut-offs;
            None when nothing was averaged.
    """
    study = data.study
    notices = []

    def say(code: str, text: str) -> None:
        notices.append({"code": code, "text": text})

    kind = study.provenance.get("kind", "") if isinstance(study.provenance, dict) else ""
    if study.is_simulated:
        say("simulated", "Simulated: programs gave these judgments, not people.")
    if kind == "labels":
        say(
            "labels",
            "Labels of the images stand in for people here: what the judgments say about "
            "agreement between people does not hold.",
        )
    planned, judged, left = counts["n_planned"], counts["n_judged"], counts["n_open"]
    if not judged:
        if planned:
            say("nothing_judged", f"Nothing is judged yet: {_pairs(planned)} to be judged.")
        elif counts["n_pairs"]:
            say(
                "nothing_planned",
                f"Nothing is judged yet, and nobody is assigned: the pools hold "
                f"{_pairs(counts['n_pairs'])}.",
            )
        else:
            say("nothing_pooled", "Nothing is judged yet: the pools are still to be built.")
    elif left:
        ended = study.state == "closed"
        rest = "were never judged" if ended else "are still to be judged"
        say("judging_unfinished", f"{judged:,} of {planned:,} pairs are judged, {left:,} {rest}.")
    if judged and not counts["n_items_multi"]:
        say(
            "judged_once",
            "No pair has been judged by two assessors: agreement between people is undefined.",
        )
    if judged_share is not None and judged_share < 1:
        say(
            "unjudged_not_relevant",
            "Results that nobody judged count as not relevant: precision is a lower bound "
            f"(as little as {judged_share:.0%} of the results are judged).",
        )
    if counts["n_queries_without_relevant"]:
        n = counts["n_queries_without_relevant"]
        say(
            "queries_without_relevant",
            f"{n:,} judged {'query has' if n == 1 else 'queries have'} no relevant image "
            "and count as 0.",
        )
    return notices


def _pairs(n: int) -> str:
    return f"{n:,} pair{'' if n == 1 else 's'}"
