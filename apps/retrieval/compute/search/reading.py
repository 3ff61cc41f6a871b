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
READ_OVER = 2  # rows that nobody wants, between two that are: one longer read is cheaper
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
    """The rows of shards, in memory or mapped from files.

    Args:
        shards: arrays (rows, dimensions) of one type.
        first: ordinal of the first row.
        spare_the_cache: what is not in the page cache is not put there. That is so in any case
            when the shards would take much of it: they would push everything else out and be
            gone themselves before they are read again.
    """

    def __init__(
        self, shards: Sequence[Floats], first: int, *, spare_the_cache: bool = False
    ) -> None:
        self.shards = shards
        self.starts = first + np.concatenate([[0], np.cumsum([len(shard) for shard in shards])])
        self._files = [_file_of(shard) for shard in shards]
        total = sum(shard.nbytes for shard in shards)
        self._spare = spare_the_cache or total > LARGE_PART_OF_MEMORY * _physical_memory()

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
                spare_the_cache=self._spare,
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
                file, inside, rows[low:high], spare_the_cache=self._spare
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

    What is in the page cache is copied from there. What is not is read past the cache (O_DIRECT)
    if the cache is to be spared and the file system allows it; that leaves the processor free
    too, which would have to manage the pages of the cache.
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


def _read_rows(
    file: tuple[Path, int], inside: Ordinals, out: Floats, *, spare_the_cache: bool
) -> bool:
    """Read some rows, close neighbours together; False when the file cannot be read.

    Through the mapping, every row would draw the pages around it from the disk as well.
    """
    path, offset = file
    row_bytes = out.strides[0]
    runs = np.split(inside, np.flatnonzero(np.diff(inside) > 1 + READ_OVER) + 1)
    spans = [(int(run[0]), int(run[-1]) + 1 - int(run[0])) for run in runs]
    buffer = Buffer(max(rows for _, rows in spans) * row_bytes)
    done = 0
    try:
        past_the_cache = spare_the_cache and not _is_cached(
            path, offset + spans[0][0] * row_bytes, row_bytes
        )
        for run, (start, rows) in zip(runs, spans, strict=True):
            found = read_at(
                path,
                offset + start * row_bytes,
                rows * row_bytes,
                buffer,
                past_the_cache=past_the_cache,
            )
            out[done : done + len(run)] = found.view(out.dtype).reshape(rows, -1)[run - start]
            done += len(run)
    except OSError:
        return False
    return True
