"""Rows from shards, in blocks read ahead or one by one; mapped shards are read from their files.

A mapping is read page by page as it is touched, by the thread that needs it. Blocks are therefore
read from the file behind the mapping into buffers that are used again and again, by threads that
do nothing else: the products of one block are computed while the next blocks arrive.
"""

import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.search.base import Floats, Ordinals

PAGE = 4096
LARGE_PART_OF_MEMORY = 0.25  # of the machine's: spaces beyond are not left in the page cache
READ_ALONE = 4096  # bytes of a row from which on single rows are read, not mapped


@dataclass(frozen=True)
class Place:
    """A block: rows `start .. stop - 1` of a shard; the first is the ordinal `ordinal`."""

    shard: int
    start: int
    stop: int
    ordinal: int

    @property
    def rows(self) -> int:
        return self.stop - self.start


class Buffer:
    """Memory that blocks are read into, at the start of a page."""

    def __init__(self, size: int) -> None:
        self.memory = mmap.mmap(-1, -(-size // PAGE) * PAGE + 2 * PAGE)


class Rows:
    """The rows of shards, in memory or mapped from files."""

    def __init__(self, shards: Sequence[Floats], first: int) -> None:
        self.shards = shards
        self.starts = first + np.concatenate([[0], np.cumsum([len(shard) for shard in shards])])
        self._files = [_file_of(shard) for shard in shards]
        total = sum(shard.nbytes for shard in shards)
        self._is_large = total > LARGE_PART_OF_MEMORY * _physical_memory()

    @property
    def row_bytes(self) -> int:
        shard = self.shards[0]
        return int(shard.shape[1] * shard.dtype.itemsize)

    def places(self, block_rows: int) -> Iterator[Place]:
        for number, shard in enumerate(self.shards):
            for start in range(0, len(shard), block_rows):
                stop = min(start + block_rows, len(shard))
                yield Place(number, start, stop, int(self.starts[number]) + start)

    def read(self, place: Place, buffer: Buffer) -> Floats:
        """The rows of a block; valid until the buffer is used again."""
        shard, file = self.shards[place.shard], self._files[place.shard]
        found = None
        if file is not None:
            path, offset = file
            row_bytes = self.row_bytes
            found = _read(
                path,
                offset + place.start * row_bytes,
                place.rows * row_bytes,
                buffer,
                spare_the_cache=self._is_large,
            )
        if found is None:
            return shard[place.start : place.stop]
        rows: Floats = found.view(shard.dtype).reshape(place.rows, -1)
        return rows

    def take(self, ascending: Ordinals) -> Floats:
        """Rows by ordinal, in ascending order, each once; a copy."""
        edges = np.searchsorted(ascending, self.starts)
        rows = np.empty((len(ascending), self.shards[0].shape[1]), self.shards[0].dtype)
        for number in np.flatnonzero(np.diff(edges)).tolist():
            low, high = edges[number], edges[number + 1]
            inside = ascending[low:high] - self.starts[number]
            file = self._files[number]
            if file is None or self.row_bytes < READ_ALONE or not _read_rows(
                file, inside, rows[low:high]
            ):  # fmt: skip
                self.shards[number].take(inside, axis=0, out=rows[low:high], mode="clip")
        return rows


def _file_of(shard: Floats) -> tuple[Path, int] | None:
    """The file behind a read-only mapping and where in it the shard's rows begin."""
    if not isinstance(shard, np.memmap) or not shard.flags.c_contiguous:
        return None
    root = shard
    while isinstance(root.base, np.memmap):
        root = root.base
    if root.filename is None or root.mode != "r":
        return None
    return Path(root.filename), root.offset + shard.ctypes.data - root.ctypes.data


def _physical_memory() -> int:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return pages * size


def _read(
    path: Path, offset: int, size: int, buffer: Buffer, *, spare_the_cache: bool
) -> npt.NDArray[np.uint8] | None:
    """Bytes of a file, or None when it cannot be read (the mapping still can).

    What is in the page cache is copied from there. A large scan that is not goes past the cache
    (O_DIRECT) where the file system allows it: it would push everything else out and be gone
    itself before the next scan, and the processor has better to do than to manage its pages.
    """
    try:
        past_the_cache = spare_the_cache and not _is_cached(path, offset, size)
        return read_at(path, offset, size, buffer, past_the_cache=past_the_cache)
    except OSError:
        return None


def read_at(
    path: Path, offset: int, size: int, buffer: Buffer, *, past_the_cache: bool
) -> npt.NDArray[np.uint8]:
    """Read bytes of a file into a buffer; valid until the buffer is used again.

    Raises:
        OSError: the file cannot be read or is shorter.
    """
    begin = offset // PAGE * PAGE
    wanted = offset - begin + size
    direct = getattr(os, "O_DIRECT", 0) if past_the_cache else 0
    if direct:
        with suppress(OSError):  # not on this file system
            aligned = -(-wanted // PAGE) * PAGE
            _fill(path, os.O_RDONLY | direct, buffer, begin, aligned, least=wanted)
            return np.frombuffer(buffer.memory, np.uint8, size, offset - begin)
    _fill(path, os.O_RDONLY, buffer, begin, wanted, least=wanted)
    return np.frombuffer(buffer.memory, np.uint8, size, offset - begin)


def _fill(path: Path, flags: int, buffer: Buffer, begin: int, size: int, *, least: int) -> None:
    descriptor = os.open(path, flags)
    try:
        done = 0
        with memoryview(buffer.memory) as whole:
            while done < least:
                got = os.preadv(descriptor, [whole[done:size]], begin + done)
                if not got:
                    raise OSError(f"{path} is shorter than its mapping")
                done += got
    finally:
        os.close(descriptor)


def _is_cached(path: Path, begin: int, size: int) -> bool:
    """Whether three pages of a range are in the page cache: then most of it is."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # Asking would otherwise start to read ahead.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        for place in (begin, begin + size // 2, begin + size - 1):
            try:
                os.preadv(descriptor, [bytearray(1)], place, os.RWF_NOWAIT)
            except BlockingIOError:
                return False
        return True
    except OSError:
        return True  # this system does not tell: read it the plain way
    finally:
        os.close(descriptor)


def _read_rows(file: tuple[Path, int], inside: Ordinals, out: Floats) -> bool:
    """Read rows one by one, neighbours together; False when the file cannot be read.

    Through the mapping, every row would draw the pages around it from the disk as well.
    """
    path, offset = file
    row_bytes = out.strides[0]
    ends = np.flatnonzero(np.diff(inside) != 1) + 1
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        for run in np.split(np.arange(len(inside)), ends):
            target = out[run[0] : run[-1] + 1].data.cast("B")
            at = offset + int(inside[run[0]]) * row_bytes
            done = 0
            while done < len(target):
                got = os.preadv(descriptor, [target[done:]], at + done)
                if not got:
                    return False
                done += got
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
