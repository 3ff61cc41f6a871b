"""HTTP in, one call, HTTP out."""

from apps.accounts.views.invitations import AcceptInvitationView, InvitationsView, InvitationView
from apps.accounts.views.people import GroupsView, PeopleView, PersonView
from apps.accounts.views.session import (
    LoginView,
    LogoutView,
    PasswordView,
    SessionView,
    TokenView,
)

__all__ = [
    "AcceptInvitationView",
    "GroupsView",
    "InvitationView",
    "InvitationsView",
    "LoginView",
    "LogoutView",
    "PasswordView",
    "PeopleView",
    "PersonView",
    "SessionView",
    "TokenView",
]
