"""How collections and images look in HTTP: shared with the apps above."""

from rest_framework import serializers

from apps.catalog.models import Collection, Image


class CollectionSerializer(serializers.ModelSerializer[Collection]):
    """A collection with its counts; query images do not count."""

    # From `selectors.collections`.
    n_images = serializers.IntegerField(read_only=True)
    n_excluded = serializers.IntegerField(read_only=True)
    n_captions = serializers.IntegerField(read_only=True)

    class Meta:
        model = Collection
        fields = [
            "slug",
            "name",
            "description",
            "n_images",
            "n_excluded",
            "n_captions",
            "created_at",
        ]
        read_only_fields = fields


class ImageSerializer(serializers.ModelSerializer[Image]):
    """An image for researchers and admins; assessors never see an image_id."""

    thumb_url = serializers.CharField(read_only=True)
    image_url = serializers.CharField(read_only=True)
    captions = serializers.SerializerMethodField()

    class Meta:
        model = Image
        fields = [
            "image_id",
            "file_name",
            "width",
            "height",
            "excluded",
            "thumb_url",
            "image_url",
            "captions",
            "metadata",
        ]
        read_only_fields = fields

    def get_captions(self, image: Image) -> list[str]:
        return [caption.text for caption in image.captions.all()]
