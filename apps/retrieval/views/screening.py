"""Screening over HTTP: how it stands, what to label next, labels, and the job."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.catalog.models import Collection, Image, Screening
from apps.common.permissions import IsAdmin, ResearchersReadAdminsWrite
from apps.jobs.serializers import JobSerializer
from apps.jobs.tasks import announce
from apps.retrieval import selectors, services


class TrainingSerializer(serializers.Serializer):
    """The model of illustrations and the labels that it learns from."""

    n_illustrations = serializers.IntegerField()
    n_kept = serializers.IntegerField()
    least = serializers.IntegerField(help_text="of either, else there is no model")
    labels_since = serializers.IntegerField(help_text="given since it was trained")
    every = serializers.IntegerField(help_text="labels after which it is trained again")
    possible = serializers.BooleanField()
    trained_at = serializers.DateTimeField(allow_null=True)
    trained_on = serializers.IntegerField(allow_null=True, help_text="labels")
    precision = serializers.FloatField(
        allow_null=True, help_text="in cross-validation over its own labels"
    )
    recall = serializers.FloatField(allow_null=True)

    def to_representation(self, training: Any) -> dict[str, Any]:
        model = training.model
        return {
            "n_illustrations": training.n_illustrations,
            "n_kept": training.n_kept,
            "least": training.least,
            "labels_since": training.labels_since,
            "every": services.RETRAIN_EVERY,
            "possible": training.possible,
            "trained_at": model and serializers.DateTimeField().to_representation(model.trained_at),
            "trained_on": model and model.n_illustrations + model.n_kept,
            "precision": model and model.precision,
            "recall": model and model.recall,
        }


class AffectedStudySerializer(serializers.Serializer):
    """A study whose pools hold images that do not take part."""

    slug = serializers.CharField()
    name = serializers.CharField()
    state = serializers.CharField()
    n_pairs = serializers.IntegerField()


class ScreeningCountsSerializer(serializers.Serializer):
    def get_fields(self) -> dict[str, Any]:
        return {state: serializers.IntegerField() for state in selectors.STATES}


class ScreeningStateSerializer(serializers.Serializer):
    n_images = serializers.IntegerField()
    n_looked_at = serializers.IntegerField(help_text="whose panels were looked for")
    n_unreadable = serializers.IntegerField()
    counts = ScreeningCountsSerializer()
    excluded = serializers.DictField(child=serializers.IntegerField(), help_text="by reason")
    training = TrainingSerializer()
    spaces = serializers.ListField(
        child=serializers.CharField(), help_text="what illustrations are learned on"
    )
    spaces_ready = serializers.BooleanField()
    job = JobSerializer(allow_null=True)
    affected = AffectedStudySerializer(many=True)


class ScreenedImageSerializer(serializers.ModelSerializer):
    """An image with what people and the machine say of it."""

    thumb_url = serializers.CharField(read_only=True)
    image_url = serializers.CharField(read_only=True)
    label = serializers.CharField(help_text="by a person, or empty")  # type: ignore[assignment]  # a field of that name
    labelled_by = serializers.CharField(allow_null=True)
    labelled_at = serializers.DateTimeField(allow_null=True)
    predicted = serializers.CharField(help_text="keep, illustration, multipanel, or empty")
    illustration = serializers.FloatField(allow_null=True, help_text="probability")
    several = serializers.FloatField(allow_null=True, help_text="probability of several panels")
    doubt = serializers.FloatField(allow_null=True, help_text="0: sure, 1: might be either")
    boxes = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4),
        help_text="left, top, width, height of every panel, as shares of the image's sides",
    )
    problem = serializers.CharField(help_text="why no panels were looked for")

    class Meta:
        model = Image
        fields = [
            "image_id",
            "width",
            "height",
            "excluded",
            "thumb_url",
            "image_url",
            "label",
            "labelled_by",
            "labelled_at",
            "predicted",
            "illustration",
            "several",
            "doubt",
            "boxes",
            "problem",
        ]

    def to_representation(self, image: Image) -> dict[str, Any]:
        said: Screening | None = getattr(image, "screening", None)
        at = said.labelled_at if said else None
        return {
            "image_id": image.image_id,
            "width": image.width,
            "height": image.height,
            "excluded": image.excluded,
            "thumb_url": image.thumb_url,
            "image_url": image.image_url,
            "label": said.label if said else "",
            "labelled_by": said.labelled_by.username if said and said.labelled_by else None,
            "labelled_at": at and serializers.DateTimeField().to_representation(at),
            "predicted": said.predicted if said else "",
            "illustration": said.illustration if said else None,
            "several": said.several if said else None,
            "doubt": said.doubt if said and said.predicted else None,
            "boxes": said.boxes if said else [],
            "problem": said.problem if said else "",
        }


class ScreeningView(APIView):
    """How the screening of a collection stands; POST starts the job."""

    permission_classes = [ResearchersReadAdminsWrite]

    @extend_schema(responses=ScreeningStateSerializer)
    def get(self, request: Request, slug: str) -> Response:
        collection = get_object_or_404(Collection, slug=slug)
        state = selectors.screening_state(collection=collection)
        return Response(ScreeningStateSerializer(state).data)

    @extend_schema(
        request=None,
        responses={202: inline_serializer("StartedScreening", {"job": JobSerializer()})},
    )
    def post(self, request: Request, slug: str) -> Response:
        collection = get_object_or_404(Collection, slug=slug)
        job = services.request_screening(
            collection=collection, requested_at=timezone.now(), requested_by_id=request.user.pk
        )
        announce(job=job)
        return Response({"job": JobSerializer(job).data}, status=status.HTTP_202_ACCEPTED)


class ScreeningImagesView(ListAPIView):
    """Images by state; the unsure ones come most doubtful first."""

    permission_classes = [ResearchersReadAdminsWrite]
    serializer_class = ScreenedImageSerializer

    class FilterSerializer(serializers.Serializer):
        state = serializers.ChoiceField(choices=selectors.STATES, default="unsure")
        search = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Image.objects.none()
        asked = self.FilterSerializer(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        collection = get_object_or_404(Collection, slug=self.kwargs["slug"])
        return selectors.screening_images(collection=collection, **asked.validated_data)

    @extend_schema(
        parameters=[
            OpenApiParameter("state", str, enum=list(selectors.STATES)),
            OpenApiParameter("search", str, description="in image_id and file name"),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class ScreeningLabelsView(APIView):
    """What a person says of images."""

    permission_classes = [IsAdmin]

    class LabelsSerializer(serializers.Serializer):
        labels = serializers.DictField(
            child=serializers.CharField(max_length=60, allow_blank=True),
            allow_empty=False,
            help_text="by image_id: keep, illustration, multipanel; empty takes a label back",
        )

    @extend_schema(
        request=LabelsSerializer,
        responses=inline_serializer(
            "LabelledImages",
            {"changed": serializers.IntegerField(), "job": JobSerializer(allow_null=True)},
        ),
    )
    def post(self, request: Request, slug: str) -> Response:
        collection = get_object_or_404(Collection, slug=slug)
        body = self.LabelsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        changed, job = services.record_labels(
            collection=collection,
            labels=body.validated_data["labels"],
            labelled_at=timezone.now(),
            labelled_by_id=request.user.pk,
        )
        if job is not None:
            announce(job=job)
        return Response({"changed": changed, "job": job and JobSerializer(job).data})
