from django.contrib import admin
from django.contrib.auth.models import Group
from rest_framework.authtoken.models import TokenProxy

from apps.accounts.models import AuditEvent, ExpertiseGroup, User
from apps.common.admin import ReadOnlyAdmin

# Roles decide here, not Django's groups; and a token is shown to its owner only, once.
admin.site.unregister(Group)
admin.site.unregister(TokenProxy)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    list_display = ["username", "display_name", "role", "is_active", "is_simulated", "last_login"]
    list_filter = ["role", "is_active", "is_simulated"]
    search_fields = ["username", "display_name"]
    fields = ["username", "display_name", "role", "is_active", "groups_of_expertise", "last_login"]


@admin.register(ExpertiseGroup)
class ExpertiseGroupAdmin(ReadOnlyAdmin):
    list_display = ["name", "description"]


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ["id", "at", "actor", "action", "object"]
    list_filter = ["action"]
    search_fields = ["object", "actor__username"]
