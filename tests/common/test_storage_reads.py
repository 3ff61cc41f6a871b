"""Reading stored files on a local disk: compared with their checksum, but not over and over."""

import hashlib
import io
import os

import pytest
from django.core.files.storage import default_storage

from apps.common import storage
from apps.common.storage import verified


@pytest.fixture
def name(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(verified, "_known", {})
    name = f"features/{tmp_path_factory.mktemp('one').name}.npy"
    storage.publish(name, io.BytesIO(b"numbers"))
    yield name
    default_storage.delete(name)


@pytest.fixture
def hashed(monkeypatch):
    """A word for each time a file is hashed."""
    times: list[str] = []
    of = storage.sha256_of

    def counting(file):
        times.append("hashed")
        return of(file)

    monkeypatch.setattr("apps.common.storage.files.sha256_of", counting)
    return times


DIGEST = hashlib.sha256(b"numbers").hexdigest()


def make_older(name: str, seconds: int = 60) -> None:
    path = default_storage.path(name)
    found = os.stat(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns - seconds * 10**9))


def test_a_process_hashes_a_file_once(name, hashed):
    make_older(name)
    for _ in range(3):
        with storage.local_copy(name, sha256=DIGEST) as path:
            assert path.read_bytes() == b"numbers"
    assert hashed == ["hashed"]


def test_a_file_that_was_just_written_is_hashed_each_time(name, hashed):
    for _ in range(3):
        with storage.local_copy(name, sha256=DIGEST):
            pass
    assert hashed == ["hashed"] * 3


def flip(path):
    path.chmod(0o600)
    path.write_bytes(b"Numbers")


def cut(path):
    path.chmod(0o600)
    path.write_bytes(b"num")


def replace(path):
    other = path.with_suffix(".other")
    other.write_bytes(b"Numbers")
    found = path.stat()
    os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
    os.replace(other, path)


@pytest.mark.parametrize("harm", [flip, cut, replace])
def test_a_change_after_the_first_use_is_seen(name, harm):
    make_older(name)
    with storage.local_copy(name, sha256=DIGEST) as path:
        pass
    harm(path)
    with pytest.raises(storage.DamagedFileError, match="differs from its checksum"):
        storage.local_copy(name, sha256=DIGEST).__enter__()
    path.unlink()
    with pytest.raises(storage.DamagedFileError, match="is missing from the storage"):
        storage.local_copy(name, sha256=DIGEST).__enter__()


def test_checking_reads_all_of_it_whatever_was_known(name, hashed):
    make_older(name)
    with storage.local_copy(name, sha256=DIGEST):
        pass
    storage.compare(name, sha256=DIGEST)
    assert hashed == ["hashed"] * 2


def test_an_error_of_the_reader_is_the_readers_own(name):
    with pytest.raises(FileNotFoundError), storage.local_copy(name, sha256=DIGEST):
        raise FileNotFoundError
    with pytest.raises(FileNotFoundError), storage.checked(name, sha256=DIGEST):
        raise FileNotFoundError
