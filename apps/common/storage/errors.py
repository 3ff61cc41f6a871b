"""What can go wrong with a stored file or its store, in sentences."""

from typing import ClassVar

from apps.common.errors import ConflictError, UnavailableError


class DamagedFileError(ConflictError):
    """A stored file is missing or is not what its row says."""

    code = "damaged_file"


class StoreError(UnavailableError):
    """The object store did not do what it was asked; the sentence names it.

    Attributes:
        public: the same without the store's address, for answers that anybody may get.
    """

    public: ClassVar[str]


class StoreUnavailableError(StoreError):
    """It did not answer, though it was asked several times: later may help."""

    code = "store_unavailable"
    public = "The object store does not answer: try again later."


class StoreRefusedError(StoreError):
    """It answered no: a key, a right or its configuration is wrong."""

    code = "store_refused"
    public = "The object store refuses: the log of the web server says why."


class StoreFullError(StoreError):
    """It has no room left."""

    code = "store_full"
    public = "Disk full: the object store has no room left."
