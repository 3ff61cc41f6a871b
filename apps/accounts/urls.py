from django.urls import path

from apps.accounts import views

urlpatterns = [
    path("auth/session/", views.SessionView.as_view(), name="session"),
    path("auth/login/", views.LoginView.as_view(), name="login"),
    path("auth/logout/", views.LogoutView.as_view(), name="logout"),
    path("auth/password/", views.PasswordView.as_view(), name="password"),
    path("auth/token/", views.TokenView.as_view(), name="token"),
    path("people/", views.PeopleView.as_view(), name="people"),
    path("people/<int:pk>/", views.PersonView.as_view(), name="person"),
    path("groups/", views.GroupsView.as_view(), name="groups"),
    path("invitations/", views.InvitationsView.as_view(), name="invitations"),
    path("invitations/<int:pk>/", views.InvitationView.as_view(), name="invitation"),
    path(
        "invitations/accept/<str:token>/",
        views.AcceptInvitationView.as_view(),
        name="accept-invitation",
    ),
]
