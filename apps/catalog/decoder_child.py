"""The process that decodes files of unknown origin: `python -m apps.catalog.decoder_child`.

It limits its own memory, opens no files, and talks over its standard input and output: for each
request (8 bytes of length, content) one answer (4 bytes of length, JSON, then the encoded
thumbnail and display image whose sizes the JSON gives). It never imports Django.
"""

import json
import resource
import struct
import sys
from typing import BinaryIO

from apps.catalog.imaging import UnreadableImageError, make_picture

REQUEST = struct.Struct("!Q")
ANSWER = struct.Struct("!I")
BASE_MEMORY = 512 * 2**20
MEMORY_PER_PIXEL = 24  # alpha over white holds four images of 4 bytes a pixel at a time


def limit_resources(*, max_pixels: int) -> None:
    memory = BASE_MEMORY + MEMORY_PER_PIXEL * max_pixels
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(content: bytes, *, max_pixels: int) -> tuple[dict[str, object], bytes]:
    try:
        picture = make_picture(content, max_pixels=max_pixels)
    except UnreadableImageError as error:
        return {"reason": str(error)}, b""
    except MemoryError:
        return {"reason": "decoding it needs more memory than allowed"}, b""
    same = picture.thumb is picture.display
    header = {
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "display": len(picture.display),
        "thumb": 0 if same else len(picture.thumb),
    }
    return header, picture.display + (b"" if same else picture.thumb)


def serve(requests: BinaryIO, answers: BinaryIO, *, max_pixels: int) -> None:
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        (size,) = REQUEST.unpack(head)
        content = requests.read(size)
        if len(content) < size:
            return  # the parent is gone
        header, blobs = answer(content, max_pixels=max_pixels)
        text = json.dumps(header).encode()
        answers.write(ANSWER.pack(len(text)) + text + blobs)
        answers.flush()


if __name__ == "__main__":
    limit_resources(max_pixels=int(sys.argv[1]))
    serve(sys.stdin.buffer, sys.stdout.buffer, max_pixels=int(sys.argv[1]))
