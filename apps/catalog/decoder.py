"""Decode files of unknown origin in a child process: its crash or hang costs one file."""

import atexit
import json
import os
import subprocess
import sys
import threading
from typing import IO

from apps.catalog.decoder_child import ANSWER, REQUEST
from apps.catalog.imaging import Picture, UnreadableImageError

CHILD = "apps.catalog.decoder_child"


class _CrashError(Exception):
    """The child ended in the middle of an image."""


class Decoder:
    """One long-lived child, started at the first image and again after a crash or hang.

    One thread at a time may use it. The child ends with its parent, however that ends, because
    its input does.
    """

    def __init__(self, *, max_pixels: int, seconds: float, root: str) -> None:
        self._max_pixels = max_pixels
        self._seconds = seconds
        self._root = root
        self._child: subprocess.Popen[bytes] | None = None

    def decode(self, content: bytes) -> Picture:
        """Return the picture in `content`.

        Raises:
            UnreadableImageError: with the reason; also when the child crashed or took too long.
        """
        try:
            return self._ask(content)
        except _CrashError:
            pass  # perhaps the machine ended it for reasons of its own: once more
        try:
            return self._ask(content)
        except _CrashError as error:
            raise UnreadableImageError("decoding it crashed the decoder") from error

    def _ask(self, content: bytes) -> Picture:
        child = self._running_child()
        assert child.stdin is not None  # noqa: S101  for mypy: both are pipes
        assert child.stdout is not None  # noqa: S101
        late = threading.Event()

        def kill() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(self._seconds, kill)
        timer.start()
        try:
            child.stdin.write(REQUEST.pack(len(content)) + content)
            child.stdin.flush()
            (size,) = ANSWER.unpack(_exactly(child.stdout, ANSWER.size))
            header = json.loads(_exactly(child.stdout, size))
            display = _exactly(child.stdout, header.get("display", 0))
            thumb = _exactly(child.stdout, header.get("thumb", 0))
        except (OSError, EOFError) as error:
            self.close()
            if late.is_set():
                raise UnreadableImageError(
                    f"decoding it took longer than {self._seconds:g} s"
                ) from error
            raise _CrashError from error
        except BaseException:  # Ctrl-C in the middle: the next answer would be this one's
            self.close()
            raise
        finally:
            timer.cancel()
        if "reason" in header:
            raise UnreadableImageError(header["reason"])
        return Picture(
            format=header["format"],
            width=header["width"],
            height=header["height"],
            thumb=thumb or display,
            display=display,
        )

    def _running_child(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is not None:
            self.close()
        if self._child is None:
            self._child = subprocess.Popen(  # noqa: S603  our own module, no input in it
                [sys.executable, "-m", CHILD, str(self._max_pixels)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Ctrl-C is for the parent, which says where it stopped.
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": self._root},
            )
        return self._child

    def close(self) -> None:
        """End the child, if one runs; the next image starts another."""
        if self._child is None:
            return
        child, self._child = self._child, None
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was not sent yet cannot be sent any more
                    continue


def _exactly(file: IO[bytes], size: int) -> bytes:
    content = file.read(size)
    if len(content) < size:
        raise EOFError
    return content


_local = threading.local()
_all: list[tuple[int, Decoder]] = []


def own_decoder(*, max_pixels: int, seconds: float, root: str) -> Decoder:
    """This thread's decoder, kept for the life of the process (and not shared across a fork)."""
    key = (os.getpid(), max_pixels, seconds, root)
    if getattr(_local, "key", None) != key:
        _local.key = key
        _local.decoder = Decoder(max_pixels=max_pixels, seconds=seconds, root=root)
        _all.append((os.getpid(), _local.decoder))
    decoder: Decoder = _local.decoder
    return decoder


@atexit.register
def close_all() -> None:
    """End the children of this process."""
    for process, decoder in _all:
        if process == os.getpid():
            decoder.close()
    _all.clear()
