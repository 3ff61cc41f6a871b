"""Tables for papers: LaTeX with booktabs, percentages as in tables 3 and 4 of papers 1."""

from collections.abc import Callable, Sequence
from typing import Any

from apps.analytics.compute.precision import CUTOFFS
from apps.analytics.selectors.report import COLUMNS, Report, sorted_rows

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def escape(text: str) -> str:
    """A text that LaTeX prints as it is."""
    return "".join(_SPECIAL.get(sign, sign) for sign in text)


def tables(*, report: Report) -> str:
    """The tables of a paper, one after the other."""
    return "% needs \\usepackage{booktabs}\n" + "\n".join(
        table(report=report, name=name) for name in _WRITERS
    )


def table(*, report: Report, name: str) -> str:
    """One table: in the shape of the paper where it has one, else with its columns as they are."""
    if name in _WRITERS:
        return _WRITERS[name](report)
    rows = sorted_rows(report=report, table=name)
    lines = [[_plain(row[column]) for column in COLUMNS[name]] for row in rows]
    return _tabular(
        columns="l" * len(COLUMNS[name]),
        head=[escape(column) for column in COLUMNS[name]],
        lines=lines,
        caption=f"{escape(name)}: every row.",
        label=name,
    )


def _plain(value: Any) -> str:
    if value is None:
        return "n/a"
    return f"{value:.4f}" if isinstance(value, float) else escape(str(value))


def _percent(value: float | None) -> str:
    return "n/a" if value is None else f"{100 * value:.2f}"


def _tabular(
    *, columns: str, head: Sequence[str], lines: Sequence[Sequence[str]], caption: str, label: str
) -> str:
    body = "\n".join(" & ".join(line) + r" \\" for line in lines)
    return (
        "\\begin{table}\n\\centering\n"
        f"\\caption{{{caption}}}\n\\label{{tab:{label}}}\n"
        f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n"
        f"{' & '.join(head)} \\\\\n\\midrule\n{body}\n\\bottomrule\n"
        "\\end{tabular}\n\\end{table}\n"
    )


def _scopes(report: Report) -> list[str]:
    return [scope for scope, _ in report.data.scopes()]


def _title(scope: str) -> str:
    return "(Micro) Total" if scope == "all" else escape(scope)


def _agreement(report: Report) -> str:
    rows = {
        (row["aggregation"], row["category"]): row
        for row in report.tables["agreement"]
        if row["measure"] == "maa"
    }
    cuts = list(dict.fromkeys(row["aggregation"] for row in report.tables["agreement"]))
    lines = []
    for cut in cuts:
        cells = []
        for scope in _scopes(report):
            row = rows[cut, scope]
            spread = "n/a" if row["sd"] is None else f"{row['sd']:.2f}"
            cells.append("n/a" if row["value"] is None else f"{_percent(row['value'])} ({spread})")
        lines.append([escape(cut), *cells])
    counts = report.counts
    return _tabular(
        columns="l" + "r" * len(_scopes(report)),
        head=["Aggregation", *map(_title, _scopes(report))],
        lines=lines,
        caption=(
            "Inter-rater agreement: micro-average accuracy in \\% for the cuts of the scale, in "
            "parentheses the standard deviation over queries (divisor $n - 1$). "
            f"{counts['n_rating_pairs']} pairs of ratings of {counts['n_items_multi']} image "
            f"pairs judged at least twice, {counts['n_assessors']} assessors."
        ),
        label="agreement",
    )


def _model_agreement(report: Report) -> str:
    rows = {
        (row["method_a"], row["method_b"], row["n"]): row["value"]
        for row in report.tables["model_agreement"]
        if row["measure"] == "CR" and row["category"] == "all"
    }
    grid = sorted({n for _, _, n in rows})
    pairs = list(dict.fromkeys((a, b) for a, b, _ in rows))
    return _tabular(
        columns="ll" + "r" * len(grid),
        head=["Method", "Method", *(f"$n={n}$" for n in grid)],
        lines=[[escape(a), escape(b), *(_plain(rows[a, b, n]) for n in grid)] for a, b in pairs],
        caption=(
            "Common result ratio $CR_n$ of two methods, mean over "
            f"{report.counts['n_queries']} queries."
        ),
        label="model-agreement",
    )


def _precision(report: Report) -> str:
    rows = {
        (row["method"], row["measure"]): row["value"]
        for row in report.tables["precision"]
        if row["category"] == "all"
    }
    return _tabular(
        columns="l" + "r" * len(CUTOFFS),
        head=["Method", *(f"P@{n}" for n in CUTOFFS)],
        lines=[
            [escape(method), *(_percent(rows[method, f"P@{n}"]) for n in CUTOFFS)]
            for method in report.data.methods
        ],
        caption=(
            "Micro-average precision in \\% over "
            f"{report.counts['n_queries_judged']} judged queries; relevant from consensus level "
            f"{report.data.relevant_from} (mean rounded half up), unjudged results are not "
            "relevant."
        ),
        label="precision",
    )


_WRITERS: dict[str, Callable[[Report], str]] = {
    "agreement": _agreement,
    "model_agreement": _model_agreement,
    "precision": _precision,
}
