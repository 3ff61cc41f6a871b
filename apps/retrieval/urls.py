from django.urls import URLPattern, path

from apps.retrieval import views

urlpatterns: list[URLPattern] = [
    path("methods/", views.MethodsView.as_view()),
    path("fusions/", views.FusionKindsView.as_view()),
    path("collections/<slug:slug>/spaces/", views.SpacesView.as_view()),
    path("collections/<slug:slug>/screening/", views.ScreeningView.as_view()),
    path("collections/<slug:slug>/screening/images/", views.ScreeningImagesView.as_view()),
    path("collections/<slug:slug>/screening/labels/", views.ScreeningLabelsView.as_view()),
    path("collections/<slug:slug>/explorations/", views.ExplorationsView.as_view()),
    path("explorations/<uuid:uuid>/", views.ExplorationView.as_view()),
    path("explorations/<uuid:uuid>/image/", views.ExplorationImageView.as_view()),
    path("studies/<slug:slug>/pools/", views.PoolsView.as_view()),
]
