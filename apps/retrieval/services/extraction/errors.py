"""Why features cannot be computed."""

from apps.common.errors import ConflictError, InvalidError


class WeightsMissingError(ConflictError):
    code = "weights_not_found"


class NothingToComputeError(ConflictError):
    code = "no_images"


class OtherWorkRunsError(ConflictError):
    code = "job_running"


class NoSuchDeviceError(InvalidError):
    code = "no_such_device"


class VersionChangedError(ConflictError):
    code = "version_changed"


class NothingToLearnError(ConflictError):
    code = "nothing_to_learn"


class DeviceTooSmallError(ConflictError):
    code = "device_too_small"
