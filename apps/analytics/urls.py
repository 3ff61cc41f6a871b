from django.urls import URLPattern, path, re_path

from apps.analytics.views import releases, report

urlpatterns: list[URLPattern] = [
    path("studies/<slug:slug>/report/", report.ReportView.as_view(), name="study-report"),
    re_path(
        r"^studies/(?P<slug>[-\w]+)/report/tables/(?P<name>\w+)\.(?P<extension>csv|tex)$",
        report.TableView.as_view(),
        name="study-report-table",
    ),
    re_path(
        r"^studies/(?P<slug>[-\w]+)/report/figures/(?P<name>\w+)\.(?P<extension>svg|png|pdf|vl\.json)$",
        report.FigureView.as_view(),
        name="study-report-figure",
    ),
    path("studies/<slug:slug>/releases/", releases.ReleasesView.as_view(), name="study-releases"),
    path("releases/<int:pk>/download/", releases.DownloadView.as_view(), name="release-download"),
]
