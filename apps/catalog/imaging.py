"""From a file's bytes to upright 8-bit RGB and to what the browser is shown. Pillow only.

Bytes of unknown origin are decoded by `apps.catalog.decoder`, in a process of its own.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import Image as Pillow
from PIL import UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP")
ORIENTATION_TAG = 0x0112
# EXIF orientation: how to turn the stored pixels upright (1 is upright already).
TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
THUMB_SIDE = 320
DISPLAY_SIDE = 1600
QUALITY = 85
ENCODING_EFFORT = 2  # of WebP's 0..6: 4 is twice as slow here for 2 % smaller files


class UnreadableImageError(ValueError):
    """The bytes are not an image that takes part; the text is the reason shown to a person."""


@dataclass(frozen=True)
class Picture:
    """What is kept of an image besides its original. Sides are upright, in pixels."""

    format: str
    width: int
    height: int
    thumb: bytes
    display: bytes


def open_upright(content: bytes, *, max_pixels: int) -> tuple[Pillow.Image, str]:
    """Decode all of an image: upright RGB (grey repeated, alpha over white), and its format.

    Of several frames or pages the first counts.

    Raises:
        UnreadableImageError: another format, damaged, cut short, or larger than `max_pixels`.
    """
    if not content:
        raise UnreadableImageError("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd EXIF data and the like harm nobody
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            with Pillow.open(io.BytesIO(content), formats=FORMATS) as opened:
                width, height = opened.size
                if width * height > max_pixels:
                    raise UnreadableImageError(
                        f"{width:,} x {height:,} pixels are more than {max_pixels:,}"
                    )
                opened.load()
                upright = _to_rgb(opened)
                turn = TURNS.get(_orientation(opened))
                return upright.transpose(turn) if turn is not None else upright, opened.format or ""
    except UnreadableImageError:
        raise
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise UnreadableImageError("it unpacks to more pixels than allowed") from error
    except UnidentifiedImageError as error:
        raise UnreadableImageError(
            "not a JPEG, PNG, WebP, TIFF, GIF or BMP image, or damaged"
        ) from error
    except MemoryError as error:
        raise UnreadableImageError("decoding it needs more memory than allowed") from error
    # Pillow's decoders raise what they like for damaged files.
    except Exception as error:
        raise UnreadableImageError(f"damaged: {error}"[:200]) from error


def _to_rgb(image: Pillow.Image) -> Pillow.Image:
    if image.mode.startswith("I;16"):
        image = _sixteen_bits_to_eight(image)
    elif image.mode == "I":
        low, high = image.getextrema()
        if low < 0 or high > 65535:  # type: ignore[operator]  # one band: plain numbers
            raise UnreadableImageError("pixels of more than 16 bits")
        image = _sixteen_bits_to_eight(image) if high > 255 else image.convert("L")  # type: ignore[operator]
    elif image.mode == "F":
        raise UnreadableImageError("floating-point pixels")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Pillow.new("RGBA", image.size, "white")
        image = Pillow.alpha_composite(white, image)
    image = image.convert("RGB")
    image.info.clear()  # colour profile, EXIF, comments: nothing of it goes any further
    return image


def _orientation(image: Pillow.Image) -> int:
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # damaged EXIF is no reason to refuse the pixels
        return 1
    return value if isinstance(value, int) else 1


def _sixteen_bits_to_eight(image: Pillow.Image) -> Pillow.Image:
    """Keep the upper byte: Pillow's own conversion would cut all above 255."""
    return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")


def make_picture(content: bytes, *, max_pixels: int) -> Picture:
    """Decode an image and encode its thumbnail and display derivative, without metadata.

    Raises:
        UnreadableImageError: see `open_upright`.
    """
    upright, name = open_upright(content, max_pixels=max_pixels)
    display = _shrunk(upright, DISPLAY_SIDE)
    small = _shrunk(display, THUMB_SIDE)
    display_bytes = _webp(display)
    return Picture(
        format=name,
        width=upright.width,
        height=upright.height,
        thumb=display_bytes if small is display else _webp(small),
        display=display_bytes,
    )


def _shrunk(image: Pillow.Image, side: int) -> Pillow.Image:
    if max(image.size) <= side:
        return image
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Pillow.Resampling.LANCZOS, reducing_gap=3.0)


def _webp(image: Pillow.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=QUALITY, method=ENCODING_EFFORT)
    return out.getvalue()
