"""Multiscale networks with compact activations beside the plain network.

MscaleDNN-1: first layer `σ(K ⊙ (Wx) + b)`, its neurons in groups of scales a_i; MscaleDNN-2: `Σ_i f_i(a_i x)`. The
activation is φ or sReLU, of compact support; a_i = 1, 2, 4, …, 32. A third contender has the second form and
scales from the spectrum of the samples: the residual of a network that is still zero (after Huang, You, Zhou, arXiv
2410.00053).
"""

import math

from nfield.backbones import Mscale1Config, Mscale2Config
from nfield.lab.cures.cures import experiment
from nfield.lab.cures.targets import CureSizes, Target
from nfield.lab.cures.training import Settings
from nfield.spectral import adapted_scales

LEAST = 2.0
ACTIVATIONS = ("phi", "srelu")


def contenders(sizes: CureSizes, target: Target) -> Settings:
    """Both forms; the networks of the second are narrower, so that all of them together are about as large."""
    width = max(4, round(sizes.width * 0.4))
    adapted = data_scales(target)
    return {
        "MscaleDNN-1": [Mscale1Config(width=sizes.width, depth=sizes.depth, activation=name) for name in ACTIVATIONS],
        "MscaleDNN-2": [Mscale2Config(width=width, depth=sizes.depth, activation=name) for name in ACTIVATIONS],
        "adapted scales": [Mscale2Config(width=width, depth=sizes.depth, activation="phi", scales=adapted)],
    }


def data_scales(target: Target) -> tuple[float, ...]:
    """As many scales as the usual ones, by the samples' spectrum; 1 is for one cycle over [-1, 1)."""
    values = target.values.reshape([target.side] * target.dimension).cpu().numpy()
    return tuple(scale / math.pi for scale in adapted_scales(values, len(Mscale2Config().scales), 2 / target.side))


EXPERIMENT = experiment(
    "several scales of the input, compact activations",
    "MscaleDNN-1, MscaleDNN-2 and the latter with adapted scales",
    contenders,
    LEAST,
    "Liu, Cai, Xu: Multi-scale Deep Neural Network (MscaleDNN) (2020), arXiv 2007.11207; Huang, You, Zhou: "
    "Frequency-adaptive multi-scale deep neural networks (2024), arXiv 2410.00053",
)
