"""The decoding process: its crash, hang or hunger costs one file."""

import os
import signal
import time

import pytest
from django.conf import settings

from apps.catalog import decoder as module
from apps.catalog.decoder import Decoder, close_all, own_decoder
from apps.catalog.imaging import UnreadableImageError
from tests.factories.pictures import picture_bytes

ROOT = str(settings.ROOT)
GOOD = picture_bytes(1)

MISBEHAVING = """
import sys
from apps.catalog import decoder_child, imaging

def answer(content, *, max_pixels, real=decoder_child.answer):
    if content == b"crash":
        import os, signal
        os.kill(os.getpid(), signal.SIGSEGV)
    if content == b"hang":
        import time
        time.sleep(60)
    if content == b"hungry":
        try:
            bytearray(2**33)
        except MemoryError:
            return {"reason": "decoding it needs more memory than allowed"}, b""
    if content == b"writes":
        import os, tempfile
        try:  # mkstemp tries its folders by writing
            descriptor, name = tempfile.mkstemp()
            os.unlink(name)
            os.write(descriptor, b"x")
            return {"reason": "it wrote a file"}, b""
        except OSError:
            return {"reason": "it may not write"}, b""
    return real(content, max_pixels=max_pixels)

import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
decoder_child.answer = answer
decoder_child.limit_resources(max_pixels=int(sys.argv[1]))
decoder_child.serve(sys.stdin.buffer, sys.stdout.buffer, max_pixels=int(sys.argv[1]))
"""


@pytest.fixture
def decoder(tmp_path, monkeypatch):
    """A decoder whose child also knows how to misbehave."""
    (tmp_path / "misbehaving_child.py").write_text(MISBEHAVING)
    monkeypatch.setattr(module, "CHILD", "misbehaving_child")
    decoder = Decoder(max_pixels=10**6, seconds=2, root=f"{tmp_path}:{ROOT}")
    yield decoder
    decoder.close()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"crash", "crashed the decoder", id="a crash"),
        pytest.param(b"hang", "took longer than 2 s", id="a hang"),
        pytest.param(b"hungry", "needs more memory than allowed", id="hunger"),
        pytest.param(b"writes", "it may not write", id="a wish to write files"),
        pytest.param(b"no image", "not a JPEG", id="no image"),
    ],
)
def test_a_bad_file_costs_itself_and_the_next_one_is_fine(decoder, content, reason):
    assert decoder.decode(GOOD).width == 64
    started = time.monotonic()
    with pytest.raises(UnreadableImageError, match=reason):
        decoder.decode(content)
    assert time.monotonic() - started < 5
    assert decoder.decode(GOOD).width == 64


def test_one_child_serves_many_images_and_another_takes_over_when_it_was_killed():
    decoder = Decoder(max_pixels=10**6, seconds=10, root=ROOT)
    try:
        decoder.decode(GOOD)
        first = decoder._child.pid
        decoder.decode(GOOD)
        assert decoder._child.pid == first
        os.kill(first, signal.SIGKILL)
        decoder._child.wait()
        assert decoder.decode(GOOD).height == 48
        assert decoder._child.pid != first
    finally:
        decoder.close()


def test_a_child_ends_when_its_parent_does():
    decoder = Decoder(max_pixels=10**6, seconds=10, root=ROOT)
    decoder.decode(GOOD)
    child = decoder._child
    child.stdin.close()  # what the kernel does when the parent is killed
    assert child.wait(timeout=5) == 0
    decoder.close()


def test_every_thread_has_one_decoder_of_its_own():
    mine = own_decoder(max_pixels=10**6, seconds=10, root=ROOT)
    assert own_decoder(max_pixels=10**6, seconds=10, root=ROOT) is mine
    mine.decode(GOOD)
    child = mine._child
    close_all()
    assert child.poll() is not None
