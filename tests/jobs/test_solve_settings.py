"""How the budget of an equation is shared between Adam and the polisher."""

import math
from typing import Any

import pytest

import nfield as nf
from nfield.core.checks import UserError
from nfield.encodings import ENCODINGS
from nfield.jobs.equation.options import EquationOptions
from nfield.jobs.equation.run import LEVENBERG_PARAMETERS, POLISH, polish_of, polisher_of

SMALL, LARGE = LEVENBERG_PARAMETERS, LEVENBERG_PARAMETERS + 1


@pytest.mark.parametrize(
    ("options", "objective", "parameters", "share", "polisher"),
    [
        ({}, "residual", SMALL, POLISH, "levenberg"),
        ({}, "residual", LARGE, 0.0, "lbfgs"),
        ({"polisher": "lbfgs"}, "residual", LARGE, POLISH, "lbfgs"),
        ({"polisher": "lbfgs"}, "residual", SMALL, POLISH, "lbfgs"),
        ({"polish": 0.2}, "residual", LARGE, 0.2, "lbfgs"),
        ({"polish": 0.0}, "residual", SMALL, 0.0, "levenberg"),
        ({"polish": 0.5}, "energy", SMALL, 0.0, "levenberg"),
    ],
)
def test_large_networks_and_energies_keep_to_adam_unless_told(
    options: dict[str, object], objective: str, parameters: int, share: float, polisher: str
) -> None:
    chosen = EquationOptions(**options)  # type: ignore[arg-type]
    assert polish_of(chosen, objective, parameters) == share
    assert polisher_of(chosen, parameters) == polisher


def test_a_share_outside_of_the_budget_is_refused() -> None:
    with pytest.raises(UserError, match=r"share of the budget.*1\.5"):
        EquationOptions(polish=1.5)


def test_the_backbone_with_stages_points_to_the_option() -> None:
    with pytest.raises(UserError, match="--stages 3"):
        EquationOptions(backbone="multistage")


REFUSED = {
    "hash": "derivatives of order 2",
    "adaptive_grid": "derivatives of order 2",
    "spherical_harmonics": "takes coordinates of dimension 3.*Choose another encoding",
}
"""Encodings that have not the derivatives that equations need, as they are set by default, or not this dimension."""


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("backbone", [None, "mlp", "siren"])
def test_every_encoding_solves_or_is_refused_in_words(
    name: str, backbone: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"encoding": name, "backbone": backbone, "steps": 2, "points": 16, "evaluations": 2, "baseline": False}
    if name in REFUSED:
        with pytest.raises(UserError, match=REFUSED[name]):
            nf.solve("helmholtz", **options)
        return
    result = nf.solve("helmholtz", **options)
    recipe = result.config["recipe"]
    assert (recipe["encoding"]["name"], recipe["backbone"]["name"]) == (name, backbone or "mlp")
    assert backbone or recipe["backbone"]["activation"] == "tanh"
    assert result.metrics["steps"] == 2
    assert math.isfinite(result.metrics["relative_l2"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "gaussian", "encoding_settings": {"scal": 3.0}}, r"Did you mean 'scale'\?"),
        ({"backbone": "mlp", "backbone_settings": {"widht": 3}}, r"Did you mean 'width'\?"),
        ({"backbone_settings": {"widht": 3}}, r"setting of backbone phase 'widht'"),
        ({"backbone": "mlp", "encoding_settings": {"features": 3}}, "Unknown setting of encoding identity 'features'"),
    ],
)
def test_unknown_settings_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        nf.solve("helmholtz", steps=2, **options)
