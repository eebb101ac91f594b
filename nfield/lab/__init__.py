"""The laboratory of the frequency principle. `EXPERIMENTS` is the table that the command line, tests and page read."""

from nfield.lab.cures import adaptive, fourier, hash_grid, mscale, multistage, phase, siren_family
from nfield.lab.experiment import SIZES as SIZES
from nfield.lab.experiment import Experiment as Experiment
from nfield.lab.experiment import Outcome as Outcome
from nfield.lab.experiment import Setting as Setting
from nfield.lab.experiment import Size as Size
from nfield.lab.order import (
    any_optimizer,
    decay_rate,
    gradient_flow,
    order_1d,
    order_highdim,
    order_image,
    spectral_bias,
    tangent_kernel,
)
from nfield.lab.phenomena import complexity, compression, early_stopping, inpainting, limits

EXPERIMENTS: dict[str, Experiment] = {
    "order-1d": order_1d.EXPERIMENT,
    "order-image": order_image.EXPERIMENT,
    "order-highdim": order_highdim.EXPERIMENT,
    "spectral-bias": spectral_bias.EXPERIMENT,
    "decay-rate": decay_rate.EXPERIMENT,
    "tangent-kernel": tangent_kernel.EXPERIMENT,
    "any-optimizer": any_optimizer.EXPERIMENT,
    "phase": phase.EXPERIMENT,
    "mscale": mscale.EXPERIMENT,
    "fourier": fourier.EXPERIMENT,
    "multistage": multistage.EXPERIMENT,
    "adaptive": adaptive.EXPERIMENT,
    "siren-family": siren_family.EXPERIMENT,
    "hash": hash_grid.EXPERIMENT,
    "inpainting": inpainting.EXPERIMENT,
    "early-stopping": early_stopping.EXPERIMENT,
    "compression": compression.EXPERIMENT,
    "complexity": complexity.EXPERIMENT,
    "limits": limits.EXPERIMENT,
    "gradient-flow": gradient_flow.EXPERIMENT,
}
"""Every experiment by name, in the order of the lecture."""
