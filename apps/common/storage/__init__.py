"""Files that appear under their final name only when they are whole.

On this machine's disk a file is published by temporary name, fsync and rename; an object store
publishes a whole object by itself. Readers open only what a database row names and check its
SHA-256. Nothing else may know which of the two it is: see `docs/decisions/object_store.md`.
"""

from apps.common.storage.errors import (
    DamagedFileError,
    StoreError,
    StoreFullError,
    StoreRefusedError,
    StoreUnavailableError,
)
from apps.common.storage.files import (
    checked,
    compare,
    discard,
    discard_folder,
    local_copies,
    local_copy,
    local_path,
    object_store,
    publish,
    read_soon,
    stored_names,
    stored_size,
)
from apps.common.storage.local import BLOCK, published, sha256_of, sweep_leftovers

__all__ = [
    "BLOCK",
    "DamagedFileError",
    "StoreError",
    "StoreFullError",
    "StoreRefusedError",
    "StoreUnavailableError",
    "checked",
    "compare",
    "discard",
    "discard_folder",
    "local_copies",
    "local_copy",
    "local_path",
    "object_store",
    "publish",
    "published",
    "read_soon",
    "sha256_of",
    "stored_names",
    "stored_size",
    "sweep_leftovers",
]
