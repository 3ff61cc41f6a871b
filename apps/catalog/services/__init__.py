"""Writes. One keyword-only function per thing a person can do."""

from apps.catalog.services.collections import create_collection
from apps.catalog.services.images import (
    BadImageError,
    ImageIdTakenError,
    add_query_image,
    decode,
)
from apps.catalog.services.importing import request_import, start_upload
from apps.catalog.services.screening import (
    PanelsFound,
    Verdict,
    exclude_images,
    label_images,
    remember_exclusions,
    store_panels,
    store_verdicts,
)
from apps.catalog.services.uploads import Upload, check_space, open_upload, stage_files

__all__ = [
    "BadImageError",
    "ImageIdTakenError",
    "PanelsFound",
    "Upload",
    "Verdict",
    "add_query_image",
    "check_space",
    "create_collection",
    "decode",
    "exclude_images",
    "label_images",
    "open_upload",
    "remember_exclusions",
    "request_import",
    "stage_files",
    "start_upload",
    "store_panels",
    "store_verdicts",
]
