"""Which local files this process has compared with their checksum.

Hashing 34 GB of shards for each part of a search would cost more than the search. So a process
hashes a file when it uses it for the first time, and again when its size, time of change or inode
is another; a change that keeps all three (a failing disk) is seen by the next process.
"""

import os
import time

# A file changed twice within one tick of the clock keeps its time: young files are not remembered.
YOUNG_SECONDS = 1.0
MOST = 200_000  # entries; a paper-sized space has 166 shards

_known: dict[tuple[str, str], tuple[int, ...]] = {}


def _marks(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)


def is_verified(path: str, *, sha256: str, status: os.stat_result) -> bool:
    return _known.get((path, sha256)) == _marks(status)


def remember(path: str, *, sha256: str, status: os.stat_result, whatever_age: bool = False) -> None:
    """Note that the file with this status has this checksum.

    Args:
        path: where it is.
        sha256: what was computed from its bytes.
        status: from before they were read.
        whatever_age: this process wrote it and nobody writes to it again.
    """
    if not whatever_age and time.time() - status.st_mtime < YOUNG_SECONDS:
        return
    if len(_known) >= MOST:
        _known.clear()
    _known[path, sha256] = _marks(status)
