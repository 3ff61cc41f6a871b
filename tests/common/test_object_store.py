"""Stored files as objects of a real S3-compatible server, and what is said when it refuses."""

import hashlib
import io
import os
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.common import storage
from apps.common.storage import objects


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(name: str, content: bytes) -> str:
    return storage.publish(name, io.BytesIO(content))


def test_a_published_file_is_read_back_whole_and_checked(in_store):
    digest = put("features/a.npy", b"numbers")
    assert digest == sha256(b"numbers")
    with storage.checked("features/a.npy", sha256=digest) as file:
        assert file.read() == b"numbers"
    assert storage.local_path("features/a.npy") is None
    put("features/a.npy", b"other")  # replaced as a whole
    with pytest.raises(storage.DamagedFileError, match=r"features/a\.npy differs from its"):
        storage.compare("features/a.npy", sha256=digest)
    default_storage.delete("features/a.npy")
    default_storage.delete("features/a.npy")  # once more is no error
    with pytest.raises(storage.DamagedFileError, match=r"features/a\.npy is missing"):
        storage.compare("features/a.npy", sha256=digest)


def test_it_has_what_django_asks_of_a_storage(in_store):
    assert default_storage.save("a/b c.txt", ContentFile(b"1234")) == "a/b c.txt"
    put("a/d/e.txt", b"")
    assert default_storage.exists("a/b c.txt")
    assert not default_storage.exists("a/nothing")
    assert default_storage.size("a/b c.txt") == 4
    assert default_storage.get_modified_time("a/b c.txt").tzinfo is not None
    assert default_storage.listdir("a") == (["d"], ["b c.txt"])
    assert default_storage.listdir("") == (["a"], [])
    assert list(storage.stored_names()) == ["a/b c.txt", "a/d/e.txt"]
    assert list(storage.stored_names("a/d")) == ["a/d/e.txt"]
    assert default_storage.open("a/d/e.txt").read() == b""
    with pytest.raises(FileNotFoundError):
        default_storage.open("a/nothing")
    with pytest.raises(FileNotFoundError):
        default_storage.size("a/nothing")


def test_a_folder_is_discarded_and_nothing_else(in_store):
    for name in ("pools/1/a", "pools/1/2/b", "pools/10/c"):
        put(name, b"x")
    storage.discard_folder("pools/1")
    storage.discard(["pools/1/a", "nothing"])
    assert list(storage.stored_names()) == ["pools/10/c"]
    assert [storage.stored_size(n) for n in ("pools/10/c", "pools/1/a")] == [1, None]


@pytest.mark.parametrize("spool", [1, 2**20])
def test_arrays_are_read_from_it(in_store, monkeypatch, spool):
    monkeypatch.setattr("apps.common.storage.files.IN_MEMORY", spool)
    buffer = io.BytesIO()
    np.savez(buffer, rows=np.arange(1000))
    digest = put("models/a.npz", buffer.getvalue())
    with (
        storage.checked("models/a.npz", sha256=digest) as file,
        np.load(file, allow_pickle=False) as content,
    ):
        np.testing.assert_array_equal(content["rows"], np.arange(1000))


def test_several_copies_are_opened_together_or_none_stays_open(in_store, settings):
    files = [(name, put(name, name.encode())) for name in ("a", "b", "c", "d", "e", "f")]
    with storage.local_copies(files) as paths:
        assert [path.read_text() for path in paths] == [name for name, _ in files]
    opened = os.listdir("/proc/self/fd")
    with (
        pytest.raises(storage.DamagedFileError, match="nothing is missing"),
        storage.local_copies([*files, ("nothing", "0" * 64)]),
    ):
        pass
    connections = 4  # kept for the next request
    assert len(os.listdir("/proc/self/fd")) <= len(opened) + connections
    with storage.local_copies([]) as paths:
        assert paths == []


def test_an_object_has_no_address_that_somebody_could_pass_on(in_store):
    put("originals/a", b"private")
    with pytest.raises(NotImplementedError):
        default_storage.url("originals/a")


def test_a_name_cannot_leave_the_prefix(in_store):
    from django.core.exceptions import SuspiciousOperation

    with pytest.raises(SuspiciousOperation):
        put("../elsewhere", b"x")


def test_large_files_go_in_parts_and_come_back_in_blocks(in_store, monkeypatch):
    monkeypatch.setattr(objects, "IN_ONE_REQUEST", 2**20)
    content = bytes(range(256)) * (2**12 * 33)  # 33 MiB: two parts
    digest = put("releases/large.zip", content)
    with storage.checked("releases/large.zip", sha256=digest) as file:
        assert file.read() == content


def test_an_archive_is_read_in_place_by_ranges(in_store, monkeypatch):
    monkeypatch.setattr(objects, "WINDOW", 2**12)
    monkeypatch.setattr(objects, "WIDEST_WINDOW", 2**14)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(40):
            archive.writestr(f"{number}.bin", bytes([number]) * 10_000)
    put("staging/1/a", buffer.getvalue())
    asked = []
    get = objects.ObjectStorage._get
    monkeypatch.setattr(
        objects.ObjectStorage,
        "_get",
        lambda self, key, **more: asked.append(more["Range"]) or get(self, key, **more),
    )
    with zipfile.ZipFile(default_storage.open("staging/1/a")) as archive:
        assert archive.testzip() is None
        asked.clear()
        assert archive.read("30.bin") == bytes([30]) * 10_000
    taken = [int(b) - int(a) + 1 for a, b in (r.removeprefix("bytes=").split("-") for r in asked)]
    assert sum(taken) < 40_000  # of 400,000


# --- a store that refuses ---------------------------------------------------------------------


class Refusing(BaseHTTPRequestHandler):
    """Answers as `script` says, then stays with the last: a status, a code, or a fault."""

    protocol_version = "HTTP/1.1"  # says when it is ready for a body
    script: list[object] = []
    asked = 0

    def do_GET(self):
        script = type(self).script
        answer = script[min(type(self).asked, len(script) - 1)]
        type(self).asked += 1
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        if answer == "hang":
            threading.Event().wait(1)  # longer than anybody waits here
            self.close_connection = True
            return
        if answer == "close":
            self.close_connection = True
            return
        if isinstance(answer, tuple):
            status, code = answer
            body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        else:
            status, body = 200, b"0123456789"
        cut = answer == "cut"
        first = 0
        if status == 200 and (wanted := self.headers.get("Range")):
            status = 206
            first = int(wanted.removeprefix("bytes=").split("-")[0])
            body = body[first:]
        self.send_response(status)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-9/10")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:1] if cut else body)
        if cut:
            self.close_connection = True

    do_PUT = do_HEAD = do_DELETE = do_POST = do_GET  # noqa: N815  names of HTTP

    def log_message(self, *args):
        pass


@pytest.fixture
def refusing(settings, monkeypatch, tmp_path):
    handler = type("Handler", (Refusing,), {"script": [], "asked": 0})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setattr(objects, "READ_SECONDS", 0.3)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    options = {
        "bucket_name": "photos",
        "location": "x",
        "endpoint_url": f"http://127.0.0.1:{server.server_port}",
        "region_name": None,
        "access_key": "a",
        "secret_key": "very-secret-key",
        "security_token": None,
    }
    backend = "apps.common.storage.objects.ObjectStorage"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": backend, "OPTIONS": options},
    }
    settings.CACHE = tmp_path
    yield handler
    server.shutdown()
    server.server_close()


FULL = (507, "XMinioStorageFull")
DENIED = (403, "AccessDenied")


@pytest.mark.parametrize(
    ("script", "kind", "words", "attempts"),
    [
        pytest.param(
            [FULL], storage.StoreFullError, "Disk full: the object store s3", 1, id="full"
        ),
        pytest.param(
            [DENIED], storage.StoreRefusedError, "refuses access (AccessDenied)", 1, id="denied"
        ),
        pytest.param(
            [(404, "NoSuchBucket")], storage.StoreRefusedError, "no bucket photos", 1, id="bucket"
        ),
        pytest.param(
            [(500, "InternalError")],
            storage.StoreUnavailableError,
            "out of order (InternalError): try again later",
            objects.ATTEMPTS,
            id="out of order",
        ),
        pytest.param(
            ["hang"],
            storage.StoreUnavailableError,
            "does not answer (ReadTimeoutError)",
            objects.ATTEMPTS,
            id="silent",
        ),
        pytest.param(
            ["close"],
            storage.StoreUnavailableError,
            "does not answer",
            objects.ATTEMPTS,
            id="closes the connection",
        ),
    ],
)
@pytest.mark.parametrize(
    "action",
    [
        pytest.param(lambda: put("a", b"content"), id="write"),
        pytest.param(lambda: storage.compare("a", sha256="0" * 64), id="read"),
    ],
)
def test_a_refusal_is_one_sentence_that_names_the_store(
    refusing, script, kind, words, attempts, action
):
    refusing.script = script
    with pytest.raises(kind) as refused:
        action()
    assert words in str(refused.value)
    assert "s3://photos/x at http://127.0.0.1:" in str(refused.value)
    assert "very-secret-key" not in str(refused.value)
    assert refusing.asked == attempts


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([(503, "SlowDown"), "ok"], id="asked to slow down"),
        pytest.param(["close", "ok"], id="the connection broke before the answer"),
        pytest.param(["cut", "cut", "ok"], id="the connection broke in the answer, twice"),
        pytest.param(["hang", "ok"], id="silent once"),
    ],
)
def test_what_passes_is_tried_again_and_goes_on_where_it_broke(refusing, script):
    refusing.script = script
    digest = sha256(b"0123456789")
    with storage.checked("a", sha256=digest) as file:
        assert file.read() == b"0123456789"
    assert refusing.asked == len(script)


def test_a_page_does_not_wait_for_a_silent_store(refusing, monkeypatch):
    monkeypatch.setattr(objects, "SOON_SECONDS", 0.3)
    refusing.script = ["hang"]
    with pytest.raises(storage.StoreUnavailableError, match="does not answer"):
        storage.read_soon("a")
    assert refusing.asked == 1


def test_an_answer_that_is_always_cut_off_ends_in_a_sentence(refusing):
    refusing.script = ["cut"]
    with pytest.raises(storage.StoreUnavailableError, match="does not answer"):
        storage.compare("a", sha256="0" * 64)
    assert refusing.asked == objects.ATTEMPTS


def test_nobody_there_is_a_sentence_too(refusing):
    default_storage.endpoint_url = "http://127.0.0.1:9"
    with pytest.raises(storage.StoreUnavailableError, match=r"at http://127\.0\.0\.1:9 does not"):
        put("a", b"content")
