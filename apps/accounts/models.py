"""Who: users with a role and expertise groups, invitations, and the audit log."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q


class Role(models.TextChoices):
    ASSESSOR = "assessor"
    RESEARCHER = "researcher"
    ADMIN = "admin"


class ExpertiseGroup(models.Model):
    """Assessors of one expertise (paper: MD, ML, CS)."""

    name = models.CharField(max_length=60, unique=True)
    description = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A person, or (`is_simulated`) a program that stands in for one."""

    display_name = models.CharField(max_length=100, blank=True)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.ASSESSOR)
    groups_of_expertise = models.ManyToManyField(ExpertiseGroup, related_name="members", blank=True)
    is_simulated = models.BooleanField(default=False)
    # The theme and the like: small choices of the person's own.
    preferences = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["username"]
        constraints = [
            models.CheckConstraint(
                name="user_role_is_known", condition=Q(role__in=[role.value for role in Role])
            )
        ]

    @property
    def is_study_admin(self) -> bool:
        return self.role == Role.ADMIN or self.is_superuser

    @property
    def is_researcher(self) -> bool:
        return self.role == Role.RESEARCHER or self.is_study_admin

    @property
    def name(self) -> str:
        return self.display_name or self.username


class Invitation(models.Model):
    """A link that lets one person make their account; only the link's hash is kept."""

    token_sha256 = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.ASSESSOR)
    groups_of_expertise = models.ManyToManyField(ExpertiseGroup, blank=True)
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_by = models.OneToOneField(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="invitation"
    )
    accepted_at = models.DateTimeField(null=True, blank=True)


class AuditEvent(models.Model):
    """Something a person did. Append-only: a trigger refuses changes and deletions."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    at = models.DateTimeField()
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=60)
    object = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]
