import fcntl
import os

import pytest

from apps.common.storage import published, sweep_leftovers


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "folder" / "vectors.npy"
    with published(path) as file:
        file.write(b"half")
        assert not path.exists()
    assert path.read_bytes() == b"half"
    assert [p.name for p in path.parent.iterdir()] == ["vectors.npy"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "vectors.npy"
    path.write_bytes(b"old")

    def write_half():
        with published(path) as file:
            file.write(b"new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "age", "held", "removed"),
    [
        pytest.param(b"left over", 0, False, 1, id="its writer was killed"),
        pytest.param(b"at work", 0, True, 0, id="its writer is at work"),
        pytest.param(b"", 0, False, 0, id="made a moment ago, not yet locked"),
        pytest.param(b"", 120, False, 1, id="empty and old"),
    ],
)
def test_sweeping_removes_what_nobody_writes(tmp_path, content, age, held, removed):
    path = tmp_path / "deep" / ".part-abc"
    path.parent.mkdir()
    path.write_bytes(content)
    found = path.stat()
    os.utime(path, (found.st_atime - age, found.st_mtime - age))
    other = tmp_path / "deep" / "partial.npy"
    other.write_bytes(b"kept")
    with path.open("rb") as writer:
        if held:
            fcntl.flock(writer, fcntl.LOCK_EX)
        assert sweep_leftovers(tmp_path) == removed
    assert path.exists() != bool(removed)
    assert other.exists()
