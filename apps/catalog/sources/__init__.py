"""Where images come from: folders, zip archives, manifests, uploads. Checked before any is read."""

from apps.catalog.sources.archive import Archive, open_archive
from apps.catalog.sources.contents import (
    Found,
    Source,
    UnreadableFileError,
    folder_source,
    read_content,
    staged_source,
    zip_source,
)
from apps.catalog.sources.names import BadNameError, checked_name
from apps.catalog.sources.tables import (
    BadTableError,
    Captions,
    read_captions,
    read_labels,
    read_manifest,
)

__all__ = [
    "Archive",
    "BadNameError",
    "BadTableError",
    "Captions",
    "Found",
    "Source",
    "UnreadableFileError",
    "checked_name",
    "folder_source",
    "open_archive",
    "read_captions",
    "read_content",
    "read_labels",
    "read_manifest",
    "staged_source",
    "zip_source",
]
