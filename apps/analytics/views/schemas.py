"""The shape of a report as JSON, for the schema from which the page takes its types."""

from rest_framework import serializers


class NoticeSerializer(serializers.Serializer):
    code = serializers.CharField()
    text = serializers.CharField()


class AgreementRowSerializer(serializers.Serializer):
    category = serializers.CharField()
    aggregation = serializers.CharField()
    measure = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    sd = serializers.FloatField(allow_null=True)
    ci_low = serializers.FloatField(allow_null=True)
    ci_high = serializers.FloatField(allow_null=True)
    n_items = serializers.IntegerField()
    n_pairs = serializers.IntegerField()


class AssessorPairRowSerializer(serializers.Serializer):
    category = serializers.CharField()
    aggregation = serializers.CharField()
    assessor_a = serializers.CharField()
    assessor_b = serializers.CharField()
    measure = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    n_items = serializers.IntegerField()
    ci_low = serializers.FloatField(allow_null=True)
    ci_high = serializers.FloatField(allow_null=True)


class ModelAgreementRowSerializer(serializers.Serializer):
    category = serializers.CharField()
    measure = serializers.CharField()
    n = serializers.IntegerField()
    method_a = serializers.CharField()
    method_b = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    sd = serializers.FloatField(allow_null=True)
    ci_low = serializers.FloatField(allow_null=True)
    ci_high = serializers.FloatField(allow_null=True)
    n_queries = serializers.IntegerField()


class PrecisionRowSerializer(serializers.Serializer):
    category = serializers.CharField()
    method = serializers.CharField()
    measure = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    ci_low = serializers.FloatField(allow_null=True)
    ci_high = serializers.FloatField(allow_null=True)
    n_queries = serializers.IntegerField()
    judged = serializers.FloatField(allow_null=True)


class UndefinedSerializer(serializers.Serializer):
    family = serializers.CharField()
    scope = serializers.CharField()
    param = serializers.CharField()
    reason = serializers.CharField()


class FigureSerializer(serializers.Serializer):
    name = serializers.CharField()
    section = serializers.CharField()
    title = serializers.CharField()
    spec = serializers.DictField(help_text="Vega-Lite")


class CountsSerializer(serializers.Serializer):
    n_queries = serializers.IntegerField()
    n_queries_judged = serializers.IntegerField()
    n_queries_without_relevant = serializers.IntegerField()
    n_ratings = serializers.IntegerField()
    n_items = serializers.IntegerField()
    n_items_multi = serializers.IntegerField()
    n_rating_pairs = serializers.IntegerField()
    n_unjudgeable = serializers.IntegerField()
    n_pairs = serializers.IntegerField()
    n_planned = serializers.IntegerField()
    n_judged = serializers.IntegerField()
    n_open = serializers.IntegerField()
    n_assessors = serializers.IntegerField()
    consensus = serializers.ListField(
        child=serializers.IntegerField(), help_text="Items per level, from the lowest level up"
    )
    n_relevant = serializers.IntegerField()


class CategoryCountsSerializer(CountsSerializer):
    category = serializers.CharField()


class AllCountsSerializer(CountsSerializer):
    by_category = CategoryCountsSerializer(many=True)


class ReportCategorySerializer(serializers.Serializer):
    name = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    n_queries = serializers.IntegerField()


class ScaleLevelSerializer(serializers.Serializer):
    level = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField(required=False)


class ReportStudySerializer(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    protocol = serializers.CharField()
    state = serializers.CharField()
    is_simulated = serializers.BooleanField()
    provenance = serializers.DictField()
    scale = ScaleLevelSerializer(many=True)
    aggregations = serializers.ListField(child=serializers.CharField())
    relevance = serializers.CharField()
    methods = serializers.ListField(child=serializers.CharField())
    depth = serializers.IntegerField()
    overlap = serializers.FloatField()
    seed = serializers.IntegerField()
    categories = ReportCategorySerializer(many=True)


class ReportMethodSerializer(serializers.Serializer):
    sd = serializers.CharField()
    interval = serializers.CharField()
    resamples = serializers.IntegerField()
    seed = serializers.IntegerField()
    consensus = serializers.CharField()
    averaged = serializers.CharField()
    unjudged = serializers.CharField()


class PaletteSerializer(serializers.Serializer):
    methods = serializers.DictField(child=serializers.CharField())
    levels = serializers.ListField(
        child=serializers.CharField(), help_text="From the lowest level to the highest"
    )


class PoolCategorySerializer(serializers.Serializer):
    category = serializers.CharField()
    n_queries = serializers.IntegerField()
    n_pairs = serializers.IntegerField()


class PoolMethodSerializer(serializers.Serializer):
    category = serializers.CharField()
    method = serializers.CharField()
    n_found = serializers.IntegerField()
    n_unique = serializers.IntegerField()


class PoolSerializer(serializers.Serializer):
    depth = serializers.IntegerField()
    n_pairs = serializers.IntegerField()
    by_category = PoolCategorySerializer(many=True)
    by_method = PoolMethodSerializer(many=True)


class ReportSerializer(serializers.Serializer):
    study = ReportStudySerializer()
    method = ReportMethodSerializer()
    palette = PaletteSerializer()
    notices = NoticeSerializer(many=True)
    counts = AllCountsSerializer()
    agreement = AgreementRowSerializer(many=True)
    assessor_pairs = AssessorPairRowSerializer(many=True)
    model_agreement = ModelAgreementRowSerializer(many=True)
    precision = PrecisionRowSerializer(many=True)
    pool = PoolSerializer()
    undefined = UndefinedSerializer(many=True)
    figures = FigureSerializer(many=True)
