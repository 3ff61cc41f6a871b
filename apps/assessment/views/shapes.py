"""What several calls have in common. What an assessor receives is named here, field by field."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.assessment.models import Judgment
from apps.assessment.selectors import Card


class LimitSerializer(serializers.Serializer):
    """`?limit=`: how many rows."""

    def __init__(self, *args: Any, default: int = 10, most: int = 100, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["limit"] = serializers.IntegerField(
            min_value=1, max_value=most, default=default
        )


@extend_schema_field(OpenApiTypes.INT)
class RawField(serializers.Field):
    """A value as it came in, for the service to judge: DRF would take "3" and true for numbers."""

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(OpenApiTypes.STR)
class RawTextField(RawField):
    """The same, for a word."""


class ProgressSerializer(serializers.Serializer):
    done = serializers.IntegerField()
    total = serializers.IntegerField()


class CategoryProgressSerializer(serializers.Serializer):
    name = serializers.CharField()
    progress = ProgressSerializer()


class ShownImageSerializer(serializers.Serializer):
    """An image without its name: the address says nothing about it."""

    image_url = serializers.CharField()
    thumb_url = serializers.CharField()
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)


class TaskSerializer(serializers.Serializer):
    task_id = serializers.UUIDField(source="task.uuid")
    query = ShownImageSerializer()
    candidate = ShownImageSerializer()
    category = serializers.CharField()
    query_number = serializers.IntegerField()
    query_count = serializers.IntegerField()
    candidate_number = serializers.IntegerField()
    candidate_count = serializers.IntegerField()


class OwnJudgmentSerializer(serializers.Serializer):
    uuid = serializers.UUIDField()
    level = serializers.IntegerField(allow_null=True)
    unjudgeable = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True)
    submitted_at = serializers.DateTimeField()
    revision = serializers.IntegerField()


class HistorySerializer(OwnJudgmentSerializer):
    task = TaskSerializer()

    def to_representation(self, instance: tuple[Judgment, Card]) -> dict[str, Any]:
        judgment, card = instance
        return {
            **OwnJudgmentSerializer(judgment).data,
            "task": TaskSerializer(card).data,
        }
