"""Random Fourier features of one and of several scales beside the plain network.

`γ(x) = [cos 2πBx, sin 2πBx]`, the entries of B drawn from N(0, s²), before an MLP; or several such encodings, each of
its own scale s_i, through one shared trunk, whose outputs are joined before the last linear layer.
"""

from nfield.backbones import FourierConfig, MLPConfig
from nfield.encodings import GaussianConfig
from nfield.lab.cures.cures import experiment
from nfield.lab.cures.targets import CureSizes, Target
from nfield.lab.cures.training import Encoded, Settings

LEAST = 2.0
SCALES = (4.0, 10.0)
"""In cycles per unit of x; the targets' sides are 2 units long, so twice as many cycles per side."""
BRANCHES = (1.0, 4.0, 16.0)


def contenders(sizes: CureSizes, target: Target) -> Settings:
    """Both forms, with a wave vector for each neuron at the most."""
    del target
    waves = max(4, sizes.width // 2)
    network = MLPConfig(width=sizes.width, depth=sizes.depth - 1)
    return {
        "Gaussian features": [
            Encoded(encoding=GaussianConfig(scale=scale, frequencies=waves), network=network) for scale in SCALES
        ],
        "several scales": [
            FourierConfig(
                scales=BRANCHES, frequencies=waves, width=sizes.width, depth=sizes.depth - 1, activation=activation
            )
            for activation in ("relu", "sine")
        ],
    }


EXPERIMENT = experiment(
    "random Fourier features of one and of several scales",
    "Gaussian Fourier features of one and of several scales",
    contenders,
    LEAST,
    "Tancik et al.: Fourier features let networks learn high frequency functions in low dimensional domains "
    "(2020), arXiv 2006.10739; Wang, Wang, Perdikaris: On the eigenvector bias of Fourier feature networks (2020), "
    "arXiv 2012.10047",
)
