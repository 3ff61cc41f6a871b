from django.urls import path

from apps.catalog import views

urlpatterns = [
    path("collections/", views.CollectionsView.as_view()),
    path("collections/<slug:slug>/", views.CollectionView.as_view()),
    path("collections/<slug:slug>/images/", views.ImagesView.as_view()),
    path("collections/<slug:slug>/imports/", views.ImportsView.as_view()),
    path("imports/<int:import_id>/", views.ImportView.as_view()),
    path("imports/<int:import_id>/start/", views.StartImportView.as_view()),
    path("imports/<int:import_id>/files/", views.ImportFilesView.as_view()),
    path("images/<uuid:uuid>/thumb/", views.ImageFileView.as_view(which="thumb")),
    path("images/<uuid:uuid>/display/", views.ImageFileView.as_view(which="display")),
]
