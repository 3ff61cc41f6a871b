"""Foreign methods of a study over HTTP: what there is, one more, one less."""

from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.models import User
from apps.assessment import services
from apps.common.permissions import ResearchersReadAdminsWrite
from apps.retrieval.models import ForeignRun
from apps.retrieval.selectors import runs_of
from apps.retrieval.services.runs import LONGEST_FILE, remove_run
from apps.studies.selectors import study_named


@extend_schema_serializer(component_name="ForeignRun")
class RunSerializer(serializers.ModelSerializer[ForeignRun]):
    imported_by = serializers.CharField(
        source="imported_by.name", default="", help_text="empty: by a command, or with a release"
    )

    class Meta:
        model = ForeignRun
        fields = [
            "method",
            "file_name",
            "sha256",
            "n_lines",
            "in_pools",
            "imported_at",
            "imported_by",
        ]
        read_only_fields = fields


class RunsView(APIView):
    """The runs of a study, and the import of another."""

    permission_classes = [ResearchersReadAdminsWrite]

    def get_parsers(self) -> list[Any]:
        return [MultiPartParser()]

    @extend_schema_serializer(component_name="NewRun")
    class InputSerializer(serializers.Serializer):
        file = serializers.FileField(help_text="TREC run: query Q0 image rank score tag")
        method = serializers.CharField(
            max_length=60, required=False, default="", allow_blank=True, help_text="else the tag"
        )
        no_pool = serializers.BooleanField(
            default=False, help_text="only report on it: what it found alone is not judged"
        )
        preview = serializers.BooleanField(default=False, help_text="keep nothing")

        def validate_file(self, file: Any) -> Any:
            if file.size > LONGEST_FILE:
                raise serializers.ValidationError(f"must be at most {LONGEST_FILE // 2**20} MiB.")
            return file

    @extend_schema_serializer(component_name="ImportedRun")
    class OutputSerializer(serializers.Serializer):
        run = RunSerializer()
        is_new = serializers.BooleanField(help_text="False: this file was imported before")
        sentences = serializers.ListField(child=serializers.CharField())
        n_new_pairs = serializers.IntegerField(
            source="growth.n_new", default=0, help_text="pairs that join the pools now"
        )
        n_new_tasks = serializers.IntegerField(source="dealt.n_tasks")

    @extend_schema(operation_id="studies_runs", responses=RunSerializer(many=True))
    def get(self, request: Request, study: str) -> Response:
        runs = runs_of(study=study_named(slug=study))
        return Response(RunSerializer(runs, many=True).data)

    @extend_schema(
        operation_id="studies_runs_create",
        request={"multipart/form-data": InputSerializer},
        responses={201: OutputSerializer},
    )
    def post(self, request: Request, study: str) -> Response:
        found = study_named(slug=study)
        body = self.InputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        file = body.validated_data["file"]
        done = services.import_run(
            study=found,
            file=file,
            file_name=file.name,
            method=body.validated_data["method"],
            in_pools=not body.validated_data["no_pool"],
            preview=body.validated_data["preview"],
            imported_at=timezone.now(),
            imported_by=cast(User, request.user),
        )
        kept = done.is_new and not body.validated_data["preview"]
        return Response(
            self.OutputSerializer(done).data,
            status=status.HTTP_201_CREATED if kept else status.HTTP_200_OK,
        )


class RunView(APIView):
    permission_classes = [ResearchersReadAdminsWrite]

    @extend_schema(operation_id="studies_runs_destroy", responses={204: None})
    def delete(self, request: Request, study: str, method: str) -> Response:
        remove_run(
            study=study_named(slug=study),
            method=method,
            removed_at=timezone.now(),
            removed_by=cast(User, request.user),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
