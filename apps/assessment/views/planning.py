"""The admin's calls: who judges what, and how far they are."""

from typing import cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.models import User
from apps.assessment import selectors, services
from apps.common.permissions import IsAdmin
from apps.studies.selectors import study_named


@extend_schema_serializer(component_name="Plan")
class PlanSerializer(serializers.Serializer):
    @extend_schema_serializer(component_name="PlannedAssessor")
    class AssessorSerializer(serializers.Serializer):
        username = serializers.CharField()
        name = serializers.CharField()
        pseudonym = serializers.CharField()
        groups = serializers.ListField(child=serializers.CharField())
        n_queries = serializers.IntegerField()
        n_common = serializers.IntegerField()
        n_pairs = serializers.IntegerField()

    @extend_schema_serializer(component_name="PlannedCategory")
    class CategorySerializer(serializers.Serializer):
        name = serializers.CharField()
        n_queries = serializers.IntegerField()
        n_common = serializers.IntegerField()
        n_assessors = serializers.IntegerField()
        n_pairs = serializers.IntegerField(help_text="Pairs to judge, by all its assessors.")

    state = serializers.CharField()
    planned = serializers.BooleanField(help_text="Written down, not only a preview.")
    seed = serializers.IntegerField()
    assessors = AssessorSerializer(many=True)
    categories = CategorySerializer(many=True)
    total_pairs = serializers.IntegerField()
    spread = serializers.IntegerField(help_text="Most pairs of an assessor less the fewest.")


class PlanView(APIView):
    """Who is to judge how much."""

    permission_classes = [IsAdmin]

    @extend_schema_serializer(component_name="PlanRequest")
    class InputSerializer(serializers.Serializer):
        preview = serializers.BooleanField(default=False)

    @extend_schema(
        operation_id="studies_plan_create", request=InputSerializer, responses=PlanSerializer
    )
    def post(self, request: Request, study: str) -> Response:
        found = study_named(slug=study)
        body = self.InputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        plan = services.plan_assignments(
            study=found,
            planned_at=timezone.now(),
            actor=cast(User, request.user),
            preview=body.validated_data["preview"],
        )
        return Response(PlanSerializer(plan).data)

    @extend_schema(operation_id="studies_plan", responses=PlanSerializer)
    def get(self, request: Request, study: str) -> Response:
        found = study_named(slug=study)
        return Response(PlanSerializer(selectors.plan_of(study=found)).data)


class MonitorView(APIView):
    """How far a study's assessors are."""

    permission_classes = [IsAdmin]

    @extend_schema_serializer(component_name="Monitor")
    class OutputSerializer(serializers.Serializer):
        @extend_schema_serializer(component_name="MonitoredCategory")
        class CategorySerializer(serializers.Serializer):
            name = serializers.CharField()
            done = serializers.IntegerField(source="progress.done")
            total = serializers.IntegerField(source="progress.total")

        @extend_schema_serializer(component_name="MonitoredAssessor")
        class AssessorSerializer(serializers.Serializer):
            name = serializers.CharField(source="participant.user.name")
            username = serializers.CharField(source="participant.user.username")
            pseudonym = serializers.CharField(source="participant.pseudonym")
            groups = serializers.ListField(
                child=serializers.CharField(), source="participant.groups"
            )
            done = serializers.IntegerField(source="participant.n_done")
            total = serializers.IntegerField(source="participant.n_tasks")
            pace_ms = serializers.IntegerField(allow_null=True)
            last_at = serializers.DateTimeField(allow_null=True)
            unjudgeable = serializers.IntegerField()

        done = serializers.IntegerField(source="progress.done")
        total = serializers.IntegerField(source="progress.total")
        categories = CategorySerializer(many=True)
        assessors = AssessorSerializer(many=True)

    @extend_schema(operation_id="studies_monitor", responses=OutputSerializer)
    def get(self, request: Request, study: str) -> Response:
        found = study_named(slug=study)
        return Response(self.OutputSerializer(selectors.monitor_of(study=found)).data)
