from django.contrib import admin

from apps.common.admin import ReadOnlyAdmin
from apps.studies.models import Category, Query, Study


@admin.register(Study)
class StudyAdmin(ReadOnlyAdmin):
    list_display = ["slug", "name", "collection", "state", "is_simulated", "created_at"]
    list_filter = ["state", "is_simulated"]


@admin.register(Category)
class CategoryAdmin(ReadOnlyAdmin):
    list_display = ["study", "name", "guideline_version"]


@admin.register(Query)
class QueryAdmin(ReadOnlyAdmin):
    list_display = ["study", "query_id", "category", "image"]
    list_select_related = ["study", "category", "image"]
