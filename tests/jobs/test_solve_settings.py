"""How the budget of an equation is shared between Adam and the polisher."""

import pytest

from nfield.core.checks import UserError
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
