"""How a job looks in HTTP: shared by every app whose views start one."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from apps.jobs import selectors
from apps.jobs.models import Job, JobPart, State


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job with how far it is, in its own unit."""

    requested_by = serializers.CharField(
        source="requested_by.username", allow_null=True, read_only=True, default=None
    )
    done = serializers.IntegerField(read_only=True)
    total = serializers.IntegerField(read_only=True)
    rate = serializers.FloatField(read_only=True, allow_null=True, help_text="units per second")
    seconds_left = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "target",
            "title",
            "unit",
            "state",
            "error",
            "result",
            "done",
            "total",
            "rate",
            "seconds_left",
            "created_at",
            "started_at",
            "finished_at",
            "requested_by",
        ]
        read_only_fields = fields

    def to_representation(self, instance: Job) -> dict[str, Any]:
        progress = selectors.progress_of(job=instance, now=timezone.now())
        for name in ("done", "total", "rate", "seconds_left"):
            setattr(instance, name, getattr(progress, name))
        return super().to_representation(instance)


class JobPartSerializer(serializers.ModelSerializer[JobPart]):
    class Meta:
        model = JobPart
        fields = ["key", "stage", "state", "done", "total", "attempts", "worker", "error"]
        read_only_fields = fields


class PartsByStateSerializer(serializers.Serializer[dict[str, int]]):
    """How many parts are in each state; a state without parts is 0."""

    def get_fields(self) -> dict[str, Any]:
        return {state.value: serializers.IntegerField() for state in State}


class JobDetailSerializer(JobSerializer):
    """A job with its parts: the first 500, failed ones first."""

    parts = serializers.SerializerMethodField()
    parts_by_state = serializers.SerializerMethodField()

    class Meta(JobSerializer.Meta):
        fields = [*JobSerializer.Meta.fields, "parts", "parts_by_state"]
        read_only_fields = fields

    def get_parts(self, job: Job) -> list[dict[str, Any]]:
        return JobPartSerializer(selectors.first_parts(job=job), many=True).data  # type: ignore[return-value]

    def get_parts_by_state(self, job: Job) -> dict[str, int]:
        return selectors.parts_by_state(job=job)

    # drf-spectacular reads the types of method fields from here.
    get_parts._spectacular_annotation = {"field": JobPartSerializer(many=True)}  # type: ignore[attr-defined]
    get_parts_by_state._spectacular_annotation = {"field": PartsByStateSerializer()}  # type: ignore[attr-defined]
