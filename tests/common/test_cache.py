"""The local cache of an object store: whole, verified copies up to a size, for any processes."""

import errno
import fcntl
import hashlib
import mmap
import multiprocessing
import os
import signal
import threading
import time
from contextlib import ExitStack, closing

import pytest

from apps.common.storage import DamagedFileError, verified
from apps.common.storage.cache import Cache


@pytest.fixture(autouse=True)
def _another_process(monkeypatch):
    """What this process has verified in other tests is unknown to it."""
    monkeypatch.setattr(verified, "_known", {})


def content_of(number: int, size: int = 1000) -> bytes:
    return hashlib.sha256(str(number).encode()).digest() * (size // 32) + bytes(size % 32)


class Source:
    """Objects by number; remembers which were fetched."""

    def __init__(self, size: int = 1000, pause: float = 0) -> None:
        self.size, self.pause = size, pause
        self.fetched: list[int] = []

    def blocks(self, number: int, content: bytes | None = None):
        def opened():
            self.fetched.append(number)
            data = content_of(number, self.size) if content is None else content

            def some():
                for start in range(0, len(data), 100):
                    time.sleep(self.pause)
                    yield data[start : start + 100]

            return len(data), closing(some())

        return opened

    def held(self, cache: Cache, number: int):
        digest = hashlib.sha256(content_of(number, self.size)).hexdigest()
        return cache.held(name=f"file {number}", sha256=digest, blocks=self.blocks(number))


def copies(cache: Cache) -> list[str]:
    return sorted(path.name for path in cache.folder.rglob("*") if path.is_file())


def digest_of(number: int, size: int = 1000) -> str:
    return hashlib.sha256(content_of(number, size)).hexdigest()


def test_a_file_is_fetched_once_and_read_only(tmp_path):
    cache, source = Cache(tmp_path / "c", limit=10_000), Source()
    for _ in range(3):
        with source.held(cache, 1) as path:
            assert path.read_bytes() == content_of(1)
            assert path.stat().st_mode & 0o777 == 0o440
    assert source.fetched == [1]
    assert copies(cache) == sorted([digest_of(1), "lock"])


def test_what_was_longest_not_used_goes_first(tmp_path):
    cache, source = Cache(tmp_path, limit=3_000), Source()
    for number in (1, 2, 3, 1, 4):  # 2 is the oldest when 4 comes
        with source.held(cache, number):
            pass
    assert source.fetched == [1, 2, 3, 4]
    assert copies(cache) == sorted([*map(digest_of, (1, 3, 4)), "lock"])


def test_what_is_in_use_stays_and_the_rest_passes_through_a_temporary_file(tmp_path):
    cache, source = Cache(tmp_path, limit=2_000), Source()
    with ExitStack() as stack:
        for number in (1, 2):
            stack.enter_context(source.held(cache, number))
        with source.held(cache, 3) as path:
            assert path.read_bytes() == content_of(3)
            assert path.parent.name == "passing"
        assert not path.exists()
        assert copies(cache) == sorted([digest_of(1), digest_of(2), "lock"])
    with source.held(cache, 3) as path:
        assert path.name == digest_of(3)


def test_a_file_larger_than_the_limit_passes_through_a_temporary_file(tmp_path):
    cache, source = Cache(tmp_path, limit=999), Source()
    with source.held(cache, 1) as path:
        assert path.read_bytes() == content_of(1)
    assert copies(cache) == []


def test_an_open_map_outlives_its_copy(tmp_path):
    """Copies in use are not removed; if a person does it, the kernel keeps the bytes."""
    cache, source = Cache(tmp_path, limit=5_000), Source()
    with source.held(cache, 1) as path, path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        path.unlink()
        with source.held(cache, 1):
            assert mapped[:] == content_of(1)
    mapped.close()
    assert source.fetched == [1, 1]


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda content: content[:-1] + b"x", id="a byte differs"),
        pytest.param(lambda content: content[:500], id="cut off"),
        pytest.param(lambda content: b"", id="empty"),
    ],
)
def test_a_damaged_copy_is_fetched_again(tmp_path, harm):
    cache, source = Cache(tmp_path, limit=5_000), Source()
    with source.held(cache, 1) as path:
        pass
    os.chmod(path, 0o600)
    path.write_bytes(harm(content_of(1)))
    with source.held(cache, 1) as path:
        assert path.read_bytes() == content_of(1)
    assert source.fetched == [1, 1]


def test_damage_in_the_store_is_refused_by_name_and_leaves_nothing(tmp_path):
    cache, source = Cache(tmp_path, limit=5_000), Source()
    wrong = cache.held(name="shard 7", sha256="0" * 64, blocks=source.blocks(1))
    with pytest.raises(DamagedFileError, match="shard 7 differs from its checksum"), wrong:
        pass
    large = Cache(tmp_path, limit=10).held(name="shard 8", sha256="0" * 64, blocks=source.blocks(1))
    with pytest.raises(DamagedFileError, match="shard 8 differs"), large:
        pass
    assert copies(cache) == ["lock"]


def test_a_copy_is_hashed_once_in_a_process(tmp_path, monkeypatch):
    cache, source = Cache(tmp_path, limit=5_000), Source()
    with source.held(cache, 1):
        pass
    hashed = []
    monkeypatch.setattr(
        "apps.common.storage.cache.sha256_of",
        lambda file: hashed.append(1) or hashlib.sha256(file.read()).hexdigest(),
    )
    monkeypatch.setattr(verified, "_known", {})  # as another process
    monkeypatch.setattr(verified, "YOUNG_SECONDS", 0)
    for _ in range(3):
        with source.held(cache, 1):
            pass
    assert hashed == [1]
    assert source.fetched == [1]


def test_threads_that_want_the_same_file_fetch_it_once(tmp_path):
    cache, source = Cache(tmp_path, limit=5_000), Source(pause=0.005)
    read = []

    def use() -> None:
        with source.held(cache, 1) as path:
            read.append(path.read_bytes())

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [content_of(1)] * 6
    assert source.fetched == [1]


def use_many(folder, limit, seed, seconds) -> None:
    cache, source = Cache(folder, limit=limit), Source()
    numbers = [(seed * 7 + step * step) % 12 for step in range(100_000)]
    until = time.monotonic() + seconds
    for number in numbers:
        if time.monotonic() > until:
            return
        with source.held(cache, number) as path:
            if path.read_bytes() != content_of(number):
                os._exit(3)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_processes_that_fetch_evict_and_are_killed_never_see_a_part(tmp_path):
    context = multiprocessing.get_context("fork")
    limit = 4_000
    ended, killed = [], 0
    for round_number in range(3):
        processes = [
            context.Process(target=use_many, args=(tmp_path, limit, seed + round_number, seconds))
            for seed, seconds in enumerate((60, 60, 0.8, 0.8))  # two are killed long before
        ]
        for process in processes:
            process.start()
        time.sleep(0.4)
        for process in processes[:2]:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        for process in processes:
            process.join()
        ended += [process.exitcode for process in processes]
        used = sum(path.stat().st_size for path in tmp_path.glob("??/*"))
        assert used <= limit
    assert sorted(set(ended)) == [-signal.SIGKILL, 0]
    assert killed == 6


def test_what_killed_processes_left_is_swept(tmp_path):
    cache, source = Cache(tmp_path, limit=2_000), Source()
    left = tmp_path / "ab" / (".part-" + "ab" * 32)
    left.parent.mkdir()
    left.write_bytes(bytes(1_500))
    with left.open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        with source.held(cache, 1) as path:  # its writer lives: no room beside it
            assert path.parent.name == "passing"
    with source.held(cache, 1) as path:
        assert path.parent.name != "passing"
    assert not left.exists()


def test_a_full_disk_is_an_os_error_and_leaves_nothing(tmp_path, monkeypatch):
    cache, source = Cache(tmp_path, limit=5_000), Source()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"), source.held(cache, 1):
        pass
    assert copies(cache) == ["lock"]


def test_a_file_system_that_cannot_reserve_is_good_enough(tmp_path, monkeypatch):
    cache, source = Cache(tmp_path, limit=5_000), Source()

    def unknown(*args):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unknown)
    with source.held(cache, 1) as path:
        assert path.read_bytes() == content_of(1)
