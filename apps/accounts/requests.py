from rest_framework.request import Request

from apps.accounts.models import User


class AuthenticatedRequest(Request):
    """A request that a permission class let through: its user is a real one."""

    user: User
