"""Adaptive activations beside the plain network.

`σ(n a x)` with n fixed and a trained, which starts at a = 1/n: one a for each layer, or one for each neuron; σ is tanh.
"""

from typing import Literal

from nfield.backbones import MLPConfig
from nfield.lab.cures.cures import experiment
from nfield.lab.cures.targets import CureSizes, Target
from nfield.lab.cures.training import Settings

LEAST = 1.25
FACTORS = (5.0, 10.0)


def contenders(sizes: CureSizes, target: Target) -> Settings:
    """Slopes by layer and by neuron."""
    del target

    def adaptive(scope: Literal["layer", "neuron"]) -> list[MLPConfig]:
        return [
            MLPConfig(width=sizes.width, depth=sizes.depth, activation="tanh", adaptive=scope, adaptive_factor=factor)
            for factor in FACTORS
        ]

    return {"slope by layer": adaptive("layer"), "slope by neuron": adaptive("neuron")}


EXPERIMENT = experiment(
    "adaptive activations",
    "tanh networks with a trained slope for each layer and for each neuron",
    contenders,
    LEAST,
    "Jagtap, Kawaguchi, Karniadakis: Adaptive activation functions accelerate convergence in deep and "
    "physics-informed neural networks (2019), arXiv 1906.01170",
)
