"""Multiscale networks with compact activations beside the plain network.

MscaleDNN-1: first layer `σ(K ⊙ (Wx) + b)`, its neurons in groups of scales a_i; MscaleDNN-2: `Σ_i f_i(a_i x)`. The
activation is φ or sReLU, of compact support; a_i = 1, 2, 4, …, 32.
"""

from nfield.backbones import Mscale1Config, Mscale2Config
from nfield.lab.cure_targets import CureSizes, Target
from nfield.lab.cure_training import Settings
from nfield.lab.cures import claim_of, compare
from nfield.lab.experiment import Experiment, Outcome, Setting

LEAST = 2.0
ACTIVATIONS = ("phi", "srelu")


def contenders(sizes: CureSizes, target: Target) -> Settings:
    """Both forms; the networks of the second are narrower, so that all of them together are about as large."""
    del target
    width = max(4, round(sizes.width * 0.4))
    return {
        "MscaleDNN-1": [Mscale1Config(width=sizes.width, depth=sizes.depth, activation=name) for name in ACTIVATIONS],
        "MscaleDNN-2": [Mscale2Config(width=width, depth=sizes.depth, activation=name) for name in ACTIVATIONS],
    }


def run(setting: Setting) -> Outcome:
    """Both forms on both targets."""
    return compare(setting, contenders, LEAST)


EXPERIMENT = Experiment(
    title="Cure: several scales of the input, compact activations",
    claim=claim_of("MscaleDNN-1 and MscaleDNN-2", LEAST),
    source="Liu, Cai, Xu: Multi-scale Deep Neural Network (MscaleDNN) (2020), arXiv 2007.11207",
    run=run,
)
