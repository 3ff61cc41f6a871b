"""Write a study's report as files: the `report/` part of a release."""

import json
from pathlib import Path
from typing import Any

from apps.analytics import html, latex
from apps.analytics.figures import Figure, figures_of
from apps.analytics.formats import csv_text
from apps.analytics.rendering import FORMATS, render, spec_text
from apps.analytics.selectors.report import (
    COLUMNS,
    Report,
    compute_report,
    report_json,
    sorted_rows,
)
from apps.analytics.services.folders import FolderWriter, new_folder
from apps.studies.models import Study


def write_report(*, study: Study, folder: Path) -> Report:
    """Write tables, figures and pages of a study's report into a new folder.

    Raises:
        FolderNotEmptyError: the folder holds something already.
    """
    with new_folder(folder) as writer:
        report = compute_report(study=study)
        write_report_files(report=report, writer=writer)
    return report


def write_report_files(*, report: Report, writer: FolderWriter, prefix: str = "") -> None:
    """Write every file of a report; the same report gives the same bytes."""
    for name, columns in COLUMNS.items():
        rows = sorted_rows(report=report, table=name)
        writer.write_lines(f"{prefix}{name}.csv", csv_text(columns=columns, rows=rows))
    figures = figures_of(report=report)
    jobs = [(figure.spec, kind) for figure in figures for kind in FORMATS]
    drawn = dict(
        zip(
            [(figure.name, kind) for figure in figures for kind in FORMATS],
            render(jobs=jobs),
            strict=True,
        )
    )
    for figure in figures:
        for kind in FORMATS:
            path = f"{prefix}figures/{figure.name}.{kind}"
            writer.write(path, [drawn[figure.name, kind]])
        writer.write_lines(f"{prefix}figures/{figure.name}.vl.json", [spec_text(figure.spec)])
    sections: dict[str, list[tuple[str, bytes]]] = {}
    for figure in figures:
        sections.setdefault(figure.section, []).append((figure.name, drawn[figure.name, "svg"]))
    writer.write_lines(f"{prefix}report.html", [html.page(report=report, figures=sections)])
    writer.write_lines(f"{prefix}tables.tex", [latex.tables(report=report)])
    body = {**report_json(report=report), "figures": figure_list(figures)}
    writer.write_lines(
        f"{prefix}report.json", [json.dumps(body, ensure_ascii=False, indent=1) + "\n"]
    )


def figure_list(figures: list[Figure]) -> list[dict[str, Any]]:
    """Figures as the report's JSON lists them."""
    return [
        {
            "name": figure.name,
            "section": figure.section,
            "title": figure.title,
            "spec": figure.spec,
        }
        for figure in figures
    ]
