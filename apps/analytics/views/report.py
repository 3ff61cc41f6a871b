"""HTTP in, look up what the person may see, one call, HTTP out."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.analytics import latex
from apps.analytics.figures import figures_of
from apps.analytics.formats import csv_text
from apps.analytics.rendering import CONTENT_TYPES, render, spec_text
from apps.analytics.selectors.report import COLUMNS, compute_report, report_json, sorted_rows
from apps.analytics.services.reports import figure_list
from apps.analytics.views.schemas import ReportSerializer
from apps.common.errors import NotFoundError
from apps.common.permissions import IsResearcher
from apps.studies.selectors import study_named


class UnknownTableError(NotFoundError):
    code = "unknown_table"


class UnknownFigureError(NotFoundError):
    code = "unknown_figure"


class ReportView(APIView):
    """The report of a study, computed from the judgments as they are now."""

    permission_classes = [IsResearcher]

    @extend_schema(operation_id="studies_report", responses=ReportSerializer)
    def get(self, request: Request, slug: str) -> Response:
        study = study_named(slug=slug)
        report = compute_report(study=study)
        body: dict[str, Any] = report_json(report=report)
        body["study"] = {"slug": study.slug, **body["study"]}
        figures = figure_list(figures_of(report=report))
        return Response({**body, "figures": figures})


class FigureView(APIView):
    """One figure of the report as a file."""

    permission_classes = [IsResearcher]

    @extend_schema(
        operation_id="studies_report_figure",
        responses={
            (200, content_type): OpenApiResponse(OpenApiTypes.BINARY)
            for content_type in CONTENT_TYPES.values()
        },
    )
    def get(self, request: Request, slug: str, name: str, extension: str) -> HttpResponse:
        figures = figures_of(report=compute_report(study=study_named(slug=slug)))
        figure = next((figure for figure in figures if figure.name == name), None)
        if figure is None:
            have = ", ".join(figure.name for figure in figures) or "none yet"
            raise UnknownFigureError(f"There is no figure {name!r}; there are: {have}.")
        if extension == "vl.json":
            content = spec_text(figure.spec).encode()
        else:
            (content,) = render(jobs=[(figure.spec, extension)])
        return HttpResponse(
            content,
            content_type=CONTENT_TYPES[extension],
            headers={
                "Content-Disposition": f'attachment; filename="{slug}-{name}.{extension}"',
                "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
            },
        )


class TableView(APIView):
    """One table of the report as a file."""

    permission_classes = [IsResearcher]

    @extend_schema(
        operation_id="studies_report_table",
        responses={
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR),
            (200, "application/x-tex"): OpenApiResponse(OpenApiTypes.STR),
        },
    )
    def get(self, request: Request, slug: str, name: str, extension: str) -> HttpResponse:
        study = study_named(slug=slug)
        if name not in COLUMNS:
            raise UnknownTableError(f"There is no table {name!r}; there are {', '.join(COLUMNS)}.")
        report = compute_report(study=study)
        if extension == "tex":
            text, content_type = latex.table(report=report, name=name), "application/x-tex"
        else:
            rows = sorted_rows(report=report, table=name)
            text = "".join(csv_text(columns=COLUMNS[name], rows=rows))
            content_type = "text/csv"
        return HttpResponse(
            text,
            content_type=f"{content_type}; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{slug}-{name}.{extension}"'},
        )
