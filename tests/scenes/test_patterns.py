"""Patterns. Oracles: parity of cells, periods, the frequency of a zone plate, letters where they must be."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.scenes.colours import of_hex
from nfield.scenes.lettering import Text
from nfield.scenes.patterns import Checker, Octaves, Rings, Solid, Stripes, globe

BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
DOUBLE = torch.float64


def places(count: int = 2000) -> torch.Tensor:
    return 2 * torch.rand(count, 3, generator=torch.Generator().manual_seed(0), dtype=DOUBLE) - 1


def shares(pattern: object, at: torch.Tensor) -> torch.Tensor:
    """0 in the first colour and 1 in the second, of a pattern from black to white."""
    return pattern(at)[:, 0]  # type: ignore[operator]


@given(
    cell=st.tuples(*[st.integers(-9, 9)] * 3), inside=st.tuples(*[st.floats(-0.49, 0.49)] * 3), size=st.floats(0.05, 3)
)
@settings(max_examples=80, deadline=None)
def test_checkers_have_the_parity_of_their_cell(
    cell: tuple[int, int, int], inside: tuple[float, float, float], size: float
) -> None:
    at = torch.tensor([[size * (a + b) for a, b in zip(cell, inside, strict=True)]], dtype=DOUBLE)
    assert shares(Checker(first=BLACK, second=WHITE, size=size), at).item() == sum(cell) % 2


def test_checkers_on_a_globe_change_with_every_field() -> None:
    around = 8
    checker = Checker(first=BLACK, second=WHITE, around=around)
    found = np.zeros((4, 8))
    for row in range(4):
        for column in range(8):
            longitude, latitude = 2 * math.pi * (column + 0.5) / 8, math.pi * ((row + 0.5) / 4 - 0.5)
            level = math.cos(latitude)
            at = [level * math.cos(longitude), level * math.sin(longitude), math.sin(latitude)]
            found[row, column] = shares(checker, torch.tensor([at], dtype=DOUBLE)).item()
    assert (found == np.indices((4, 8)).sum(0) % 2).all()


def test_stripes_repeat_and_cover_half() -> None:
    stripes = Stripes(first=BLACK, second=WHITE, direction=(1.0, 2.0, -2.0), period=0.3)
    at = places()
    step = 0.3 * torch.tensor([1.0, 2.0, -2.0], dtype=DOUBLE) / 3
    assert torch.equal(shares(stripes, at), shares(stripes, at + step))
    assert torch.equal(shares(stripes, at), 1 - shares(stripes, at + step / 2))
    assert shares(stripes, torch.zeros(1, 3, dtype=DOUBLE)).item() == 0


def test_soft_stripes_are_a_cosine() -> None:
    stripes = Stripes(first=BLACK, second=WHITE, direction=(0.0, 0.0, 5.0), period=0.3, edges="sine")
    at = places()
    assert torch.allclose(shares(stripes, at), 0.5 - 0.5 * torch.cos(2 * math.pi * at[:, 2] / 0.3))


def test_rings_have_their_frequency_at_distance_one() -> None:
    """Maxima of the phase π f r² lie at even multiples of π: r = √(2 k / f)."""
    rings = Rings(first=BLACK, second=WHITE, frequency=10.0, axis=(0.0, 0.0, 2.0))
    at = torch.zeros(6, 3, dtype=DOUBLE)
    at[:, 1], at[:, 2] = torch.sqrt(torch.arange(6) / 10), 0.7
    assert torch.allclose(shares(rings, at), torch.tensor([0, 1, 0, 1, 0, 1], dtype=DOUBLE))


def test_octaves_hold_only_their_frequencies() -> None:
    """Along the direction of a wave, every octave's line in the spectrum is at its own frequency."""
    lowest = Octaves(first=BLACK, second=WHITE, frequency=4.0, octaves=1)
    a, b = Octaves._waves(0).T
    assert a.norm().item() == pytest.approx(1)
    assert (a @ b).item() == pytest.approx(0, abs=1e-12)
    steps = torch.arange(64, dtype=DOUBLE) / 64
    values = shares(lowest, steps[:, None] * a).numpy()
    spectrum = np.abs(np.fft.rfft(values)) / 64
    assert spectrum[0] == pytest.approx(0.5)
    assert spectrum[4] == pytest.approx(0.125)
    assert np.delete(spectrum, [0, 4]).max() < 1e-12


@pytest.mark.parametrize("falloff", [0.5, 1.0])
def test_octaves_stay_between_both_colours(falloff: float) -> None:
    found = Octaves(falloff=falloff, first=(0.2, 0.3, 0.4), second=(0.9, 0.1, 0.4))(places())
    assert found[:, 0].min() >= 0.2
    assert found[:, 0].max() <= 0.9
    assert found[:, 0].std() > 0.02
    assert torch.allclose(found[:, 2], torch.tensor(0.4, dtype=DOUBLE))


def coverage(pattern: Text, at: torch.Tensor) -> float:
    return shares(pattern, at).mean().item()


def test_letters_stand_upright_on_the_faces_of_a_cube() -> None:
    """An L has ink on the left and at the bottom; seen from outside each side must show that, not its mirror image."""
    text = Text(words="L", first=BLACK, second=WHITE, height=0.8)
    rows, columns = text.texture.shape
    half = 0.4 * columns / rows
    for right, face in (
        ((0, 1, 0), (1, 0, 0)),
        ((0, -1, 0), (-1, 0, 0)),
        ((1, 0, 0), (0, -1, 0)),
        ((-1, 0, 0), (0, 1, 0)),
    ):
        right_, face_, up = (torch.tensor(v, dtype=DOUBLE) for v in (right, face, (0, 0, 1)))
        step = torch.linspace(-0.95, 0.95, 40, dtype=DOUBLE)
        u, v = (axis.flatten()[:, None] for axis in torch.meshgrid(step * half, step * 0.4, indexing="ij"))
        ink = shares(text, face_ + u * right_ + v * up).reshape(40, 40)
        left, rest, top, bottom = ink[:8].mean(), ink[20:].mean(), ink[:, 20:].mean(), ink[:, :8].mean()
        assert left > 2 * rest
        assert bottom > 2 * top
        assert coverage(text, face_ + 0.7 * right_[None]) == 0


def test_words_around_a_globe_face_the_viewer_at_minus_y() -> None:
    text = Text(words="L", first=BLACK, second=WHITE, height=1.0, on="globe", copies=3)
    rows, columns = text.texture.shape

    def ink(shift: float) -> float:
        angle = torch.linspace(-0.45, 0.45, 60, dtype=DOUBLE) * columns / rows
        across, upward = (a.flatten() for a in torch.meshgrid(angle + shift, angle, indexing="ij"))
        at = torch.stack([upward.cos() * across.sin(), -upward.cos() * across.cos(), upward.sin()], -1)
        return coverage(text, at)

    assert ink(0) > 0.1
    assert ink(0) == pytest.approx(ink(2 * math.pi / 3), abs=1e-9)
    assert ink(math.pi / 3) == 0


def test_more_lines_are_taller() -> None:
    assert Text(words="a\nb").texture.shape[0] > 1.5 * Text(words="a").texture.shape[0]


def test_the_globe_has_its_poles_on_z() -> None:
    longitude, latitude = globe(torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [0, 0, -2.0]]))
    assert longitude[:2].tolist() == pytest.approx([0, 0.25])
    assert latitude.tolist() == pytest.approx([0, 0, 0.5, -0.5])


def test_solid_is_one_colour_and_hex_colours_are_exact() -> None:
    assert Solid(colour=(0.1, 0.2, 0.3))(places(2).float()).tolist()[1] == pytest.approx([0.1, 0.2, 0.3])
    assert of_hex("#ff8000") == pytest.approx((1, 128 / 255, 0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Checker(size=-1.0), "size must be a positive number, but is -1"),
        (lambda: Checker(around=7), "around must be even, but is 7"),
        (lambda: Stripes(direction=(0.0, 0.0, 0.0)), "not all 0"),
        (lambda: Rings(frequency=0.0), "frequency must be a positive number"),
        (lambda: Octaves(octaves=0), "octaves must lie between 1 and 16"),
        (lambda: Text(words="  "), "words must not be empty"),
        (lambda: of_hex("#12345"), "'#rrggbb', but is '#12345'"),
    ],
)
def test_impossible_patterns_are_refused(make: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()  # type: ignore[operator]
