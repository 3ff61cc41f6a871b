"""Who may call a view. What a person may see inside it is the selectors' business."""

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


class IsAdmin(BasePermission):
    """Admins plan studies and look after people."""

    message = "Only an admin may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user.is_authenticated and request.user.is_study_admin)


class IsResearcher(BasePermission):
    """Researchers read and export; admins may do what researchers may."""

    message = "Only a researcher or an admin may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user.is_authenticated and request.user.is_researcher)


class ResearchersReadAdminsWrite(BasePermission):
    """For what admins make and researchers look at."""

    message = "Only an admin may change this, and only a researcher or an admin may see it."

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed = IsResearcher() if request.method in SAFE_METHODS else IsAdmin()
        return needed.has_permission(request, view)
