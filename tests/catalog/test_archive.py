"""Archives that would do harm are refused as a whole, before anything is unpacked."""

import io
import resource
import stat
import struct
import time
import warnings
import zipfile

import pytest

from apps.catalog.sources.archive import BadArchiveError, open_archive


def make_zip(*entries, compression=zipfile.ZIP_STORED) -> io.BytesIO:
    """Entries are names, or (ZipInfo or name, content)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the same name twice
        for entry in entries:
            name, content = entry if isinstance(entry, tuple) else (entry, b"x")
            archive.writestr(name, content)
    return file


def info_of(name: str, *, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("placeholder")
    info.filename = info.orig_filename = name
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def checked(file: io.BytesIO, *, max_bytes: int = 2**30, max_entries: int = 1000):
    return open_archive(file, where="a.zip", max_bytes=max_bytes, max_entries=max_entries)


def patched(file: io.BytesIO, old: bytes, new: bytes) -> io.BytesIO:
    content = file.getvalue()
    assert old in content
    return io.BytesIO(content.replace(old, new))


def test_plain_entries_are_found_and_litter_is_passed_over():
    file = make_zip("x/", "x/ä.png", "b.png", "__MACOSX/._b.png", "x/.DS_Store")
    assert checked(file).entries == {"x/ä.png": ("x/ä.png", 1), "b.png": ("b.png", 1)}


def test_names_in_utf8_without_the_flag_that_says_so_are_read_as_utf8():
    file = make_zip("xx.png")
    entries = checked(patched(file, b"xx.png", "ä.png".encode())).entries
    assert list(entries) == ["ä.png"]


BAD = [
    ("../x", "'../x' leads out"),
    ("a/../../x", "'a/../../x' leads out"),
    ("..\\x", "holds a backslash"),
    ("/x", "must be relative"),
    ("C:\\x", "drive letter"),
    ("a/./x", "leads out of its folder or is not plain"),
    ("a\nb", "control character"),
    ("x" * 301, "longer than 300"),
]


@pytest.mark.parametrize(("name", "why"), [pytest.param(*case, id=repr(case[0])) for case in BAD])
def test_a_name_that_leads_out_refuses_the_archive(name, why):
    with pytest.raises(BadArchiveError, match=why) as refusal:
        checked(make_zip("good.png", (info_of(name), b"x")))
    assert refusal.value.where == "a.zip"


@pytest.mark.parametrize(
    ("file", "why"),
    [
        pytest.param(
            make_zip((info_of("l", mode=stat.S_IFLNK | 0o777), b"/etc/passwd")),
            "'l' is a link or a device",
            id="a symbolic link",
        ),
        pytest.param(
            make_zip((info_of("d", mode=stat.S_IFCHR | 0o666), b"")),
            "'d' is a link or a device",
            id="a device",
        ),
        pytest.param(make_zip("a", "a"), "'a' is there twice", id="the same name twice"),
        pytest.param(make_zip("a.png", "A.PNG"), "there twice", id="names that differ by case"),
        pytest.param(
            make_zip("\u00e4", "a\u0308"), "there twice", id="names that differ by Unicode form"
        ),
        pytest.param(
            patched(make_zip("nul_.png"), b"nul_.png", b"nul\0.png"),
            "control character",
            id="a NUL in a name",
        ),
        pytest.param(
            patched(make_zip("xx.png"), b"xx.png", b"\xff\xfe.png"), "is not UTF-8", id="not UTF-8"
        ),
        pytest.param(io.BytesIO(b""), "no zip archive", id="an empty file"),
        pytest.param(io.BytesIO(b"PK\3\4" + b"x" * 5000), "no zip archive", id="no zip"),
        pytest.param(
            io.BytesIO(make_zip("a", "b").getvalue()[:-30]), "no zip archive", id="cut at its end"
        ),
        pytest.param(
            make_zip(("bomb", bytes(50 * 2**20)), compression=zipfile.ZIP_DEFLATED),
            "'bomb' unpacks to more than 100 times its size",
            id="50 MB of zeros",
        ),
        pytest.param(
            patched(
                make_zip("a"), b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\1\0"
            ),
            "'a' is encrypted",
            id="encrypted",
        ),
    ],
)
def test_a_harmful_archive_is_refused_with_the_name_of_its_entry(file, why):
    with pytest.raises(BadArchiveError, match=why):
        checked(file)


def test_more_bytes_than_allowed_are_refused_by_their_declared_sum():
    file = make_zip(("a", bytes(600)), ("b", bytes(600)))
    assert len(checked(file, max_bytes=1200).entries) == 2
    with pytest.raises(BadArchiveError, match="Unpacked it has"):
        checked(file, max_bytes=1199)


def test_entries_that_overlap_are_refused():
    # The second entry of the directory points into the first one's data.
    content = bytearray(make_zip(("first", bytes(100)), ("other", b"x")).getvalue())
    at = content.rfind(b"PK\x01\x02")
    struct.pack_into("<I", content, at + 42, 40)  # its local header's offset
    with pytest.raises(BadArchiveError, match="'first' and 'other' overlap"):
        checked(io.BytesIO(bytes(content)))


def test_a_million_empty_entries_are_refused_at_once_in_little_memory():
    one = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 1) + bytes(16) + b"a"
    directory = one * 1_000_000
    end = b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    with pytest.raises(BadArchiveError, match="more than 1,000 entries"):
        checked(io.BytesIO(directory + end))
    assert time.monotonic() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024  # KiB
