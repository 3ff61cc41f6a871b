"""Spaces, methods and pools over HTTP: look up, one service call, answer."""

from dataclasses import asdict

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.catalog.models import Collection
from apps.common.permissions import IsAdmin, IsResearcher
from apps.jobs.serializers import JobSerializer
from apps.jobs.tasks import announce
from apps.retrieval import registry, selectors, services
from apps.retrieval.fusions import fusion_kinds
from apps.studies.models import Study

JOB_STARTED = inline_serializer("StartedJob", {"job": JobSerializer()})
DEVICES = ["auto", "cpu", "cuda"]


class MethodsView(APIView):
    """The search methods that a study may pool."""

    permission_classes = [IsResearcher]

    class MethodSerializer(serializers.Serializer):
        name = serializers.CharField()
        title = serializers.CharField()
        space = serializers.CharField()
        search = serializers.CharField()
        description = serializers.CharField()
        dimensions = serializers.IntegerField(allow_null=True)

    @extend_schema(responses=MethodSerializer(many=True))
    def get(self, request: Request) -> Response:
        rows = [
            {
                "name": method.name,
                "title": method.title,
                "space": method.space,
                "search": method.search_title,
                "description": method.description,
                "dimensions": registry.space_of(name=method.space).dimensions,
            }
            for method in registry.methods()
        ]
        return Response(self.MethodSerializer(rows, many=True).data)


class FusionKindsView(APIView):
    """The ways to fuse methods: a study writes `rrf(r_sum+cld)` among its methods."""

    permission_classes = [IsResearcher]

    class FusionKindSerializer(serializers.Serializer):
        name = serializers.CharField()
        title = serializers.CharField()
        description = serializers.CharField()

    @extend_schema(responses=FusionKindSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(self.FusionKindSerializer(fusion_kinds(), many=True).data)


class ReadsAndStartsView(APIView):
    """Researchers may look; only admins start work."""

    def get_permissions(self) -> list[BasePermission]:
        return [IsResearcher() if self.request.method in ("GET", "HEAD", "OPTIONS") else IsAdmin()]


class SpacesView(ReadsAndStartsView):
    """The feature spaces of a collection, and the job that computes them."""

    class SpaceSerializer(serializers.Serializer):
        name = serializers.CharField()
        title = serializers.CharField()
        dimensions = serializers.IntegerField(allow_null=True)
        state = serializers.ChoiceField(choices=["ready", "partial", "missing", "unavailable"])
        reason = serializers.CharField()
        how = serializers.CharField()
        rows = serializers.IntegerField()
        total = serializers.IntegerField()
        bytes = serializers.IntegerField()
        job = JobSerializer(allow_null=True)

    class StartExtractionSerializer(serializers.Serializer):
        spaces = serializers.ListField(
            child=serializers.CharField(max_length=40),
            required=False,
            default=list,
            help_text="empty: all that this machine can compute",
        )
        device = serializers.ChoiceField(choices=DEVICES, default="auto")

    @extend_schema(responses=SpaceSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        collection = get_object_or_404(Collection, slug=slug)
        states = selectors.spaces_of(collection=collection)
        return Response(self.SpaceSerializer(states, many=True).data)

    @extend_schema(request=StartExtractionSerializer, responses={202: JOB_STARTED})
    def post(self, request: Request, slug: str) -> Response:
        collection = get_object_or_404(Collection, slug=slug)
        body = self.StartExtractionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        job = services.request_extraction(
            collection=collection,
            spaces=body.validated_data["spaces"],
            device=body.validated_data["device"],
            requested_by_id=request.user.pk,
            requested_at=timezone.now(),
        )
        announce(job=job)
        return Response({"job": JobSerializer(job).data}, status=status.HTTP_202_ACCEPTED)


class PoolsView(ReadsAndStartsView):
    """The pools of a study, and the job that builds them."""

    class PoolSummarySerializer(serializers.Serializer):
        class QueryPoolSerializer(serializers.Serializer):
            id = serializers.CharField()
            category = serializers.CharField()
            n_pairs = serializers.IntegerField()
            by_method = serializers.DictField(child=serializers.IntegerField())

        depth = serializers.IntegerField()
        n_queries = serializers.IntegerField()
        n_pairs = serializers.IntegerField()
        by_query = QueryPoolSerializer(many=True)
        unique = serializers.DictField(child=serializers.IntegerField())
        rankings = serializers.DictField(child=serializers.IntegerField())

    class StartPoolingSerializer(serializers.Serializer):
        depth = serializers.IntegerField(required=False, allow_null=True, default=None)
        device = serializers.ChoiceField(choices=DEVICES, default="auto")
        available_only = serializers.BooleanField(
            default=False, help_text="leave out methods whose space is not complete"
        )

    @extend_schema(responses=PoolSummarySerializer)
    def get(self, request: Request, slug: str) -> Response:
        study = get_object_or_404(Study, slug=slug)
        summary = selectors.pool_summary(study=study)
        return Response(self.PoolSummarySerializer(asdict(summary)).data)

    @extend_schema(request=StartPoolingSerializer, responses={202: JOB_STARTED})
    def post(self, request: Request, slug: str) -> Response:
        study = get_object_or_404(Study.objects.select_related("collection"), slug=slug)
        body = self.StartPoolingSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        job = services.request_pools(
            study=study,
            depth=body.validated_data["depth"],
            device=body.validated_data["device"],
            available_only=body.validated_data["available_only"],
            requested_by_id=request.user.pk,
            requested_at=timezone.now(),
        )
        announce(job=job)
        return Response({"job": JobSerializer(job).data}, status=status.HTTP_202_ACCEPTED)
