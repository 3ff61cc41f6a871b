"""Signing in and out, and what people change about themselves."""

from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect, ensure_csrf_cookie
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import (
    extend_schema,
    extend_schema_serializer,
    inline_serializer,
)
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import lockout, selectors, services
from apps.accounts.models import User
from apps.accounts.requests import AuthenticatedRequest
from apps.accounts.serializers import (
    ProblemSerializer,
    UserSerializer,
)
from apps.common.errors import InvalidError

BACKEND = "django.contrib.auth.backends.ModelBackend"


SIGNED_IN = inline_serializer(name="SignedIn", fields={"user": UserSerializer()})


class InvalidCredentialsError(InvalidError):
    code = "invalid_credentials"


def signed_in(user: User) -> Response:
    return Response({"user": UserSerializer(user).data})


def sign_in(request: Request, user: User) -> Response:
    """Start a session under a new id, also where this person had one in this browser."""
    login(request._request, user, backend=BACKEND)
    request._request.session.cycle_key()
    return signed_in(user)


@method_decorator(ensure_csrf_cookie, name="dispatch")
class SessionView(APIView):
    """Who is signed in. Also sets the csrf cookie that every unsafe call has to repeat."""

    @extend_schema_serializer(component_name="ProfileEdit")
    class InputSerializer(serializers.Serializer):
        display_name = serializers.CharField(max_length=100, allow_blank=True, required=False)
        preferences = serializers.DictField(required=False)

    def get_permissions(self) -> list:
        return [AllowAny()] if self.request.method in {"GET", "HEAD"} else [IsAuthenticated()]

    @extend_schema(
        responses=inline_serializer(
            name="Session", fields={"user": UserSerializer(allow_null=True)}
        )
    )
    def get(self, request: Request) -> Response:
        if not request.user.is_authenticated:
            return Response({"user": None})
        return signed_in(request.user)

    @extend_schema(
        request=InputSerializer,
        responses=SIGNED_IN,
    )
    def patch(self, request: AuthenticatedRequest) -> Response:
        body = self.InputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return signed_in(services.edit_profile(user=request.user, **body.validated_data))


@method_decorator(csrf_protect, name="dispatch")
class LoginView(APIView):
    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema_serializer(component_name="Login")
    class InputSerializer(serializers.Serializer):
        username = serializers.CharField(max_length=150)
        password = serializers.CharField(max_length=200, trim_whitespace=False)

    @extend_schema(
        request=InputSerializer,
        responses={200: SIGNED_IN, 400: ProblemSerializer, 429: ProblemSerializer},
        auth=[],
    )
    @method_decorator(sensitive_variables())
    def post(self, request: Request) -> Response:
        body = self.InputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        # Axes counts the failures; a locked name gets its 429 from the middleware.
        given = body.validated_data
        address = lockout.client_address(request._request)
        with lockout.one_guess_at_a_time(username=given["username"], address=address):
            user = authenticate(request=request._request, **given)
        if user is None:
            raise InvalidCredentialsError("The user name or the password is wrong.")
        return sign_in(request, user)


class LogoutView(APIView):
    @extend_schema(request=None, responses={204: None})
    def post(self, request: AuthenticatedRequest) -> Response:
        logout(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PasswordView(APIView):
    @extend_schema_serializer(component_name="PasswordChange")
    class InputSerializer(serializers.Serializer):
        old_password = serializers.CharField(max_length=200, trim_whitespace=False)
        new_password = serializers.CharField(max_length=200, trim_whitespace=False)

    @extend_schema(
        request=InputSerializer,
        responses={204: None, 400: ProblemSerializer},
    )
    @method_decorator(sensitive_variables())
    def post(self, request: AuthenticatedRequest) -> Response:
        body = self.InputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        services.change_password(user=request.user, at=timezone.now(), **body.validated_data)
        if request.auth is None:  # this session goes on; the person's others end
            update_session_auth_hash(request._request, request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TokenView(APIView):
    @extend_schema(
        responses=inline_serializer(
            name="TokenState",
            fields={
                "exists": serializers.BooleanField(),
                "created_at": serializers.DateTimeField(allow_null=True),
            },
        )
    )
    def get(self, request: AuthenticatedRequest) -> Response:
        token = selectors.token_of(user=request.user)
        return Response(
            {"exists": token is not None, "created_at": token.created if token else None}
        )

    @extend_schema(
        request=None,
        responses={
            201: inline_serializer(name="NewToken", fields={"key": serializers.CharField()})
        },
    )
    def post(self, request: AuthenticatedRequest) -> Response:
        key = services.make_token(user=request.user, actor=request.user, at=timezone.now())
        return Response({"key": key}, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def delete(self, request: AuthenticatedRequest) -> Response:
        services.revoke_token(user=request.user, actor=request.user, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
