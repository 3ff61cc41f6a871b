"""What counts as an image, and that it comes out upright, 8-bit RGB and without metadata."""

import io

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import PngImagePlugin

from apps.catalog.imaging import UnreadableImageError, make_picture, open_upright
from tests.factories.pictures import picture_array, picture_bytes

PIXELS = 80_000_000


def encoded(image: Pillow.Image, format: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def upright(content: bytes) -> np.ndarray:
    image, _ = open_upright(content, max_pixels=PIXELS)
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


def grey(value: int) -> Pillow.Image:
    return Pillow.new("L", (4, 3), value)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_every_format_of_the_list_is_read(format):
    picture = make_picture(picture_bytes(1, format=format), max_pixels=PIXELS)
    assert (picture.format, picture.width, picture.height) == (format, 64, 48)


FRAMES = [Pillow.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
CASES = {
    "grey is repeated": (encoded(grey(100)), (100, 100, 100)),
    "one bit": (encoded(Pillow.new("1", (4, 3), 1)), (255, 255, 255)),
    "grey with alpha goes over white": (encoded(Pillow.new("LA", (4, 3), (0, 0))), (255, 255, 255)),
    "half transparent black is grey": (
        encoded(Pillow.new("RGBA", (4, 3), (0, 0, 0, 128))),
        (127, 127, 127),
    ),
    "16 bits keep the upper byte": (
        encoded(Pillow.fromarray(np.full((3, 4), 0x8040, dtype=np.uint16))),
        (0x80, 0x80, 0x80),
    ),
    "a 16-bit TIFF": (
        encoded(Pillow.fromarray(np.full((3, 4), 0xFFFF, dtype=np.uint16)), "TIFF"),
        (255, 255, 255),
    ),
    "CMYK": (encoded(Pillow.new("CMYK", (4, 3), (0, 255, 255, 0)), "TIFF"), (255, 0, 0)),
    "a palette with a transparent colour": (
        encoded(Pillow.new("P", (4, 3), 0), transparency=0),
        (255, 255, 255),
    ),
    "of an animated GIF the first frame": (
        encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]),
        (254, 0, 0),
    ),
    "of an animated WebP the first frame": (
        encoded(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:], lossless=True),
        (255, 0, 0),
    ),
    "of many pages the first": (
        encoded(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:]),
        (255, 0, 0),
    ),
    "one pixel": (encoded(Pillow.new("RGB", (1, 1), (1, 2, 3))), (1, 2, 3)),
    "a line of 20,000 pixels": (encoded(Pillow.new("RGB", (20_000, 1), (9, 9, 9))), (9, 9, 9)),
    "damaged EXIF harms nobody": (
        encoded(Pillow.new("RGB", (4, 3), "white"), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"),
        (255, 255, 255),
    ),
}


@pytest.mark.parametrize(("content", "colour"), CASES.values(), ids=CASES.keys())
def test_unusual_images_become_8_bit_rgb(content, colour):
    pixels = upright(content)
    assert np.abs(pixels - np.array(colour)).max() <= 2
    make_picture(content, max_pixels=PIXELS)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_exif_orientations_give_the_same_upright_pixels(orientation):
    meant = picture_array(3, width=64, height=32)
    # How a camera would have stored it: undo what a viewer does for that orientation.
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a.transpose(1, 0, 2), 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](meant)
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    image = Pillow.fromarray(np.ascontiguousarray(stored))
    content = encoded(image, "JPEG", quality=95, exif=exif)
    assert np.abs(upright(content) - meant).mean() < 2
    picture = make_picture(content, max_pixels=PIXELS)
    assert (picture.width, picture.height) == (64, 32)
    with Pillow.open(io.BytesIO(picture.thumb)) as thumb:
        assert np.abs(np.asarray(thumb.convert("RGB")).astype(int) - meant).mean() < 4


def test_nothing_but_pixels_gets_into_derivatives():
    exif = Pillow.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    content = encoded(
        Pillow.fromarray(picture_array(1, width=400, height=300)),
        "JPEG",
        exif=exif,
        comment=b"SecretComment",
        icc_profile=b"SecretProfile" * 20,
    )
    assert b"Secret" in content
    picture = make_picture(content, max_pixels=PIXELS)
    for derived in (picture.thumb, picture.display):
        assert b"Secret" not in derived
        for chunk in (b"EXIF", b"XMP ", b"ICCP"):
            assert chunk not in derived


def test_a_polyglot_loses_its_script():
    content = picture_bytes(1) + b"<script>alert(1)</script>"
    picture = make_picture(content, max_pixels=PIXELS)
    assert b"<script" not in picture.thumb + picture.display


def png_of_size(width: int, height: int) -> bytes:
    """A real PNG of one bit per pixel, all black: a few kB whatever its size."""
    return encoded(Pillow.new("1", (width, height)))


def png_with_long_text() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("k", "x" * 70_000_000, zip=True)
    return encoded(Pillow.new("RGB", (4, 3)), pnginfo=text)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "not a JPEG, PNG", id="a signature alone"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a JPEG, PNG", id="EPS"),
        pytest.param(b"%PDF-1.7\n", "not a JPEG, PNG", id="PDF"),
        pytest.param(b"<svg xmlns='x'/>", "not a JPEG, PNG", id="SVG"),
        pytest.param(
            encoded(Pillow.new("RGB", (9, 9)), "JPEG2000"), "not a JPEG, PNG", id="JPEG 2000"
        ),
        pytest.param(encoded(Pillow.new("RGB", (9, 9)), "ICO"), "not a JPEG, PNG", id="ICO"),
        pytest.param(b"8BPS" + bytes(40), "not a JPEG, PNG", id="PSD"),
        pytest.param(b"SIMPLE  =" + bytes(80), "not a JPEG, PNG", id="FITS"),
        pytest.param(png_of_size(10_000, 10_000), "more pixels", id="100 megapixels"),
        pytest.param(png_of_size(14_000, 14_000), "more pixels", id="196 megapixels"),
        pytest.param(
            png_of_size(9_000, 9_000), "9,000 x 9,000 pixels are more", id="81 megapixels"
        ),
        pytest.param(png_with_long_text(), "damaged", id="a text chunk of 70 MB"),
        pytest.param(
            encoded(Pillow.fromarray(np.full((3, 4), 0.5, dtype=np.float32)), "TIFF"),
            "floating-point",
            id="floating point",
        ),
        pytest.param(
            encoded(Pillow.fromarray(np.full((3, 4), 2**20, dtype=np.int32)), "TIFF"),
            "more than 16 bits",
            id="32 bits",
        ),
    ],
)
def test_what_is_no_image_is_refused_with_its_reason(content, reason):
    with pytest.raises(UnreadableImageError, match=reason):
        make_picture(content, max_pixels=PIXELS)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_an_image_that_was_cut_anywhere_is_refused(format):
    content = picture_bytes(5, width=300, height=200, format=format)
    for twentieth in range(1, 20):
        with pytest.raises(UnreadableImageError):
            make_picture(content[: len(content) * twentieth // 20], max_pixels=PIXELS)


def test_a_flipped_byte_in_png_data_is_noticed():
    content = bytearray(picture_bytes(5, width=300, height=200))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(UnreadableImageError):
        make_picture(bytes(content), max_pixels=PIXELS)
