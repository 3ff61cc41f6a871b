"""The explorer: one image, several methods side by side."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.requests import AuthenticatedRequest
from apps.catalog import services as catalog
from apps.catalog.models import Collection
from apps.catalog.serializers import ImageSerializer
from apps.common.parsers import JSONParser
from apps.common.permissions import IsResearcher
from apps.common.storage import read_soon
from apps.retrieval import selectors, services
from apps.retrieval.models import Exploration
from apps.retrieval.services.exploring import MAX_DEPTH
from apps.retrieval.tasks import announce_exploration

MAX_FILE_BYTES = 100 * 2**20


class FoundImageSerializer(ImageSerializer):
    """An image as a column of results needs it."""

    class Meta(ImageSerializer.Meta):
        fields = [
            *("image_id", "file_name", "width", "height"),
            *("thumb_url", "image_url", "captions"),
        ]
        read_only_fields = fields


class ExplorationSerializer(serializers.Serializer[selectors.ExplorationAnswer]):
    """Asked for until `state` is done or failed; methods fill as they answer."""

    class ExploredQuerySerializer(serializers.Serializer[Any]):
        image_id = serializers.CharField(
            allow_null=True, help_text="null: a dropped file that the collection does not have"
        )
        file_name = serializers.CharField()
        width = serializers.IntegerField(allow_null=True)
        height = serializers.IntegerField(allow_null=True)
        image_url = serializers.CharField()
        captions = serializers.ListField(child=serializers.CharField())

    class ExploredMethodSerializer(serializers.Serializer[Any]):
        class ExploredHitSerializer(serializers.Serializer[Any]):
            image_id = serializers.CharField()
            score = serializers.FloatField(
                help_text="higher is better; for a distance its negative"
            )

        method = serializers.CharField()
        state = serializers.ChoiceField(choices=["waiting", "done", "failed"])
        error = serializers.CharField()
        hits = ExploredHitSerializer(many=True, help_text="best first: rank 1, 2, ...")

    class ExploredPairSerializer(serializers.Serializer[Any]):
        method_a = serializers.CharField()
        method_b = serializers.CharField()
        n = serializers.IntegerField()
        value = serializers.FloatField(help_text="common results among the first n, divided by n")

    id = serializers.UUIDField(source="exploration.uuid")
    collection = serializers.CharField(source="exploration.collection.slug")
    state = serializers.ChoiceField(choices=Exploration.State.choices)
    error = serializers.CharField()
    depth = serializers.IntegerField(source="exploration.depth")
    created_at = serializers.DateTimeField(source="exploration.created_at")
    query = serializers.SerializerMethodField()
    methods = serializers.SerializerMethodField()
    images = FoundImageSerializer(many=True)
    common = ExploredPairSerializer(many=True)

    @extend_schema_field(ExploredQuerySerializer)
    def get_query(self, answer: selectors.ExplorationAnswer) -> Any:
        exploration = answer.exploration
        image = exploration.image
        if image is None:
            return {
                "image_id": None,
                "file_name": exploration.file_name,
                "width": exploration.width,
                "height": exploration.height,
                "image_url": f"/api/v1/explorations/{exploration.uuid}/image/",
                "captions": [],
            }
        return {
            "image_id": image.image_id,
            "file_name": image.file_name,
            "width": image.width,
            "height": image.height,
            "image_url": image.image_url,
            "captions": [caption.text for caption in image.captions.all()],
        }

    @extend_schema_field(ExploredMethodSerializer(many=True))
    def get_methods(self, answer: selectors.ExplorationAnswer) -> Any:
        return [
            {
                "method": one.method,
                "state": "waiting" if one.is_waiting else "failed" if one.error else "done",
                "error": one.error,
                "hits": [{"image_id": image_id, "score": score} for image_id, score in one.hits],
            }
            for one in answer.found
        ]


def answered(exploration: Exploration, status_code: int = status.HTTP_200_OK) -> Response:
    answer = selectors.exploration_answer(exploration=exploration, now=timezone.now())
    return Response(
        ExplorationSerializer(answer).data,
        status=status_code,
        headers={"Cache-Control": "no-store"},
    )


class ExplorationsView(APIView):
    """Ask what several methods find for one image."""

    permission_classes = [IsResearcher]
    parser_classes = [JSONParser, MultiPartParser]

    class NewExplorationSerializer(serializers.Serializer[Any]):
        image_id = serializers.CharField(
            max_length=300, required=False, default="", help_text="of the collection; or else file"
        )
        methods = serializers.ListField(child=serializers.CharField(max_length=200))
        depth = serializers.IntegerField(default=50, min_value=1, max_value=MAX_DEPTH)

    class DroppedImageSerializer(NewExplorationSerializer):
        file = serializers.FileField(required=False)

        def validate_file(self, file: Any) -> Any:
            if file.size > MAX_FILE_BYTES:
                raise serializers.ValidationError(f"must be at most {MAX_FILE_BYTES // 2**20} MiB.")
            return file

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before authentication reads the form: a body that has no room is not read at all.
        size = request.META.get("CONTENT_LENGTH") or "0"
        if request.method == "POST" and size.isdigit():
            catalog.check_space(needed=int(size))
        super().initial(request, *args, **kwargs)

    @extend_schema(
        request={
            "application/json": NewExplorationSerializer,
            "multipart/form-data": DroppedImageSerializer,
        },
        responses={202: ExplorationSerializer},
    )
    def post(self, request: AuthenticatedRequest, slug: str) -> Response:
        collection = get_object_or_404(Collection, slug=slug)
        body = self.DroppedImageSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        file = body.validated_data.get("file")
        exploration = services.request_exploration(
            collection=collection,
            methods=body.validated_data["methods"],
            depth=body.validated_data["depth"],
            image_id=body.validated_data["image_id"],
            file=services.DroppedFile(name=file.name, content=file.read()) if file else None,
            asked_by=request.user,
            asked_at=timezone.now(),
        )
        announce_exploration(exploration=exploration)
        return answered(exploration, status.HTTP_202_ACCEPTED)


class ExplorationView(APIView):
    """An exploration of one's own, as far as it is answered."""

    permission_classes = [IsResearcher]

    @extend_schema(responses=ExplorationSerializer)
    def get(self, request: AuthenticatedRequest, uuid: UUID) -> Response:
        own = selectors.explorations_of(user=request.user)
        return answered(get_object_or_404(own, uuid=uuid))


class ExplorationImageView(APIView):
    """The dropped image, as we encoded it; the file itself is never given out."""

    permission_classes = [IsResearcher]

    @extend_schema(responses={(200, "image/webp"): OpenApiTypes.BINARY})
    def get(self, request: AuthenticatedRequest, uuid: UUID) -> HttpResponse:
        own = selectors.explorations_of(user=request.user)
        exploration = get_object_or_404(own.exclude(display=""), uuid=uuid)
        try:
            response = HttpResponse(read_soon(exploration.display), content_type="image/webp")
        except FileNotFoundError:
            raise Http404 from None
        response["Cache-Control"] = "private, max-age=3600"
        response["X-Content-Type-Options"] = "nosniff"
        response["Content-Security-Policy"] = "sandbox; default-src 'none'"
        response["Content-Disposition"] = "inline"
        return response
