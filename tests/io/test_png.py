"""PNGs whose parts have right checksums and lie all the same. Oracles: what the test wrote, and the memory taken."""

import struct
import tracemalloc
import zlib

import pytest

from nfield.core.checks import UserError
from nfield.io.images.images import load_image


def png_of(header: tuple[int, ...], plain: bytes) -> bytes:
    """A PNG whose parts have right checksums, whatever they hold."""
    parts = (b"IHDR", struct.pack(">IIBBBBB", *header)), (b"IDAT", zlib.compress(plain)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize("side", [3_000, 30_000, 2**31 - 1])
def test_a_png_that_announces_more_than_it_holds_is_refused_before_memory_is_taken(tmp_path, depth, interlaced, side):
    (tmp_path / "a.png").write_bytes(png_of((side, side, depth, 2, 0, 0, interlaced), bytes(10)))
    tracemalloc.start()
    with pytest.raises(UserError, match="fewer pixels than its header says"):
        load_image(tmp_path / "a.png")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_data_beyond_a_pngs_pixels_are_not_decompressed(tmp_path):
    (tmp_path / "a.png").write_bytes(png_of((1, 1, 16, 0, 0, 0, 0), b"\0\1\2" + bytes(2**27)))
    tracemalloc.start()
    assert load_image(tmp_path / "a.png").pixels.tolist() == [[[258]]]
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("header", "plain", "message"),
    [
        ((1, 1, 16, 3, 0, 0, 0), bytes(9), "impossible values"),
        ((1, 1, 4, 2, 0, 0, 0), bytes(9), "impossible values"),
        ((1, 1, 16, 5, 0, 0, 0), bytes(9), "impossible values"),
        ((1, 0, 16, 2, 0, 0, 0), bytes(9), "impossible values"),
        ((1, 1, 16, 2, 1, 0, 0), bytes(9), "impossible values"),
        ((1, 1, 16, 2, 0, 0, 2), bytes(9), "impossible values"),
        ((1, 1, 16, 2, 0, 0, 0), b"\5" + bytes(6), "a filter that does not exist"),
        ((1, 1, 16, 2, 0, 0, 0), bytes(6), "fewer pixels than its header says"),
    ],
)
def test_pngs_with_right_checksums_and_wrong_content(tmp_path, header, plain, message):
    (tmp_path / "a.png").write_bytes(png_of(header, plain))
    with pytest.raises(UserError, match=message):
        load_image(tmp_path / "a.png")
