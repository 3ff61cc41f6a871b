"""A report's numbers while they are gathered: long form, tables, what is undefined and why."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from apps.analytics.compute.consensus import consensus_levels
from apps.analytics.compute.precision import MeanEstimate
from apps.analytics.compute.resampling import Interval
from apps.analytics.selectors.data import Bools, Ints, StudyData

Row = dict[str, Any]
Number = float | int | None

COLUMNS: dict[str, tuple[str, ...]] = {
    "values": ("family", "scope", "param", "value"),
    "agreement": (
        "category",
        "aggregation",
        "measure",
        "value",
        "sd",
        "ci_low",
        "ci_high",
        "n_items",
        "n_pairs",
    ),
    "assessor_pairs": (
        "category",
        "aggregation",
        "assessor_a",
        "assessor_b",
        "measure",
        "value",
        "n_items",
        "ci_low",
        "ci_high",
    ),
    "model_agreement": (
        "category",
        "measure",
        "n",
        "method_a",
        "method_b",
        "value",
        "sd",
        "ci_low",
        "ci_high",
        "n_queries",
    ),
    "precision": (
        "category",
        "method",
        "measure",
        "value",
        "ci_low",
        "ci_high",
        "n_queries",
        "judged",
    ),
}
# How many leading columns order a table's rows in its file.
KEY_COLUMNS = {
    "values": 3,
    "agreement": 3,
    "assessor_pairs": 5,
    "model_agreement": 5,
    "precision": 3,
}
TOO_FEW_QUERIES = "fewer than two queries"


@dataclass
class Report:
    """A report's numbers. Undefined numbers are None and are listed with their reason."""

    data: StudyData
    seed: int
    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    undefined: list[Row] = field(default_factory=list)
    counts: Row = field(default_factory=dict)
    pool: Row = field(default_factory=dict)
    notices: list[Row] = field(default_factory=list)

    def add_value(
        self, family: str, scope: str, param: str, value: Number, reason: str = ""
    ) -> None:
        """Add a number in long form; the category `all` is called ALL there."""
        scope = "ALL" if scope == "all" else scope
        row = {"family": family, "scope": scope, "param": param}
        self.tables["values"].append({**row, "value": value})
        if value is None:
            self.undefined.append({**row, "reason": reason})

    def add_interval(
        self, family: str, scope: str, param: str, interval: Interval | None, reason: str
    ) -> None:
        for place, side in enumerate(("low", "high")):
            value = interval[place] if interval else None
            self.add_value(family, scope, f"{param}:{side}" if param else side, value, reason)


def in_fixed_order(value: Any) -> Any:
    """JSON with sorted keys: not every database keeps the order in which they were written."""
    if isinstance(value, dict):
        return {key: in_fixed_order(value[key]) for key in sorted(value)}
    return [in_fixed_order(item) for item in value] if isinstance(value, list) else value


def sorted_rows(*, report: Report, table: str) -> list[Row]:
    """A table's rows in the order of its file: by the leading columns."""
    keys = COLUMNS[table][: KEY_COLUMNS[table]]
    return sorted(report.tables[table], key=lambda row: tuple(row[key] for key in keys))


def judged_queries(data: StudyData) -> Bools:
    return np.bincount(data.ratings.query, minlength=len(data.query_ids)) > 0


def item_gains(data: StudyData) -> Ints:
    """Per item 0 when its consensus is not relevant, 1 for the lowest relevant level, ..."""
    if not data.ratings.n_items:
        return np.zeros(0, np.int64)
    consensus = consensus_levels(data.ratings.tally(), levels=data.levels)
    return np.maximum(consensus - data.relevant_from + 1, 0)


def add_estimates(
    report: Report,
    name: str,
    scope: str,
    param: str,
    cutoffs: Iterable[int | None],
    estimates: Iterable[MeanEstimate],
) -> None:
    """Add means over queries; a cut-off of None is a whole list."""
    for n, estimate in zip(cutoffs, estimates, strict=True):
        at = param if n is None else f"{param}@{n}"
        spread = estimate.reason or TOO_FEW_QUERIES
        report.add_value(name, scope, at, estimate.value, estimate.reason)
        report.add_value(f"{name}_std", scope, at, estimate.sd, spread)
        report.add_interval(f"{name}_ci", scope, at, estimate.interval, spread)
