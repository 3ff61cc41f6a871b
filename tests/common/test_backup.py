"""Backup and restore by their commands: into an empty place, whole or not at all."""

import random
import sqlite3
import tarfile
import threading

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests import services
from tests.program import Program

PEOPLE = (
    "from apps.accounts.models import User\n"
    "for n in range(20): User.objects.create_user(f'user{n:02d}', password='a long password')"
)
SHOW_PEOPLE = (
    "from apps.accounts.models import User\n"
    "from django.contrib.auth import authenticate\n"
    "print(','.join(User.objects.values_list('username', flat=True)))\n"
    "print(User.objects.get(username='user07').check_password('a long password'))"
)
SQLITE = {"ENGINE": "django.db.backends.sqlite3"}
STORAGE = "django.core.files.storage.FileSystemStorage"
FILES = {"originals/ab/one.jpg": b"one", "releases/two.zip": b"two" * 100_000, "empty": b""}


def shell(program: Program, code: str) -> str:
    return program.manage("shell", "--verbosity", "0", "-c", code).stdout


def tree(folder) -> dict[str, bytes]:
    files = folder / "files"
    return {str(p.relative_to(files)): p.read_bytes() for p in files.rglob("*") if p.is_file()}


def filled(program: Program) -> Program:
    program.manage("migrate", "--verbosity", "0")
    shell(program, PEOPLE)
    for name, content in FILES.items():
        path = program.data / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (program.data / "files" / ".part-xyz").write_bytes(b"half")
    return program


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return filled(Program(tmp_path_factory.mktemp("source")))


@pytest.fixture(scope="module")
def backup(source, tmp_path_factory):
    path = tmp_path_factory.mktemp("backup") / "likeness.tar"
    done = source.manage("backup", path)
    assert "the database and 3 files" in done.stdout
    return path


def test_what_was_backed_up_is_there_again(source, backup, tmp_path):
    assert backup.stat().st_mode & 0o777 == 0o600
    target = Program(tmp_path / "target")
    target.manage("restore", backup)
    assert tree(target.data) == FILES
    assert shell(target, SHOW_PEOPLE) == shell(source, SHOW_PEOPLE)
    assert shell(target, SHOW_PEOPLE).splitlines()[1] == "True"
    with sqlite3.connect(target.data / "likeness.sqlite3") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        triggers = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"
        assert connection.execute(triggers).fetchone()[0] > 0
    connection.close()
    target.manage("prepare", "--no-demo")
    assert [p.name for p in target.data.glob(".restore-*")] == []


@pytest.mark.slow
def test_a_backup_moves_files_into_an_object_store_and_back(source, backup, store_server, tmp_path):
    in_store = store_server.environment | {"LIKENESS_STORE": "s3://likeness/moved"}
    there, back = Program(tmp_path / "there", **in_store), Program(tmp_path / "back")
    there.manage("restore", backup)
    assert not (there.data / "files").exists()
    again = tmp_path / "again.tar"
    assert "the database and 3 files" in there.manage("backup", again).stdout
    back.manage("restore", again)
    assert tree(back.data) == FILES
    (there.data / "likeness.sqlite3").unlink()
    refused = there.manage("restore", backup, check=False)
    assert refused.returncode == 1
    assert "There are stored files already (empty, for one)" in refused.stderr


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty data folder and database, for commands that run in this process."""
    data = tmp_path / "target"
    monkeypatch.setitem(settings.DATABASES, "default", {**SQLITE, "NAME": str(data / "db.sqlite3")})
    files = {"BACKEND": STORAGE, "OPTIONS": {"location": str(data / "files")}}
    with override_settings(DATA=data, STORAGES={**settings.STORAGES, "default": files}):
        yield data


def is_empty(place) -> bool:
    return not place.exists() or list(place.iterdir()) == []


def test_every_changed_byte_is_noticed(backup, place, tmp_path):
    """One bit each in 60 places all over the archive: headers, contents and padding alike."""
    content = backup.read_bytes()
    generator = random.Random(7)  # noqa: S311  places, not secrets
    with tarfile.open(backup) as tar:
        headers = [member.offset for member in tar]
    places = {
        *(offset + generator.randrange(512) for offset in headers),
        *(generator.randrange(len(content)) for _ in range(50)),
        len(content) - 1,
    }
    damaged = tmp_path / "damaged.tar"
    for at in sorted(places):
        damaged.write_bytes(content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :])
        with pytest.raises(CommandError, match=r"^damaged\.tar: "):
            call_command("restore", damaged)
        assert is_empty(place)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_backup_that_was_cut_off_is_refused(backup, place, tmp_path, share):
    content = backup.read_bytes()
    end = len(content.rstrip(b"\0"))
    cut = tmp_path / "cut.tar"
    cut.write_bytes(content[: int(end * share)])
    with pytest.raises(CommandError, match=r"^cut\.tar: "):
        call_command("restore", cut)
    assert is_empty(place)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x89PNG not a tar" * 100, id="another kind of file"),
    ],
)
def test_what_is_no_backup_is_refused(place, tmp_path, content):
    (tmp_path / "other.tar").write_bytes(content)
    with pytest.raises(CommandError, match=r"^other\.tar: it is cut off, or no backup of Likeness"):
        call_command("restore", tmp_path / "other.tar")
    assert is_empty(place)


@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "files/../../evil", "files/..\\evil", "other/evil"]
)
def test_a_member_that_leads_elsewhere_is_refused(place, tmp_path, name):
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    before = set(tmp_path.rglob("*"))
    with pytest.raises(CommandError, match="which no backup does"):
        call_command("restore", tmp_path / "evil.tar")
    assert set(tmp_path.rglob("*")) - before <= {place}


def test_a_link_in_a_backup_is_refused(place, tmp_path):
    link = tarfile.TarInfo("files/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        tar.addfile(link)
    with pytest.raises(CommandError, match="which no backup does"):
        call_command("restore", tmp_path / "evil.tar")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("db.sqlite3", "There is a database already", id="a database"),
        pytest.param("db.sqlite3-wal", "There is a journal already", id="a stale -wal"),
        pytest.param("files/a.jpg", r"There are stored files already \(a.jpg", id="a file"),
    ],
)
def test_a_place_that_is_not_empty_is_refused(backup, place, name, sentence):
    there = place / name
    there.parent.mkdir(parents=True)
    there.write_bytes(b"mine")
    with pytest.raises(CommandError, match=sentence):
        call_command("restore", backup)
    assert [p for p in place.rglob("*") if p.is_file()] == [there]
    assert there.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        pytest.param(("restore", "none.tar"), "there is no such file", id="no backup"),
        pytest.param(("backup", "no/b.tar"), "there is no folder", id="no folder"),
        pytest.param(("backup", "taken"), "exists already", id="overwriting"),
        pytest.param(("backup", "b.tar"), "There is no database at", id="nothing to back up"),
    ],
)
def test_a_mistake_gets_one_sentence(place, tmp_path, command, sentence):
    (tmp_path / "taken").write_bytes(b"mine")
    with pytest.raises(CommandError, match=sentence):
        call_command(command[0], tmp_path / command[1])
    assert (tmp_path / "taken").read_bytes() == b"mine"
    assert not (tmp_path / "b.tar").exists()


@pytest.mark.slow
def test_nobody_who_writes_meanwhile_is_lost_or_halved(source, tmp_path):
    """Rows come in twos while the backup runs: all committed before it, and never half a pair."""
    with sqlite3.connect(source.data / "likeness.sqlite3", timeout=20) as setup:
        setup.execute("CREATE TABLE IF NOT EXISTS pairs (n INTEGER)")
        setup.execute("DELETE FROM pairs")
    setup.close()
    stop, written = threading.Event(), []

    def write():
        connection = sqlite3.connect(source.data / "likeness.sqlite3", timeout=20)
        while not stop.is_set():
            with connection:
                connection.execute("INSERT INTO pairs VALUES (1)")
                connection.execute("INSERT INTO pairs VALUES (1)")
            written.append(2)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    while len(written) < 20:
        stop.wait(0.01)
    before = sum(written)
    try:
        source.manage("backup", tmp_path / "busy.tar")
    finally:
        stop.set()
        writer.join()
    target = Program(tmp_path / "target")
    target.manage("restore", tmp_path / "busy.tar")
    connection = sqlite3.connect(target.data / "likeness.sqlite3")
    (n,) = connection.execute("SELECT count(*) FROM pairs").fetchone()
    connection.close()
    assert n >= before
    assert n % 2 == 0


@pytest.mark.slow
@pytest.mark.postgres
def test_the_same_on_postgres_and_not_across_databases(backup, tmp_path):
    if services.find_postgres() is None:
        services.skip_or_fail(services.POSTGRES_MISSING)
    first, second = services.start_postgres(), services.start_postgres()
    try:
        source = filled(Program(tmp_path / "source", DATABASE_URL=first.url))
        source.manage("backup", tmp_path / "dump.tar")
        target = Program(tmp_path / "target", DATABASE_URL=second.url)
        refused = target.manage("restore", backup, check=False)
        assert "it holds a SQLite database; set DATABASE_URL accordingly." in refused.stderr
        target.manage("restore", tmp_path / "dump.tar")
        assert tree(target.data) == FILES
        assert shell(target, SHOW_PEOPLE) == shell(source, SHOW_PEOPLE)
        refused = target.manage("restore", tmp_path / "dump.tar", check=False)
        assert "The database has tables already." in refused.stderr
    finally:
        first.stop()
        second.stop()
