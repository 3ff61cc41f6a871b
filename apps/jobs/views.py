"""Jobs, workers and health over HTTP."""

from dataclasses import asdict
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.permissions import IsAdmin, IsResearcher
from apps.jobs import health, selectors, services, tasks
from apps.jobs.models import Job, JobQuerySet, State, WorkerHeartbeat
from apps.jobs.serializers import JobDetailSerializer, JobSerializer


class JobsView(ListAPIView):
    """All jobs, newest first."""

    permission_classes = [IsResearcher]
    serializer_class = JobSerializer

    class FilterSerializer(serializers.Serializer):
        state = serializers.MultipleChoiceField(choices=State.choices, required=False)
        target = serializers.CharField(max_length=200, required=False)
        kind = serializers.CharField(max_length=60, required=False)

    def get_queryset(self) -> JobQuerySet:
        if getattr(self, "swagger_fake_view", False):
            return Job.objects.none()
        asked = self.FilterSerializer(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        jobs = selectors.jobs_with_progress()
        if states := asked.validated_data.get("state"):
            jobs = jobs.filter(state__in=states)
        if target := asked.validated_data.get("target"):
            jobs = jobs.on(target)
        if kind := asked.validated_data.get("kind"):
            jobs = jobs.filter(kind=kind)
        return jobs

    @extend_schema(
        parameters=[
            OpenApiParameter("state", str, enum=[state.value for state in State], many=True),
            OpenApiParameter("target", str),
            OpenApiParameter("kind", str),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class JobView(APIView):
    permission_classes = [IsResearcher]

    @extend_schema(responses=JobDetailSerializer)
    def get(self, request: Request, job_id: int) -> Response:
        job = get_object_or_404(selectors.jobs_with_progress(), pk=job_id)
        return Response(JobDetailSerializer(job).data)


class CancelJobView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses=JobSerializer)
    def post(self, request: Request, job_id: int) -> Response:
        job = get_object_or_404(Job, pk=job_id)
        return Response(JobSerializer(services.cancel_job(job=job, now=timezone.now())).data)


class RetryJobView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses=JobSerializer)
    def post(self, request: Request, job_id: int) -> Response:
        job = services.retry_job(job=get_object_or_404(Job, pk=job_id), now=timezone.now())
        tasks.announce(job=job)
        return Response(JobSerializer(job).data)


class WorkersView(APIView):
    """The workers that said within the last seconds that they are alive."""

    permission_classes = [IsResearcher]

    class WorkerSerializer(serializers.ModelSerializer):
        class Meta:
            model = WorkerHeartbeat
            fields = ["name", "queues", "device", "seen_at", "started_at"]

    @extend_schema(
        responses=inline_serializer(
            "Workers",
            {
                "alive": serializers.BooleanField(help_text="one that does parts of jobs"),
                "workers": WorkerSerializer(many=True),
            },
        )
    )
    def get(self, request: Request) -> Response:
        now = timezone.now()
        workers = self.WorkerSerializer(selectors.workers_alive(now=now), many=True).data
        return Response(
            {"alive": selectors.job_workers_alive(now=now).exists(), "workers": workers}
        )


class HealthView(APIView):
    """For probes: 200 when all is well, 503 with what is not."""

    authentication_classes = []
    permission_classes = [AllowAny]

    class HealthCheckSerializer(serializers.Serializer):
        ok = serializers.BooleanField()
        detail = serializers.CharField()

    class HealthSerializer(serializers.Serializer):
        status = serializers.ChoiceField(choices=["ok", "failing"])

        def get_fields(self) -> dict[str, Any]:
            names = ["database", "broker", "worker", "disk"]
            checks = inline_serializer(
                "HealthChecks",
                {
                    **{name: HealthView.HealthCheckSerializer() for name in names},
                    # only where files are kept in an object store
                    "store": HealthView.HealthCheckSerializer(required=False),
                },
            )
            return {**super().get_fields(), "checks": checks}

    @extend_schema(responses={200: HealthSerializer, 503: HealthSerializer}, auth=[])
    def get(self, request: Request) -> Response:
        checks = health.check_health()
        well = all(check.ok for check in checks.values())
        return Response(
            {
                "status": "ok" if well else "failing",
                "checks": {name: asdict(check) for name, check in checks.items()},
            },
            status=status.HTTP_200_OK if well else status.HTTP_503_SERVICE_UNAVAILABLE,
            headers={"Cache-Control": "no-store"},
        )
