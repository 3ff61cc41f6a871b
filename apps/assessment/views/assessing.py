"""The assessor's own calls: what is mine, what is next, this is my answer."""

from datetime import UTC
from typing import cast
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_serializer,
)
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.models import User
from apps.assessment import selectors, services
from apps.assessment.protocols import protocol_named
from apps.assessment.views.shapes import (
    CategoryProgressSerializer,
    HistorySerializer,
    LimitSerializer,
    ProgressSerializer,
    RawField,
    RawTextField,
    TaskSerializer,
)
from apps.common.markdown import rendered

_LIMIT = OpenApiParameter("limit", int, description="At most so many.")


def _assessor(request: Request) -> User:
    return cast(User, request.user)


def _limit(request: Request, *, default: int, most: int) -> int:
    asked = LimitSerializer(data=request.query_params, default=default, most=most)
    asked.is_valid(raise_exception=True)
    return int(asked.validated_data["limit"])


class OwnStudiesView(APIView):
    """What is mine to judge."""

    @extend_schema_serializer(component_name="OwnStudies")
    class OutputSerializer(serializers.Serializer):
        class OwnStudySerializer(serializers.Serializer):
            slug = serializers.CharField(source="study.slug")
            name = serializers.CharField(source="study.name")
            protocol = serializers.CharField(source="study.protocol")
            state = serializers.CharField(source="study.state")
            is_simulated = serializers.BooleanField(source="study.is_simulated")
            progress = ProgressSerializer()
            pace_ms = serializers.IntegerField(allow_null=True)
            categories = CategoryProgressSerializer(many=True)

        studies = OwnStudySerializer(many=True)

    @extend_schema(operation_id="assess_list", responses=OutputSerializer)
    def get(self, request: Request) -> Response:
        studies = selectors.studies_of(assessor=_assessor(request))
        return Response(self.OutputSerializer({"studies": studies}).data)


class OwnStudyView(APIView):
    """What the levels mean in this study, and its guidelines."""

    @extend_schema_serializer(component_name="OwnStudyDetail")
    class OutputSerializer(serializers.Serializer):
        class LevelSerializer(serializers.Serializer):
            level = serializers.IntegerField()
            name = serializers.CharField()
            description = serializers.CharField(allow_blank=True, default="")

        class ReasonSerializer(serializers.Serializer):
            code = serializers.CharField()
            name = serializers.CharField()

        class GuidelinesSerializer(serializers.Serializer):
            name = serializers.CharField()
            guidelines = serializers.CharField(allow_blank=True, help_text="HTML")
            guideline_version = serializers.IntegerField()

        slug = serializers.CharField()
        name = serializers.CharField()
        protocol = serializers.CharField()
        state = serializers.CharField()
        is_simulated = serializers.BooleanField()
        scale = LevelSerializer(many=True)
        unjudgeable_reasons = ReasonSerializer(many=True)
        categories = GuidelinesSerializer(many=True)
        progress = ProgressSerializer()
        pace_ms = serializers.IntegerField(allow_null=True)
        n_queries = serializers.IntegerField()

    @extend_schema(operation_id="assess_study", responses=OutputSerializer)
    def get(self, request: Request, study: str) -> Response:
        own = selectors.participation(assessor=_assessor(request), slug=study)
        answer = {
            "slug": own.study.slug,
            "name": own.study.name,
            "protocol": own.study.protocol,
            "state": own.study.state,
            "is_simulated": own.study.is_simulated,
            "scale": own.study.scale,
            "unjudgeable_reasons": protocol_named(own.study.protocol).REASONS,
            "categories": [
                {
                    "name": category.name,
                    "guidelines": rendered(category.guidelines),
                    "guideline_version": category.guideline_version,
                }
                for category in selectors.categories_of(participant=own)
            ],
            "progress": selectors.progress_of(participant=own),
            "pace_ms": selectors.paces_of(participants=[own]).get(own.pk),
            "n_queries": own.assignments.count(),
        }
        return Response(self.OutputSerializer(answer).data)


class TasksView(APIView):
    """The next open pairs, in the assessor's own order; asking twice gives the same."""

    @extend_schema_serializer(component_name="NextTasks")
    class OutputSerializer(serializers.Serializer):
        state = serializers.CharField(help_text="Of the study: only an open one has tasks.")
        progress = ProgressSerializer()
        tasks = TaskSerializer(many=True)

    @extend_schema(operation_id="assess_tasks", parameters=[_LIMIT], responses=OutputSerializer)
    def get(self, request: Request, study: str) -> Response:
        own = selectors.participation(assessor=_assessor(request), slug=study)
        cards = selectors.next_cards(participant=own, limit=_limit(request, default=10, most=100))
        answer = {
            "state": own.study.state,
            "progress": selectors.progress_of(participant=own),
            "tasks": cards,
        }
        return Response(self.OutputSerializer(answer).data)


class HistoryView(APIView):
    """The assessor's own current judgments, newest first: for undo, and to look again."""

    @extend_schema(
        operation_id="assess_history",
        parameters=[_LIMIT],
        responses=HistorySerializer(many=True),
    )
    def get(self, request: Request, study: str) -> Response:
        own = selectors.participation(assessor=_assessor(request), slug=study)
        history = selectors.history_of(participant=own, limit=_limit(request, default=50, most=500))
        return Response(HistorySerializer(history, many=True).data)


class JudgmentView(APIView):
    """One answer. Sending it again is harmless; changing it is a new uuid with `revises`."""

    @extend_schema_serializer(component_name="Answer")
    class InputSerializer(serializers.Serializer):
        task_id = serializers.UUIDField()
        level = RawField(required=False, allow_null=True)
        unjudgeable = RawTextField(required=False, allow_null=True)
        note = serializers.CharField(
            required=False, allow_blank=True, trim_whitespace=False, default=""
        )
        active_ms = RawField(required=False, allow_null=True)
        hidden_ms = RawField(required=False, allow_null=True)
        client_time = serializers.DateTimeField(
            required=False, allow_null=True, default_timezone=UTC
        )
        revises = serializers.UUIDField(required=False, allow_null=True)

    @extend_schema_serializer(component_name="RecordedJudgment")
    class OutputSerializer(serializers.Serializer):
        uuid = serializers.UUIDField(source="judgment.uuid")
        task_id = serializers.UUIDField(source="judgment.task.uuid")
        level = serializers.IntegerField(source="judgment.level", allow_null=True)
        unjudgeable = serializers.CharField(source="judgment.unjudgeable", allow_blank=True)
        note = serializers.CharField(source="judgment.note", allow_blank=True)
        submitted_at = serializers.DateTimeField(source="judgment.submitted_at")
        sequence = serializers.IntegerField(source="judgment.sequence")
        revision = serializers.IntegerField(source="judgment.revision")
        progress = ProgressSerializer()

    @extend_schema(
        operation_id="judgments_put",
        request=InputSerializer,
        responses={
            201: OutputSerializer,
            200: OpenApiResponse(OutputSerializer, "Sent before with the same body."),
            400: OpenApiResponse(description="invalid, unknown_level, unknown_reason"),
            404: OpenApiResponse(description="not_found: the task is not yours"),
            409: OpenApiResponse(
                description="conflicting_retry, study_closed, already_judged, stale_revision"
            ),
        },
    )
    def put(self, request: Request, uuid: UUID) -> Response:
        body = self.InputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        recorded = services.record_judgment(
            uuid=uuid,
            assessor=_assessor(request),
            submitted_at=timezone.now(),
            **body.validated_data,
        )
        answer = self.OutputSerializer(recorded).data
        created = status.HTTP_201_CREATED if recorded.created else status.HTTP_200_OK
        return Response(answer, status=created)
