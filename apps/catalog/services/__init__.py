"""Writes. One keyword-only function per thing a person can do."""

from apps.catalog.services.collections import create_collection, exclude_images
from apps.catalog.services.images import (
    BadImageError,
    ImageIdTakenError,
    add_query_image,
    decode,
)
from apps.catalog.services.importing import request_import, start_upload
from apps.catalog.services.uploads import Upload, check_space, open_upload, stage_files

__all__ = [
    "BadImageError",
    "ImageIdTakenError",
    "Upload",
    "add_query_image",
    "check_space",
    "create_collection",
    "decode",
    "exclude_images",
    "open_upload",
    "request_import",
    "stage_files",
    "start_upload",
]
