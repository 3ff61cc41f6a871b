"""Collections, images and imports over HTTP."""

from typing import Any, cast
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import quote_etag
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    extend_schema,
    extend_schema_field,
    inline_serializer,
)
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.models import User
from apps.catalog import selectors, services
from apps.catalog.models import Image, Import, ImportedFile
from apps.catalog.serializers import CollectionSerializer, ImageSerializer
from apps.common.errors import InvalidError
from apps.common.permissions import IsAdmin, IsResearcher, ResearchersReadAdminsWrite
from apps.common.storage import read_soon
from apps.jobs import tasks
from apps.jobs.models import Job
from apps.jobs.serializers import JobSerializer

MAX_FILES_A_CALL = 100


class CollectionsView(ListAPIView):
    permission_classes = [ResearchersReadAdminsWrite]
    serializer_class = CollectionSerializer

    class NewCollectionSerializer(serializers.Serializer):
        name = serializers.CharField(max_length=200)
        slug = serializers.CharField(max_length=60, required=False, allow_blank=True)
        description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)

    def get_queryset(self) -> Any:
        return selectors.collections()

    @extend_schema(request=NewCollectionSerializer, responses={201: CollectionSerializer})
    def post(self, request: Request) -> Response:
        body = self.NewCollectionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        made = services.create_collection(created_at=timezone.now(), **body.validated_data)
        answer = CollectionSerializer(selectors.collection_named(slug=made.slug)).data
        return Response(answer, status=status.HTTP_201_CREATED)


class CollectionView(APIView):
    permission_classes = [IsResearcher]

    @extend_schema(responses=CollectionSerializer)
    def get(self, request: Request, slug: str) -> Response:
        return Response(CollectionSerializer(selectors.collection_named(slug=slug)).data)


class ImagesView(ListAPIView):
    """The members of a collection, in their fixed order; PATCH screens them."""

    permission_classes = [ResearchersReadAdminsWrite]
    serializer_class = ImageSerializer

    class FilterSerializer(serializers.Serializer):
        search = serializers.CharField(max_length=200, required=False, allow_blank=True)
        excluded = serializers.CharField(max_length=60, required=False, allow_blank=True)

    class ScreeningSerializer(serializers.Serializer):
        image_ids = serializers.ListField(
            child=serializers.CharField(max_length=300), allow_empty=False, max_length=10_000
        )
        excluded = serializers.CharField(
            max_length=60, allow_blank=True, help_text="why they do not take part; empty: they do"
        )

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Image.objects.none()
        asked = self.FilterSerializer(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        collection = selectors.collection_named(slug=self.kwargs["slug"])
        return selectors.images_of(collection=collection, **asked.validated_data)

    @extend_schema(
        parameters=[
            OpenApiParameter("search", str, description="in image_id, file name and captions"),
            OpenApiParameter("excluded", str, description="a label, `none` or `any`"),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=ScreeningSerializer,
        responses=inline_serializer("ScreenedImages", {"changed": serializers.IntegerField()}),
    )
    def patch(self, request: Request, slug: str) -> Response:
        collection = selectors.collection_named(slug=slug)
        body = self.ScreeningSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        why = body.validated_data["excluded"]
        changed = services.exclude_images(
            collection=collection,
            reasons=dict.fromkeys(body.validated_data["image_ids"], why),
            labelled_at=timezone.now(),
            labelled_by_id=request.user.pk,
        )
        return Response({"changed": changed})


class ImportSerializer(serializers.ModelSerializer):
    """One run of adding files to a collection, with its job once it is started."""

    collection = serializers.CharField(source="collection.slug", read_only=True)
    job = JobSerializer(read_only=True, allow_null=True)
    counts = serializers.SerializerMethodField()

    class Meta:
        model = Import
        fields = ["id", "collection", "source", "created_at", "job", "counts"]

    class ImportCountsSerializer(serializers.Serializer):
        def get_fields(self) -> dict[str, Any]:
            return {outcome.value: serializers.IntegerField() for outcome in ImportedFile.Outcome}

    def to_representation(self, batch: Import) -> dict[str, Any]:
        known = vars(batch)  # counts and progress, when it comes from `selectors.imports`
        if batch.job is not None and "units_total" in known:
            vars(batch.job).update({key: known[key] for key in ("units_total", "units_done")})
        return super().to_representation(batch)

    @extend_schema_field(ImportCountsSerializer)
    def get_counts(self, batch: Import) -> dict[str, int]:
        return selectors.import_counts(batch=batch)


class ImportsView(ListAPIView):
    permission_classes = [ResearchersReadAdminsWrite]
    serializer_class = ImportSerializer

    class NewImportSerializer(serializers.Serializer):
        source = serializers.ChoiceField(choices=["upload"])  # type: ignore[assignment]  # a field of that name

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Import.objects.none()
        collection = selectors.collection_named(slug=self.kwargs["slug"])
        return selectors.imports().filter(collection_id=collection.pk)

    @extend_schema(request=NewImportSerializer, responses={201: ImportSerializer})
    def post(self, request: Request, slug: str) -> Response:
        collection = selectors.collection_named(slug=slug)
        self.NewImportSerializer(data=request.data).is_valid(raise_exception=True)
        batch = services.open_upload(collection=collection, created_at=timezone.now())
        return Response(ImportSerializer(batch).data, status=status.HTTP_201_CREATED)


class ImportView(APIView):
    permission_classes = [IsResearcher]

    @extend_schema(responses=ImportSerializer)
    def get(self, request: Request, import_id: int) -> Response:
        return Response(ImportSerializer(get_object_or_404(selectors.imports(), pk=import_id)).data)


class StartImportView(APIView):
    """Everything is checked first; then workers import what was uploaded."""

    permission_classes = [IsAdmin]

    @extend_schema(
        request=None, responses={202: inline_serializer("StartedImport", {"job": JobSerializer()})}
    )
    def post(self, request: Request, import_id: int) -> Response:
        batch = services.start_upload(
            batch=get_object_or_404(Import.objects.select_related("collection"), pk=import_id),
            started_at=timezone.now(),
            requested_by_id=request.user.pk,
        )
        job = cast(Job, batch.job)
        tasks.announce(job=job)
        return Response({"job": JobSerializer(job).data}, status=status.HTTP_202_ACCEPTED)


class ImportFilesView(ListAPIView):
    """What became of each file; POST adds files to an upload."""

    permission_classes = [ResearchersReadAdminsWrite]
    parser_classes = [MultiPartParser]

    class ImportedFileSerializer(serializers.ModelSerializer):
        image_id = serializers.CharField(source="image.image_id", allow_null=True, default=None)

        class Meta:
            model = ImportedFile
            fields = ["file_name", "line", "outcome", "reason", "image_id"]

    class FilterSerializer(serializers.Serializer):
        outcome = serializers.ChoiceField(choices=ImportedFile.Outcome.choices, required=False)

    serializer_class = ImportedFileSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before authentication reads the form: a body that has no room is not read at all.
        size = request.META.get("CONTENT_LENGTH") or "0"
        if request.method == "POST" and size.isdigit():
            services.check_space(needed=int(size))
        super().initial(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return ImportedFile.objects.none()
        batch = get_object_or_404(Import, pk=self.kwargs["import_id"])
        asked = self.FilterSerializer(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        return batch.files.filter(**asked.validated_data).select_related("image")

    @extend_schema(
        parameters=[OpenApiParameter("outcome", str, enum=[o.value for o in ImportedFile.Outcome])]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        description=(
            "At most 100 files a call: images, one zip, manifest.csv, captions.csv. Browsers cut "
            "folders off the names of uploads: send `paths` in the order of `files[]`, each "
            "relative to the chosen folder. A name that was sent before is replaced."
        ),
        request={
            "multipart/form-data": inline_serializer(
                "UploadedFiles",
                {
                    "files[]": serializers.ListField(child=serializers.FileField()),
                    "paths": serializers.ListField(child=serializers.CharField(), required=False),
                },
            )
        },
        responses=ImportSerializer,
    )
    def post(self, request: Request, import_id: int) -> Response:
        batch = get_object_or_404(Import, pk=import_id)
        files = request.FILES.getlist("files[]") or request.FILES.getlist("files")
        paths = request.POST.getlist("paths")
        if not files:
            raise InvalidError("No file was sent.", field="files[]")
        if len(files) > MAX_FILES_A_CALL:
            raise InvalidError(
                f"At most {MAX_FILES_A_CALL} files a call, got {len(files)}.", field="files[]"
            )
        if paths and len(paths) != len(files):
            raise InvalidError(f"{len(files)} files came with {len(paths)} paths.", field="paths")
        names = paths or [file.name or "" for file in files]
        uploads = [
            services.Upload(name=name, content=file, byte_size=file.size)
            for name, file in zip(names, files, strict=True)
        ]
        services.stage_files(batch=batch, files=uploads)
        return Response(ImportSerializer(batch).data)


class ImageFileView(APIView):
    """Bytes that we encoded ourselves, for those who may see the image."""

    permission_classes = [IsAuthenticated]
    which = "thumb"

    @extend_schema(responses={(200, "image/webp"): OpenApiTypes.BINARY})
    def get(self, request: Request, uuid: UUID) -> HttpResponse:
        image = Image.objects.filter(uuid=uuid, has_derivatives=True).first()
        if image is None or not selectors.may_see_image(user=cast(User, request.user), image=image):
            raise Http404
        # Neither checksum nor size: the tag says no more than the address does.
        etag = quote_etag(f"{image.uuid.hex}-{self.which}")
        if request.headers.get("If-None-Match") == etag:
            response = HttpResponse(status=304)
        else:
            name = image.thumb_name if self.which == "thumb" else image.display_name
            try:
                response = HttpResponse(read_soon(name), content_type="image/webp")
            except FileNotFoundError:
                raise Http404 from None
        response["ETag"] = etag
        response["Cache-Control"] = "private, max-age=86400, immutable"
        response["X-Content-Type-Options"] = "nosniff"
        response["Content-Security-Policy"] = "sandbox; default-src 'none'"
        response["Content-Disposition"] = "inline"
        patch_vary_headers(response, ["Cookie", "Authorization"])
        return response
