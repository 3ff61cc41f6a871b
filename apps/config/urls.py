from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from apps.common.views import frontend

api: list[URLPattern | URLResolver] = [
    path("", include("apps.common.urls")),
    path("", include("apps.jobs.urls")),
    path("", include("apps.accounts.urls")),
    path("", include("apps.catalog.urls")),
    path("", include("apps.studies.urls")),
    path("", include("apps.retrieval.urls")),
    path("", include("apps.assessment.urls")),
    path("", include("apps.analytics.urls")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
]

urlpatterns = [
    path("api/v1/", include(api)),
    path("admin/", admin.site.urls),
    # Every other address belongs to the page's own router.
    re_path(r"^(?!api/|static/|admin/).*$", frontend, name="frontend"),
]

handler404 = "apps.common.views.not_found"
handler500 = "apps.common.views.server_error"
