"""Zip archives of unknown origin. The whole archive is refused for one bad entry."""

import stat
import struct
import unicodedata
import zipfile
from dataclasses import dataclass
from typing import IO

from apps.catalog.sources.names import BadNameError, checked_name, is_litter
from apps.common.errors import InvalidError

END = struct.Struct("<4s4H2IH")  # end of central directory
END64_LOCATOR = struct.Struct("<4sIQI")
END64 = struct.Struct("<4sQ2H2I4Q")
# A central directory has 46 bytes and a name for each entry, and seldom more than this.
DIRECTORY_BYTES_PER_ENTRY = 400
MAX_RATIO = 100  # pictures hardly shrink; zeros shrink to a thousandth
RATIO_COUNTS_FROM = 2**20
ENCRYPTED = 0x1
UTF8 = 0x800
READABLE = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}


class BadArchiveError(InvalidError):
    """An archive that would do harm, or that cannot be read."""

    code = "bad_archive"


@dataclass(frozen=True)
class Archive:
    """A checked archive: for each plain file its name, the name zipfile knows it by, its size."""

    file: zipfile.ZipFile
    entries: dict[str, tuple[str, int]]


def open_archive(file: IO[bytes], *, where: str, max_bytes: int, max_entries: int) -> Archive:
    """Check every entry without unpacking any.

    Args:
        file: the archive, seekable.
        where: what the person calls it.
        max_bytes: of all entries unpacked.
        max_entries: how many there may be.

    Raises:
        BadArchiveError: no zip, damaged, encrypted, too large; or an entry that leads out, is a
            link or device, overlaps another, shrinks like a bomb, or has a name twice (also when
            only case or Unicode form differ).
    """
    _check_directory_size(file, where=where, max_entries=max_entries)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise BadArchiveError("It is no zip archive, or damaged.", where=where) from error
    infos = archive.infolist()
    if len(infos) > max_entries:
        raise BadArchiveError(f"It holds more than {max_entries:,} entries.", where=where)
    total = sum(info.file_size for info in infos)
    if total > max_bytes:
        raise BadArchiveError(
            f"Unpacked it has {total / 2**30:,.1f} GiB, more than {max_bytes / 2**30:,.1f} GiB.",
            where=where,
        )
    _check_overlaps(infos, where=where)
    entries: dict[str, tuple[str, int]] = {}
    seen: dict[str, str] = {}
    for info in infos:
        name = _name_of(info, where=where)
        if info.is_dir():
            checked_entry(name.rstrip("/"), where=where)
            continue
        checked_entry(name, where=where)
        _check_entry(info, name, where=where)
        key = unicodedata.normalize("NFC", name).casefold()
        if key in seen:
            raise BadArchiveError(
                f"The entry {name!r} is there twice (the other is {seen[key]!r}).", where=where
            )
        seen[key] = name
        if not is_litter(name):
            entries[name] = (info.filename, info.file_size)
    return Archive(file=archive, entries=entries)


def checked_entry(name: str, *, where: str) -> None:
    try:
        checked_name(name)
    except BadNameError as error:
        raise BadArchiveError(f"A bad entry: {error.sentence}", where=where) from error


def _check_directory_size(file: IO[bytes], *, where: str, max_entries: int) -> None:
    # Before zipfile builds an object for each of a million entries.
    size = file.seek(0, 2)
    tail_start = max(0, size - END.size - 65_535 - END64_LOCATOR.size)
    file.seek(tail_start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < END.size:
        raise BadArchiveError("It is no zip archive, or damaged.", where=where)
    _, _, _, _, count, directory, _, _ = END.unpack_from(tail, at)
    if at >= END64_LOCATOR.size and tail[at - END64_LOCATOR.size :][:4] == b"PK\x06\x07":
        _, _, offset, _ = END64_LOCATOR.unpack_from(tail, at - END64_LOCATOR.size)
        file.seek(min(offset, size))
        record = file.read(END64.size)
        if len(record) == END64.size and record[:4] == b"PK\x06\x06":
            count, directory = END64.unpack(record)[7:9]
    file.seek(0)
    if count > max_entries or directory > max_entries * DIRECTORY_BYTES_PER_ENTRY:
        raise BadArchiveError(f"It holds more than {max_entries:,} entries.", where=where)


def _check_overlaps(infos: list[zipfile.ZipInfo], *, where: str) -> None:
    end, last = 0, ""
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise BadArchiveError(
                f"The entries {last!r} and {info.filename!r} overlap.", where=where
            )
        # 30 bytes of local header; its name and extra field are at least the name.
        end = info.header_offset + 30 + info.compress_size
        last = info.filename


def _name_of(info: zipfile.ZipInfo, *, where: str) -> str:
    """The entry's name as UTF-8; many programs write it without saying so."""
    name = info.orig_filename
    if info.flag_bits & UTF8 or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError as error:
        raise BadArchiveError(
            f"The name of the entry {name!r} is not UTF-8.", where=where
        ) from error


def _check_entry(info: zipfile.ZipInfo, name: str, *, where: str) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        raise BadArchiveError(f"The entry {name!r} is a link or a device, not a file.", where=where)
    if info.flag_bits & ENCRYPTED:
        raise BadArchiveError(f"The entry {name!r} is encrypted.", where=where)
    if info.compress_type not in READABLE:
        raise BadArchiveError(
            f"The entry {name!r} is compressed in a way that cannot be read.", where=where
        )
    if info.file_size > max(RATIO_COUNTS_FROM, MAX_RATIO * info.compress_size):
        raise BadArchiveError(
            f"The entry {name!r} unpacks to more than {MAX_RATIO} times its size.", where=where
        )
