from django.urls import path

from apps.jobs import views

urlpatterns = [
    path("jobs/", views.JobsView.as_view()),
    path("jobs/workers/", views.WorkersView.as_view()),
    path("jobs/<int:job_id>/", views.JobView.as_view()),
    path("jobs/<int:job_id>/cancel/", views.CancelJobView.as_view()),
    path("jobs/<int:job_id>/retry/", views.RetryJobView.as_view()),
    path("health/", views.HealthView.as_view()),
]
