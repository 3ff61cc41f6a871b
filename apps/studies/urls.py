from django.urls import path

from apps.studies import views

urlpatterns = [
    path("studies/", views.StudiesView.as_view(), name="studies"),
    path("studies/from-toml/", views.StudyFromTomlView.as_view(), name="study-from-toml"),
    path("studies/<slug:slug>/", views.StudyView.as_view(), name="study"),
    path("studies/<slug:slug>/design/", views.DesignView.as_view(), name="study-design"),
    path("studies/<slug:slug>/queries/", views.QueriesView.as_view(), name="study-queries"),
    path("studies/<slug:slug>/toml/", views.TomlView.as_view(), name="study-toml"),
    path("studies/<slug:slug>/close/", views.CloseView.as_view(), name="study-close"),
    path("studies/<slug:slug>/reopen/", views.ReopenView.as_view(), name="study-reopen"),
]
