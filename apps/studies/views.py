"""HTTP in, one call, HTTP out: studies, their designs and queries."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_serializer, inline_serializer
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.requests import AuthenticatedRequest
from apps.catalog.selectors import collection_named
from apps.common.permissions import IsAdmin, IsResearcher, ResearchersReadAdminsWrite
from apps.studies import selectors, services
from apps.studies.design import StudyDesign, parse_design
from apps.studies.methods import methods_of_study
from apps.studies.models import Study
from apps.studies.serializers import QuerySerializer, StudyDesignSerializer, StudySerializer
from apps.studies.tables import InvalidDesignError
from apps.studies.toml import read_toml, write_toml

MAX_QUERY_BYTES = 100 * 2**20
DESIGN = inline_serializer(
    name="DesignBody",
    fields={
        "design": StudyDesignSerializer(),
        "draft": serializers.BooleanField(
            required=False, help_text="The design is still being made: parts may be missing."
        ),
    },
)


def answer(study: Study, status_code: int = status.HTTP_200_OK) -> Response:
    row = selectors.study_named(slug=study.slug)
    return Response(StudySerializer(row).data, status=status_code)


def design_in(request: Request, study: Study | None = None) -> StudyDesign:
    """The checked `design` of a JSON body; of a study that is there already, or of a new one."""
    if not isinstance(request.data, dict) or "design" not in request.data:
        raise InvalidDesignError("design is needed.", field="design")
    return parse_design(
        request.data["design"],
        draft=request.data.get("draft") is True,
        own_methods=methods_of_study(study_id=study.pk) if study else (),
    )


def created(design: StudyDesign, request: AuthenticatedRequest, collection: str) -> Response:
    if not collection:
        raise InvalidDesignError("collection is needed.", field="collection")
    study = services.create_study(
        design=design,
        collection=collection_named(slug=collection),
        created_at=timezone.now(),
        created_by=request.user,
    )
    return answer(study, status.HTTP_201_CREATED)


class StudiesView(ListAPIView):
    permission_classes = [ResearchersReadAdminsWrite]
    serializer_class = StudySerializer

    def get_queryset(self) -> QuerySet[Study]:
        return selectors.studies()

    @extend_schema(request=DESIGN, responses={201: StudySerializer})
    def post(self, request: AuthenticatedRequest) -> Response:
        design = design_in(request)
        return created(design, request, design.collection)


class StudyFromTomlView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema_serializer(component_name="StudyToml")
    class InputSerializer(serializers.Serializer):
        toml = serializers.CharField(max_length=5_000_000, trim_whitespace=False)
        collection = serializers.CharField(max_length=60, allow_blank=True, default="")

    @extend_schema(request=InputSerializer, responses={201: StudySerializer})
    def post(self, request: AuthenticatedRequest) -> Response:
        body = self.InputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        design = read_toml(body.validated_data["toml"], folder=None)
        return created(design, request, body.validated_data["collection"] or design.collection)


class StudyView(APIView):
    permission_classes = [ResearchersReadAdminsWrite]

    @extend_schema(responses=StudySerializer)
    def get(self, request: AuthenticatedRequest, slug: str) -> Response:
        return Response(StudySerializer(selectors.study_named(slug=slug)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: AuthenticatedRequest, slug: str) -> Response:
        study = selectors.study_named(slug=slug)
        services.delete_study(study=study, deleted_at=timezone.now(), deleted_by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class DesignView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(request=DESIGN, responses=StudySerializer)
    def put(self, request: AuthenticatedRequest, slug: str) -> Response:
        study = selectors.study_named(slug=slug)
        changed = services.change_design(
            study=study,
            design=design_in(request, study),
            changed_at=timezone.now(),
            changed_by=request.user,
        )
        return answer(changed)


class QueriesView(ListAPIView):
    permission_classes = [ResearchersReadAdminsWrite]
    serializer_class = QuerySerializer

    def get_parsers(self) -> list[Any]:
        return [MultiPartParser()]

    @extend_schema_serializer(component_name="NewQuery")
    class InputSerializer(serializers.Serializer):
        file = serializers.FileField(required=False)
        image = serializers.CharField(
            max_length=300, required=False, default="", help_text="image_id; or else file"
        )
        id = serializers.CharField(max_length=60)
        category = serializers.CharField(max_length=100)

        def validate_file(self, file: Any) -> Any:
            if file.size > MAX_QUERY_BYTES:
                raise serializers.ValidationError("must be at most 100 MiB.")
            return file

        def validate(self, given: dict[str, Any]) -> dict[str, Any]:
            if bool(given["image"]) == ("file" in given):
                raise serializers.ValidationError({"file": "is needed, or else image."})
            return given

    def get_queryset(self) -> Any:
        study = selectors.study_named(slug=self.kwargs["slug"])
        return selectors.queries_of(study=study)

    @extend_schema(
        request={"multipart/form-data": InputSerializer}, responses={201: QuerySerializer}
    )
    def post(self, request: AuthenticatedRequest, slug: str) -> Response:
        study = selectors.study_named(slug=slug)
        body = self.InputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        file = body.validated_data.get("file")
        query = services.add_query(
            study=study,
            query_id=body.validated_data["id"],
            category=body.validated_data["category"],
            image_id=body.validated_data["image"],
            file_name=file.name if file else "",
            content=file.read() if file else b"",
            added_at=timezone.now(),
            added_by=request.user,
        )
        row = selectors.queries_of(study=study).get(pk=query.pk)
        return Response(QuerySerializer(row).data, status=status.HTTP_201_CREATED)


class TomlView(APIView):
    permission_classes = [IsResearcher]

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: AuthenticatedRequest, slug: str) -> HttpResponse:
        study = selectors.study_named(slug=slug)
        return HttpResponse(
            write_toml(selectors.design_of(study=study)),
            content_type="text/plain; charset=utf-8",
            headers={"Content-Disposition": f'inline; filename="{study.slug}.toml"'},
        )


class CloseView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses=StudySerializer)
    def post(self, request: AuthenticatedRequest, slug: str) -> Response:
        study = selectors.study_named(slug=slug)
        return answer(
            services.close_study(study=study, closed_at=timezone.now(), closed_by=request.user)
        )


class ReopenView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses=StudySerializer)
    def post(self, request: AuthenticatedRequest, slug: str) -> Response:
        study = selectors.study_named(slug=slug)
        return answer(
            services.reopen_study(study=study, opened_at=timezone.now(), opened_by=request.user)
        )
