"""Invitations: made and withdrawn by admins, accepted by strangers."""

import secrets

from django.shortcuts import get_object_or_404
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
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import selectors, services
from apps.accounts.models import Invitation, Role
from apps.accounts.requests import AuthenticatedRequest
from apps.accounts.serializers import (
    InvitationSerializer,
    NewInvitationSerializer,
    ProblemSerializer,
)
from apps.accounts.views.people import Names
from apps.accounts.views.session import SIGNED_IN, sign_in
from apps.common.permissions import IsAdmin


class InvitationsView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema_serializer(component_name="Invite")
    class InputSerializer(serializers.Serializer):
        role = serializers.ChoiceField(choices=Role.choices, default=Role.ASSESSOR)
        groups = Names(default=list)
        note = serializers.CharField(max_length=200, allow_blank=True, default="")

    @extend_schema(responses=InvitationSerializer(many=True))
    def get(self, request: AuthenticatedRequest) -> Response:
        return Response(InvitationSerializer(selectors.invitations(), many=True).data)

    @extend_schema(
        request=InputSerializer,
        responses={201: NewInvitationSerializer},
    )
    @method_decorator(sensitive_variables("token"))
    def post(self, request: AuthenticatedRequest) -> Response:
        body = self.InputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        token = secrets.token_urlsafe(32)
        invitation = services.invite(
            token=token, invited_by=request.user, at=timezone.now(), **body.validated_data
        )
        answer = InvitationSerializer(invitation).data
        url = request.build_absolute_uri(f"/invite/{token}")
        return Response({**answer, "url": url}, status=status.HTTP_201_CREATED)


class InvitationView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(responses={204: None})
    def delete(self, request: AuthenticatedRequest, pk: int) -> Response:
        invitation = get_object_or_404(Invitation, pk=pk)
        services.withdraw_invitation(invitation=invitation, actor=request.user, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


@method_decorator(csrf_protect, name="dispatch")
@method_decorator(ensure_csrf_cookie, name="dispatch")
class AcceptInvitationView(APIView):
    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema_serializer(component_name="AcceptInvitation")
    class InputSerializer(serializers.Serializer):
        username = serializers.CharField(max_length=150)
        display_name = serializers.CharField(max_length=100, allow_blank=True, default="")
        password = serializers.CharField(max_length=200, trim_whitespace=False)

    @extend_schema(
        responses={
            200: inline_serializer(
                name="OpenInvitation",
                fields={
                    "role": serializers.ChoiceField(choices=Role.choices),
                    "groups": Names(),
                    "expires_at": serializers.DateTimeField(),
                },
            ),
            404: ProblemSerializer,
        },
        auth=[],
    )
    def get(self, request: Request, token: str) -> Response:
        invitation = selectors.open_invitation(token=token, now=timezone.now())
        data = InvitationSerializer(invitation).data
        return Response({name: data[name] for name in ("role", "groups", "expires_at")})

    @extend_schema(
        request=InputSerializer,
        responses={201: SIGNED_IN, 404: ProblemSerializer},
        auth=[],
    )
    @method_decorator(sensitive_variables())
    def post(self, request: Request, token: str) -> Response:
        body = self.InputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = services.accept_invitation(token=token, at=timezone.now(), **body.validated_data)
        answer = sign_in(request, user)
        answer.status_code = status.HTTP_201_CREATED
        return answer
