"""What can go wrong with a stored file or its store, in sentences."""

from apps.common.errors import ConflictError, UnavailableError


class DamagedFileError(ConflictError):
    """A stored file is missing or is not what its row says."""

    code = "damaged_file"


class StoreUnavailableError(UnavailableError):
    """The object store did not answer, though it was asked several times: later may help."""

    code = "store_unavailable"


class StoreRefusedError(UnavailableError):
    """The object store answered no: a key, a right or its configuration is wrong."""

    code = "store_refused"


class StoreFullError(UnavailableError):
    """The object store has no room left."""

    code = "store_full"
