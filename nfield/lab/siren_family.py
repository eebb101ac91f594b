"""Periodic activations beside the plain network: SIREN, `sin(ω₀(Wx + b))`.

`FAMILY` is the table of the family: a further member is one row, its settings for a width and depth.
"""

from collections.abc import Callable, Sequence

from nfield.backbones import BackboneConfig, SIRENConfig
from nfield.lab.cures import CureSizes, Settings, claim_of, compare
from nfield.lab.experiment import Experiment, Outcome, Setting

LEAST = 2.0

FAMILY: dict[str, Callable[[int, int], Sequence[BackboneConfig]]] = {
    "SIREN": lambda width, depth: [SIRENConfig(width=width, depth=depth, first_omega=omega) for omega in (30.0, 60.0)],
}
"""Name of each member, and the configurations among which it may choose."""


def contenders(sizes: CureSizes, in_dim: int) -> Settings:
    """All members of the family."""
    del in_dim
    return {name: settings(sizes.width, sizes.depth) for name, settings in FAMILY.items()}


def run(setting: Setting) -> Outcome:
    """The family on both targets."""
    return compare(setting, contenders, LEAST)


EXPERIMENT = Experiment(
    title="Cure: periodic activations",
    claim=claim_of(f"networks with periodic activations ({', '.join(FAMILY)})", LEAST),
    source=(
        "Sitzmann et al.: Implicit neural representations with periodic activation functions (2020), arXiv 2006.09661"
    ),
    run=run,
)
