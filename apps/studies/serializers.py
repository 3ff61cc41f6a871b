"""How studies look in HTTP. Not for assessors: they name methods and depths."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from apps.accounts.serializers import GroupNames
from apps.catalog.serializers import ImageSerializer
from apps.studies import selectors
from apps.studies.models import Category, Query, Study
from apps.studies.protocols import PROTOCOLS


@extend_schema_serializer(component_name="StudyScaleLevel")
class ScaleLevelSerializer(serializers.Serializer[dict[str, Any]]):
    level = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField()


@extend_schema_serializer(component_name="StudyCategory")
class CategorySerializer(serializers.ModelSerializer[Category]):
    groups = GroupNames(many=True)
    n_queries = serializers.IntegerField(read_only=True)

    class Meta:
        model = Category
        fields = ["name", "groups", "guidelines", "guideline_version", "n_queries"]
        read_only_fields = fields


@extend_schema_serializer(component_name="StudyNotice")
class NoticeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    text = serializers.CharField()


@extend_schema_serializer(component_name="Study")
class StudySerializer(serializers.ModelSerializer[Study]):
    """Give it rows of `selectors.studies`: they carry their counts."""

    collection = serializers.CharField(source="collection.slug", read_only=True)
    scale = ScaleLevelSerializer(many=True, read_only=True)
    aggregations = serializers.ListField(child=serializers.CharField(), read_only=True)
    methods = serializers.ListField(child=serializers.CharField(), read_only=True)
    categories = CategorySerializer(many=True, read_only=True)
    n_queries = serializers.IntegerField(read_only=True)
    n_pairs = serializers.IntegerField(read_only=True)
    n_judgments_planned = serializers.IntegerField(read_only=True)
    n_judged = serializers.IntegerField(read_only=True)
    notices = serializers.SerializerMethodField()

    class Meta:
        model = Study
        fields = [
            "slug",
            "name",
            "description",
            "collection",
            "state",
            "protocol",
            "scale",
            "aggregations",
            "relevance",
            "methods",
            "depth",
            "overlap",
            "seed",
            "is_simulated",
            "created_at",
            "categories",
            "n_queries",
            "n_pairs",
            "n_judgments_planned",
            "n_judged",
            "notices",
        ]
        read_only_fields = fields

    @extend_schema_field(NoticeSerializer(many=True))
    def get_notices(self, study: Study) -> Any:
        return NoticeSerializer(selectors.notices_of(study=study), many=True).data


@extend_schema_serializer(component_name="StudyQuery")
class QuerySerializer(serializers.ModelSerializer[Query]):
    """Give it rows of `selectors.queries_of`."""

    id = serializers.CharField(source="query_id", read_only=True)
    category = serializers.CharField(source="category.name", read_only=True)
    image = ImageSerializer(read_only=True)
    n_pool = serializers.IntegerField(read_only=True)

    class Meta:
        model = Query
        fields = ["id", "category", "position", "image", "n_pool"]
        read_only_fields = fields


@extend_schema_serializer(component_name="CategoryDesign")
class CategoryDesignSerializer(serializers.Serializer[dict[str, Any]]):
    name = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    guidelines = serializers.CharField(
        required=False, help_text="Markdown; those of the protocol when empty"
    )


@extend_schema_serializer(component_name="QueryDesign")
class QueryDesignSerializer(serializers.Serializer[dict[str, Any]]):
    id = serializers.CharField()
    category = serializers.CharField()
    image = serializers.CharField(help_text="image_id in the collection")


@extend_schema_serializer(component_name="StudyDesign")
class StudyDesignSerializer(serializers.Serializer[dict[str, Any]]):
    """The words of study.toml. It only describes: `design.parse_design` checks."""

    name = serializers.CharField()
    slug = serializers.CharField(required=False)
    collection = serializers.CharField()
    description = serializers.CharField(required=False)
    protocol = serializers.ChoiceField(choices=sorted(PROTOCOLS), required=False)
    methods = serializers.ListField(child=serializers.CharField(), required=False)
    depth = serializers.IntegerField(required=False, min_value=1)
    overlap = serializers.FloatField(required=False, min_value=0, max_value=1)
    seed = serializers.IntegerField(required=False, min_value=0)
    categories = CategoryDesignSerializer(many=True)
    queries = QueryDesignSerializer(many=True)
