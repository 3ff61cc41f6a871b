"""The command `import_images`: what comes in, in which order, and what is refused."""

import errno
import io
import zipfile
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import CommandError
from PIL import Image as Pillow

from apps.catalog import services
from apps.catalog.models import Caption, Collection, Image, Import, ImportedFile, StagedFile
from apps.catalog.services import images, importing
from apps.catalog.sources import folder_source
from apps.common.storage import checked
from apps.jobs.models import Job
from apps.jobs.services import claim_part, run_claimed_part, work_on_job
from tests.factories import NOON, make_collection
from tests.factories.pictures import picture_bytes

pytestmark = pytest.mark.django_db


def run(*words: object) -> str:
    out = io.StringIO()
    call_command("import_images", *map(str, words), stdout=out)
    return out.getvalue()


def write(folder: Path, files: dict[str, bytes | str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def members(slug: str = "animals") -> list[tuple[int, str]]:
    images = Image.objects.members().filter(collection__slug=slug)
    return list(images.values_list("ordinal", "image_id"))


def rejected() -> dict[str, str]:
    return dict(ImportedFile.objects.filter(outcome="rejected").values_list("file_name", "reason"))


def test_a_folder_comes_in_sorted_by_path_with_originals_and_derivatives(tmp_path):
    folder = write(
        tmp_path / "f",
        {
            "b/2.png": picture_bytes(2),
            "a.jpg": picture_bytes(1, format="JPEG"),
            "b/10.png": picture_bytes(10),
            ".hidden/x.png": picture_bytes(5),
            "b/Thumbs.db": b"litter",
            "wide.tif": picture_bytes(3, width=2000, height=1000, format="TIFF"),
        },
    )
    said = run("animals", folder, "--create")
    assert "Complete: 4 imported, 0 duplicate, 0 rejected." in said
    assert members() == [(0, "a.jpg"), (1, "b/10.png"), (2, "b/2.png"), (3, "wide.tif")]
    wide = Image.objects.get(image_id="wide.tif")
    assert (wide.width, wide.height, wide.format) == (2000, 1000, "TIFF")
    with checked(wide.original, sha256=wide.sha256) as file:
        assert file.read() == (folder / "wide.tif").read_bytes()
    for name, size in ((wide.thumb_name, (320, 160)), (wide.display_name, (1600, 800))):
        with default_storage.open(name) as file, Pillow.open(file) as shown:
            assert (shown.format, shown.size) == ("WEBP", size)


def test_a_second_import_goes_behind_the_first_and_the_same_bytes_are_not_doubled(tmp_path):
    first = write(tmp_path / "1", {"a.png": picture_bytes(1), "b.png": picture_bytes(2)})
    second = write(
        tmp_path / "2",
        {
            "A-copy.png": picture_bytes(1),
            "b.png": picture_bytes(7),  # other bytes under a taken name
            "c.png": picture_bytes(3),
            "d.png": picture_bytes(3),
        },
    )
    run("animals", first, "--create")
    said = run("animals", second)
    assert "Complete: 1 imported, 2 duplicate, 1 rejected." in said
    assert "duplicate: A-copy.png: same bytes as a.png" in said
    assert "duplicate: d.png: same bytes as c.png" in said
    assert "rejected: b.png: another image of the collection has this image_id" in said
    assert members() == [(0, "a.png"), (1, "b.png"), (2, "c.png")]
    assert "Complete: 0 imported, 2 duplicate, 0 rejected." in run("animals", first)
    # The same bytes in another collection are an image of their own.
    run("others", first, "--create")
    assert members("others") == [(0, "a.png"), (1, "b.png")]
    assert len({image.thumb_name for image in Image.objects.all()}) == 5


def test_bad_files_are_listed_with_their_reason_and_stop_nothing(tmp_path):
    whole = picture_bytes(4, format="JPEG", width=200, height=200)
    folder = write(
        tmp_path / "f",
        {
            "cut.jpg": whole[: len(whole) // 2],
            "empty.png": b"",
            "good.png": picture_bytes(1),
            "notes.txt": "not an image",
            "script.svg": "<svg onload='alert(1)'/>",
        },
    )
    (folder / "linked").symlink_to(tmp_path)
    said = run("animals", folder, "--create")
    assert "Complete: 1 imported, 0 duplicate, 5 rejected." in said
    reasons = rejected()
    assert reasons["empty.png"] == "the file is empty"
    assert reasons["cut.jpg"].startswith("damaged: ")
    assert reasons["notes.txt"].startswith("not a JPEG, PNG")
    assert reasons["linked"].startswith("a link to a folder")
    assert members() == [(0, "good.png")]
    assert Job.objects.get().result["summary"] == "complete, 5 rejected"


def test_a_zip_gives_the_same_as_its_folder(tmp_path):
    files = {"x/b.png": picture_bytes(2), "x/a.png": picture_bytes(1), "c.png": b"bad"}
    litter = {"__MACOSX/x/._a.png": b"litter", "x/.DS_Store": b"litter"}
    run("animals", write(tmp_path / "f", files), "--create")
    run("zipped", write_zip(tmp_path / "f.zip", files | litter), "--create")
    assert members("zipped") == members("animals") == [(0, "x/a.png"), (1, "x/b.png")]
    assert set(ImportedFile.objects.filter(outcome="rejected").values_list("file_name")) == {
        ("c.png",)
    }
    shas = [
        list(Image.objects.members().filter(collection__slug=slug).values_list("sha256"))
        for slug in ("animals", "zipped")
    ]
    assert shas[0] == shas[1]


def test_a_manifest_gives_order_ids_and_metadata(tmp_path):
    folder = write(
        tmp_path / "f",
        {
            "manifest.csv": "\ufefffile_name,image_id,label,note\r\n"
            'img/b.png,second,cat,"a, b"\r\n'
            "\r\n"
            "img/a.png,first,dog,\r\n",
            "img/a.png": picture_bytes(1),
            "img/b.png": picture_bytes(2),
            "img/not-named.png": picture_bytes(3),
            "captions.csv": "path,caption_no,caption\nimg/b.png,1,later\nimg/b.png,0,sooner\n",
        },
    )
    run("animals", folder / "manifest.csv", "--create")
    assert members() == [(0, "second"), (1, "first")]
    second = Image.objects.get(image_id="second")
    assert (second.file_name, second.metadata) == ("img/b.png", {"label": "cat", "note": "a, b"})
    assert [caption.text for caption in second.captions.all()] == ["sooner", "later"]
    # The folder says the same: its manifest counts.
    run("again", folder, "--create")
    assert members("again") == members()


def test_a_manifest_may_lie_elsewhere_than_its_files(tmp_path):
    write(tmp_path / "files", {"a.png": picture_bytes(1)})
    write(
        tmp_path / "lists", {"m.csv": "path\na.png\n", "c.csv": "image_id,caption\na.png,A cat\n"}
    )
    words = ["--root", tmp_path / "files", "--captions", tmp_path / "lists" / "c.csv"]
    run("animals", tmp_path / "lists" / "m.csv", "--create", *words)
    assert members() == [(0, "a.png")]
    assert Caption.objects.get().text == "A cat"


def test_captions_of_images_that_are_here_are_replaced(tmp_path):
    write(tmp_path, {"1/a.png": picture_bytes(1), "2/b.png": picture_bytes(2)})
    write(tmp_path, {"c.csv": "image_id,caption\na.png,old\n"})
    run("animals", tmp_path / "1", "--create", "--captions", tmp_path / "c.csv")
    write(tmp_path, {"c.csv": "image_id,caption\na.png,new\nb.png,other\n"})
    run("animals", tmp_path / "2", "--captions", tmp_path / "c.csv")
    assert list(Caption.objects.order_by("text").values_list("image__image_id", "text")) == [
        ("a.png", "new"),
        ("b.png", "other"),
    ]


REFUSALS = [
    pytest.param(
        {"f/a.png": b"x"},
        ["birds", "f"],
        "There is no collection 'birds' (there are: animals). Give --create to make it.",
        id="unknown collection",
    ),
    pytest.param({}, ["animals", "f"], "There is no folder or file {tmp}/f.", id="no such folder"),
    pytest.param(
        {"f/.hidden": b"x"}, ["animals", "f"], "There is no file in {tmp}/f.", id="empty folder"
    ),
    pytest.param(
        {"a.tar": b"x"},
        ["animals", "a.tar"],
        "{tmp}/a.tar is neither a folder nor a zip archive nor a CSV manifest.",
        id="another kind of archive",
    ),
    pytest.param(
        {"m.csv": "file_name\na.png\n\nb.png\n", "a.png": picture_bytes(1)},
        ["animals", "m.csv"],
        "m.csv:4: There is no file 'b.png' in {tmp}.",
        id="a manifest that names a missing file",
    ),
    pytest.param(
        {"m.csv": "file_name,image_id\na.png,x\nb.png,x\n", "a.png": b"1", "b.png": b"2"},
        ["animals", "m.csv"],
        "m.csv:3: The image_id 'x' is there twice (first in line 2).",
        id="duplicate image ids",
    ),
    pytest.param(
        {"m.csv": "file_name\na.png\na.png\n", "a.png": b"1"},
        ["animals", "m.csv"],
        "m.csv:3: The image_id 'a.png' is there twice (first in line 2).",
        id="a file named twice",
    ),
    pytest.param(
        {"m.csv": "name,label\na.png,x\n", "a.png": b"1"},
        ["animals", "m.csv"],
        "m.csv:1: The column file_name or path is missing (there are: name, label).",
        id="a missing column",
    ),
    pytest.param(
        {"m.csv": "file_name,label,label\na.png,x,y\n", "a.png": b"1"},
        ["animals", "m.csv"],
        "m.csv:1: The column 'label' is there twice.",
        id="a column twice",
    ),
    pytest.param(
        {"m.csv": "file_name,label\na.png,x,y\n", "a.png": b"1"},
        ["animals", "m.csv"],
        "m.csv:2: It has 3 cells where the header has 2 columns.",
        id="too many cells",
    ),
    pytest.param(
        {"m.csv": "file_name\n".encode("utf-16")},
        ["animals", "m.csv"],
        "m.csv: It is UTF-16: save it as UTF-8.",
        id="UTF-16",
    ),
    pytest.param(
        {"m.csv": b"file_name\na\0.png\n"},
        ["animals", "m.csv"],
        "m.csv:2: A cell holds a NUL byte.",
        id="a NUL byte",
    ),
    pytest.param(
        {"m.csv": b"file_name\n\xe4.png\n"}, ["animals", "m.csv"], "It is not UTF-8.", id="Latin-1"
    ),
    pytest.param(
        {"m.csv": "file_name\n" + "x" * 200_000},
        ["animals", "m.csv"],
        "m.csv:2: It is no valid CSV: field larger than field limit",
        id="a huge cell",
    ),
    pytest.param(
        {"m.csv": b""}, ["animals", "m.csv"], "m.csv: It is empty", id="an empty manifest"
    ),
    pytest.param(
        {"m.csv": "file_name\n"},
        ["animals", "m.csv"],
        "There is no file in {tmp}/m.csv.",
        id="a manifest of a header",
    ),
    *(
        pytest.param(
            {"m.csv": f"file_name\n{name}\n"}, ["animals", "m.csv"], f"m.csv:2: {why}", id=name
        )
        for name, why in [
            ("../a.png", "The file name '../a.png' leads out"),
            ("x/../../a.png", "The file name 'x/../../a.png' leads out"),
            ("/etc/passwd", "The file name '/etc/passwd' must be relative"),
            ("file:///etc/passwd", "'file:///etc/passwd' is a URL"),
            ("https://example.org/a.png", "'https://example.org/a.png' is a URL"),
            ("C:\\a.png", "'C:\\\\a.png' is a URL or has a drive letter"),
            ("x\\a.png", "The file name 'x\\\\a.png' holds a backslash"),
        ]
    ),
    pytest.param(
        {"f/a.png": picture_bytes(1), "c.csv": "image_id,caption\na.png,A\nb.png,B\n"},
        ["animals", "f", "--captions", "c.csv"],
        "c.csv:3: There is no image 'b.png' in this import or its collection.",
        id="a caption of an unknown image",
    ),
    pytest.param(
        {"f/a.png": picture_bytes(1), "c.csv": "image_id,text\na.png,A\n"},
        ["animals", "f", "--captions", "c.csv"],
        "c.csv:1: The column caption is missing (there are: image_id, text).",
        id="captions without their column",
    ),
    pytest.param(
        {"f/a.png": picture_bytes(1), "c.csv": "image_id,caption_no,caption\na.png,x,A\n"},
        ["animals", "f", "--captions", "c.csv"],
        "c.csv:2: caption_no must be a whole number, got 'x'.",
        id="a caption_no that is none",
    ),
    pytest.param(
        {"f/a.png": picture_bytes(1)},
        ["animals", "f", "--captions", "c.csv"],
        "There is no file {tmp}/c.csv.",
        id="no such captions",
    ),
]


@pytest.mark.parametrize(("files", "words", "sentence"), REFUSALS)
def test_a_refusal_is_one_sentence_and_leaves_nothing(files, words, sentence, tmp_path):
    make_collection("animals")
    write(tmp_path, files)
    first, *rest = words
    with pytest.raises(CommandError) as refusal:
        run(first, *(word if word.startswith("--") else tmp_path / word for word in rest))
    assert sentence.format(tmp=tmp_path) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    for model in (Image, Import, ImportedFile, StagedFile, Job, Caption):
        assert not model.objects.exists()


def test_a_refused_import_does_not_make_the_collection(tmp_path):
    write(tmp_path, {"m.csv": "file_name\nmissing.png\n"})
    with pytest.raises(CommandError, match=r"m\.csv:2"):
        run("birds", tmp_path / "m.csv", "--create")
    assert not Collection.objects.exists()


def test_no_room_on_the_disk_is_said_before_anything_is_written(tmp_path, settings):
    settings.DISK_RESERVE = 2**62
    write(tmp_path, {"f/a.png": picture_bytes(1)})
    with pytest.raises(CommandError, match=r"Not enough space: .* are needed"):
        run("birds", tmp_path / "f", "--create")
    assert not Collection.objects.exists()


@pytest.mark.parametrize("room", [0, 1, 3, 7])
def test_a_disk_that_fills_up_fails_the_job_and_the_same_command_goes_on(
    room, tmp_path, monkeypatch
):
    folder = write(
        tmp_path / "f", {f"{n}.png": picture_bytes(1000 + 10 * room + n) for n in range(5)}
    )
    publish, written = images.publish, []

    def publish_while_there_is_room(name, content):
        if len(written) >= room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(name)
        return publish(name, content)

    with monkeypatch.context() as full:
        full.setattr(images, "publish", publish_while_there_is_room)
        with pytest.raises(CommandError, match="Disk full: free some space"):
            run("animals", folder, "--create")
    assert not Image.objects.exists()
    assert set(ImportedFile.objects.values_list("outcome", flat=True)) == {"waiting"}
    assert "Complete: 5 imported, 0 duplicate, 0 rejected." in run("animals", folder)
    assert members() == [(n, f"{n}.png") for n in range(5)]
    for image in Image.objects.all():
        assert default_storage.exists(image.thumb_name)
        with checked(image.original, sha256=image.sha256):
            pass
    assert Import.objects.count() == 1


def test_a_part_that_runs_out_of_time_keeps_what_it_has_done(tmp_path, monkeypatch):
    folder = write(tmp_path / "f", {f"{n}.png": picture_bytes(n) for n in range(6)})
    store, stored = importing._store, []

    def out_of_time_at_fourth(file, keeper):
        stored.append(file.file_name)
        if len(stored) == 4:
            raise TimeoutError("time limit")
        store(file, keeper)

    monkeypatch.setattr(importing, "_store", out_of_time_at_fourth)
    with pytest.raises(CommandError, match="time limit"):
        run("animals", folder, "--create")
    run("animals", folder)
    assert stored == ["0.png", "1.png", "2.png", "3.png", "3.png", "4.png", "5.png"]
    assert [n for n, _ in members()] == list(range(6))


def test_a_worker_that_comes_late_with_its_part_changes_nothing(tmp_path, monkeypatch):
    folder = write(tmp_path / "f", {"a.png": picture_bytes(1), "b.png": b"bad"})
    batch = services.request_import(
        collection=make_collection("animals"), source=folder_source(folder), created_at=NOON
    )
    slow = claim_part(job=batch.job, worker="slow", now=NOON)
    note, ended = importing._note, []

    def note_late(files):
        monkeypatch.undo()
        ended.append(work_on_job(job=batch.job, worker="quick").state)  # the lease was over
        note(files)

    monkeypatch.setattr(importing, "_note", note_late)
    run_claimed_part(part=slow)
    assert ended == ["done"]
    assert list(batch.files.values_list("file_name", "outcome")) == [
        ("a.png", "imported"),
        ("b.png", "rejected"),
    ]
    assert members() == [(0, "a.png")]


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [
        pytest.param([1] * 3, [(0, 2)], id="few small files"),
        pytest.param([1] * 129, [(0, 63), (64, 127), (128, 128)], id="64 files a part"),
        pytest.param([40 << 20] * 3, [(0, 0), (1, 1), (2, 2)], id="large files go alone"),
        pytest.param([30 << 20] * 4, [(0, 1), (2, 3)], id="up to 64 MiB"),
        pytest.param([500 << 20, 1], [(0, 0), (1, 1)], id="a file above the limit"),
        pytest.param([0, 0], [(0, 1)], id="empty files"),
    ],
)
def test_parts_are_small_in_files_and_bytes(sizes, parts):
    *store, order = importing._parts(sizes)
    assert [(part.params["first"], part.params["last"]) for part in store] == parts
    assert sum(part.total for part in store) == len(sizes)
    assert (order.key, order.stage) == ("order", 1)


def test_a_stopped_import_goes_on_and_gives_the_same_as_an_undisturbed_one(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "FILES_PER_PART", 4)
    files = {f"{n:02}.png": picture_bytes(n % 11) for n in range(18)}
    files["07.png"] = b"bad"
    folder = write(tmp_path / "f", files)
    run("whole", folder, "--create")
    store, stored = importing._store, []

    def stop_at_seventh(file, keeper):
        stored.append(file.file_name)
        if len(stored) == 7:
            raise KeyboardInterrupt
        store(file, keeper)

    monkeypatch.setattr(importing, "_store", stop_at_seventh)
    with pytest.raises(SystemExit):
        run("broken", folder, "--create")
    monkeypatch.setattr(importing, "_store", store)
    with pytest.raises(CommandError, match="is under way"):
        run("broken", write(tmp_path / "g", {"x.png": picture_bytes(1)}))
    assert "10 imported, 7 duplicate, 1 rejected." in run("broken", folder)
    assert members("broken") == members("whole")
    assert [n for n, _ in members("whole")] == list(range(10))
    outcomes = [
        list(
            ImportedFile.objects.filter(batch__collection__slug=slug)
            .order_by("position")
            .values_list("file_name", "outcome", "reason", "image__ordinal")
        )
        for slug in ("whole", "broken")
    ]
    assert outcomes[0] == outcomes[1]


def test_a_last_part_that_was_killed_between_its_transactions_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "IMAGES_PER_TRANSACTION", 4)
    folder = write(tmp_path / "f", {f"{n:02}.png": picture_bytes(n) for n in range(10)})
    make, calls = importing._make_images_of, []

    def stop_at_second(collection, files):
        calls.append(len(files))
        if len(calls) == 2:
            raise KeyboardInterrupt
        make(collection, files)

    monkeypatch.setattr(importing, "_make_images_of", stop_at_second)
    with pytest.raises(SystemExit):
        run("animals", folder, "--create")
    assert len(members()) == 4
    run("animals", folder)
    assert calls == [4, 4, 4, 2]
    assert members() == [(n, f"{n:02}.png") for n in range(10)]


def test_a_worker_that_does_not_see_the_folder_says_so_instead_of_rejecting_all(tmp_path):
    folder = write(tmp_path / "f", {"a.png": picture_bytes(1)})
    batch = services.request_import(
        collection=make_collection("animals"), source=folder_source(folder), created_at=NOON
    )
    folder.rename(tmp_path / "elsewhere")
    job = work_on_job(job=batch.job, worker="w1")
    assert f"{folder} is not there for w1: run the same command again" in job.error
    (tmp_path / "elsewhere").rename(folder)
    assert "1 imported, 0 duplicate, 0 rejected" in run("animals", folder)
