"""Releases over HTTP: start one, list them, download one."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Any

from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.analytics.models import Release
from apps.analytics.services.releases import request_release
from apps.common.permissions import IsAdmin, IsResearcher
from apps.common.storage import BLOCK, checked
from apps.jobs.serializers import JobSerializer
from apps.jobs.tasks import announce
from apps.studies.selectors import study_named

NAMES_FOR_ADMINS = "Only an admin may make or read a release with names."


class ReleaseSerializer(serializers.ModelSerializer):
    url = serializers.CharField(read_only=True)

    class Meta:
        model = Release
        fields = [
            "id",
            "created_at",
            "sha256",
            "byte_size",
            "with_names",
            "n_judgments",
            "url",
        ]


class ReleasesView(ListAPIView):
    """The releases of a study, newest first, and the job that makes one."""

    permission_classes = [IsResearcher]
    serializer_class = ReleaseSerializer

    class NewReleaseSerializer(serializers.Serializer):
        names = serializers.BooleanField(required=False, default=False)

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Release.objects.none()
        return Release.objects.filter(study=study_named(slug=self.kwargs["slug"]))

    @extend_schema(
        request=NewReleaseSerializer,
        responses={202: inline_serializer("ReleaseStarted", {"job": JobSerializer()})},
    )
    def post(self, request: Request, slug: str) -> Response:
        study = study_named(slug=slug)
        body = self.NewReleaseSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        if body.validated_data["names"] and not IsAdmin().has_permission(request, self):
            raise PermissionDenied(NAMES_FOR_ADMINS)
        job = request_release(
            study=study,
            names=body.validated_data["names"],
            requested_at=timezone.now(),
            requested_by_id=request.user.pk,
        )
        announce(job=job)
        return Response({"job": JobSerializer(job).data}, status=status.HTTP_202_ACCEPTED)


class DownloadView(APIView):
    """A release as a zip."""

    permission_classes = [IsResearcher]

    @extend_schema(
        operation_id="releases_download",
        responses={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        release = get_object_or_404(Release.objects.select_related("study"), pk=pk)
        if release.with_names and not IsAdmin().has_permission(request, self):
            raise PermissionDenied(NAMES_FOR_ADMINS)
        stack = ExitStack()
        file = stack.enter_context(checked(release.file, sha256=release.sha256))
        name = f"{release.study.slug}-{release.pk}.zip"
        return StreamingHttpResponse(
            _blocks(file, stack),
            content_type="application/zip",
            headers={
                "Content-Length": str(release.byte_size),
                "Content-Disposition": f'attachment; filename="{name}"',
            },
        )


def _blocks(file: IO[bytes], stack: ExitStack) -> Iterator[bytes]:
    with stack:
        while block := file.read(BLOCK):
            yield block
