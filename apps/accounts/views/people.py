"""People and groups, for admins."""

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import (
    OpenApiParameter,
    extend_schema,
    extend_schema_serializer,
    inline_serializer,
)
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import selectors, services
from apps.accounts.models import Role
from apps.accounts.requests import AuthenticatedRequest
from apps.accounts.serializers import (
    GroupSerializer,
    PersonSerializer,
)
from apps.common.permissions import IsAdmin


class Names(serializers.ListField):
    """A short list of names."""

    child = serializers.CharField(max_length=60)

    def __init__(self, **options: object) -> None:
        super().__init__(max_length=50, **options)  # type: ignore[arg-type]


@extend_schema(parameters=[OpenApiParameter("search", str)])
class PeopleView(ListAPIView):
    permission_classes = [IsAdmin]
    serializer_class = PersonSerializer

    @extend_schema_serializer(component_name="NewPerson")
    class InputSerializer(serializers.Serializer):
        username = serializers.CharField(max_length=150)
        display_name = serializers.CharField(max_length=100, allow_blank=True, default="")
        role = serializers.ChoiceField(choices=Role.choices, default=Role.ASSESSOR)
        groups = Names(default=list)

    def get_queryset(self):  # type: ignore[no-untyped-def]
        return selectors.people(search=self.request.query_params.get("search", "")[:150])

    @extend_schema(
        request=InputSerializer,
        responses={
            201: inline_serializer(
                name="NewPersonAnswer",
                fields={"user": PersonSerializer(), "password": serializers.CharField()},
            )
        },
    )
    @method_decorator(sensitive_variables())
    def post(self, request: AuthenticatedRequest) -> Response:
        body = self.InputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        password = services.random_password()
        user = services.create_user(
            password=password, actor=request.user, created_at=timezone.now(), **body.validated_data
        )
        person = PersonSerializer(selectors.people().get(pk=user.pk))
        return Response({"user": person.data, "password": password}, status.HTTP_201_CREATED)


class PersonView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema_serializer(component_name="PersonEdit")
    class InputSerializer(serializers.Serializer):
        role = serializers.ChoiceField(choices=Role.choices, required=False)
        groups = Names(required=False)
        is_active = serializers.BooleanField(required=False)
        display_name = serializers.CharField(max_length=100, allow_blank=True, required=False)

    @extend_schema(
        request=InputSerializer,
        responses=PersonSerializer,
    )
    def patch(self, request: AuthenticatedRequest, pk: int) -> Response:
        person = get_object_or_404(selectors.people(), pk=pk)
        body = self.InputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        services.edit_person(
            person=person, actor=request.user, at=timezone.now(), **body.validated_data
        )
        return Response(PersonSerializer(selectors.people().get(pk=pk)).data)


class GroupsView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema_serializer(component_name="NewGroup")
    class InputSerializer(serializers.Serializer):
        name = serializers.CharField(max_length=60)
        description = serializers.CharField(max_length=200, allow_blank=True, default="")

    @extend_schema(responses=GroupSerializer(many=True))
    def get(self, request: AuthenticatedRequest) -> Response:
        return Response(GroupSerializer(selectors.groups(), many=True).data)

    @extend_schema(
        request=InputSerializer,
        responses={201: GroupSerializer},
    )
    def post(self, request: AuthenticatedRequest) -> Response:
        body = self.InputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        group = services.create_group(actor=request.user, at=timezone.now(), **body.validated_data)
        made = selectors.groups().get(pk=group.pk)
        return Response(GroupSerializer(made).data, status=status.HTTP_201_CREATED)
