"""Detail of an image by tiles: closed forms of its Laplacian pyramid."""

import pytest
import torch

from nfield.spectral.detail import tile_detail


def test_linear_ramps_have_no_detail_inside() -> None:
    """Means of blocks of a ramp lie on the ramp, and so does their bilinear enlargement."""
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    detail = tile_detail((0.3 * y - 0.2 * x)[..., None], 2, 4)
    assert float(detail[1][2:-2, 2:-2].abs().max()) < 1e-8
    assert float(detail[1].max()) > 1e-3  # the border, where enlargement repeats the last pixel


def test_a_checkerboard_is_all_in_the_finest_level() -> None:
    y, x = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    detail = tile_detail((1.0 - 2.0 * ((y + x) % 2))[..., None], 4, 4)
    # every pixel is 1 from its zero mean: 16 a tile, and 15 % of the neighbours' maximum
    torch.testing.assert_close(detail[3], torch.full((8, 8), 16 * 1.15))
    assert all(float(level.abs().max()) == 0 for level in detail[1:3])


def test_coarse_detail_counts_the_pixels_it_stands_for() -> None:
    """A checkerboard of 2 x 2 blocks has as much energy as one of pixels, in the level below."""
    y, x = torch.meshgrid(torch.arange(32) // 2, torch.arange(32) // 2, indexing="ij")
    detail = tile_detail((1.0 - 2.0 * ((y + x) % 2))[..., None], 4, 4)
    torch.testing.assert_close(detail[2], torch.full((4, 4), 4 * 16 * 1.15))


def test_detail_lies_where_the_picture_has_it() -> None:
    image = torch.zeros(64, 64, 1)
    image[40:44, 8:12] = torch.rand(4, 4, 1, generator=torch.Generator().manual_seed(0))
    finest = tile_detail(image, 3, 4)[-1]
    assert divmod(int(finest.argmax()), 16) == (10, 2)
    assert float(finest[:8].max()) == 0


def test_unknown_pixels_have_no_detail() -> None:
    image = torch.rand(32, 32, 3, generator=torch.Generator().manual_seed(0))
    known = torch.ones(32, 32)
    known[8:24, 8:24] = 0
    changed = image.clone()
    changed[8:24, 8:24] = 100.0
    one, two = tile_detail(image, 3, 4, known=known), tile_detail(changed, 3, 4, known=known)
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b)
    assert float(one[-1][3:5, 3:5].max()) == 0


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 3), (5, 2, 4), (17, 33, 1)])
@pytest.mark.parametrize("offset", [0, 1])
def test_odd_sizes_give_a_value_for_every_tile(shape, offset) -> None:
    image = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    height, width = shape[:2]
    for level in reversed(tile_detail(image, 3, 4, offset=offset)):
        assert level.shape == (-(-(height + 2 * offset) // 4), -(-(width + 2 * offset) // 4))
        assert not bool(level.isnan().any())
        height, width = -(-height // 2), -(-width // 2)
    assert bool(tile_detail(image, 3, 4)[0].isinf().all())
