from django.contrib import admin

from apps.assessment.models import Judgment, Participant
from apps.common.admin import ReadOnlyAdmin


@admin.register(Participant)
class ParticipantAdmin(ReadOnlyAdmin):
    list_display = ["study", "pseudonym", "user"]
    list_select_related = ["study", "user"]


@admin.register(Judgment)
class JudgmentAdmin(ReadOnlyAdmin):
    list_display = ["id", "submitted_at", "task", "level", "unjudgeable", "revision"]
    list_select_related = ["task"]
