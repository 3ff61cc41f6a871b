from django.urls import URLPattern, path

from apps.assessment.views import assessing, planning, runs

urlpatterns: list[URLPattern] = [
    path("assess/", assessing.OwnStudiesView.as_view(), name="assess-list"),
    path("assess/<slug:study>/", assessing.OwnStudyView.as_view(), name="assess-study"),
    path("assess/<slug:study>/tasks/", assessing.TasksView.as_view(), name="assess-tasks"),
    path("assess/<slug:study>/history/", assessing.HistoryView.as_view(), name="assess-history"),
    path("judgments/<uuid:uuid>/", assessing.JudgmentView.as_view(), name="judgment"),
    path("studies/<slug:study>/plan/", planning.PlanView.as_view(), name="study-plan"),
    path("studies/<slug:study>/runs/", runs.RunsView.as_view(), name="study-runs"),
    path("studies/<slug:study>/runs/<str:method>/", runs.RunView.as_view(), name="study-run"),
    path("studies/<slug:study>/monitor/", planning.MonitorView.as_view(), name="study-monitor"),
]
