"""The laboratory of the frequency principle. `EXPERIMENTS` is the table that the command line, tests and page read."""

from typing import TYPE_CHECKING

from nfield.core.later import Table, exports

if TYPE_CHECKING:
    from nfield.lab.experiment import SIZES as SIZES
    from nfield.lab.experiment import Experiment as Experiment
    from nfield.lab.experiment import Outcome as Outcome
    from nfield.lab.experiment import Setting as Setting
    from nfield.lab.experiment import Size as Size

EXPERIMENTS: Table["Experiment"] = Table(
    {
        "order-1d": "nfield.lab.order.order_1d:EXPERIMENT",
        "order-image": "nfield.lab.order.order_image:EXPERIMENT",
        "order-highdim": "nfield.lab.order.order_highdim:EXPERIMENT",
        "spectral-bias": "nfield.lab.order.spectral_bias:EXPERIMENT",
        "decay-rate": "nfield.lab.order.decay_rate:EXPERIMENT",
        "tangent-kernel": "nfield.lab.order.tangent_kernel:EXPERIMENT",
        "any-optimizer": "nfield.lab.order.any_optimizer:EXPERIMENT",
        "phase": "nfield.lab.cures.phase:EXPERIMENT",
        "mscale": "nfield.lab.cures.mscale:EXPERIMENT",
        "fourier": "nfield.lab.cures.fourier:EXPERIMENT",
        "multistage": "nfield.lab.cures.multistage:EXPERIMENT",
        "adaptive": "nfield.lab.cures.adaptive:EXPERIMENT",
        "siren-family": "nfield.lab.cures.siren_family:EXPERIMENT",
        "hash": "nfield.lab.cures.hash_grid:EXPERIMENT",
        "inpainting": "nfield.lab.phenomena.inpainting:EXPERIMENT",
        "early-stopping": "nfield.lab.phenomena.early_stopping:EXPERIMENT",
        "compression": "nfield.lab.phenomena.compression:EXPERIMENT",
        "complexity": "nfield.lab.phenomena.complexity:EXPERIMENT",
        "limits": "nfield.lab.phenomena.limits:EXPERIMENT",
        "gradient-flow": "nfield.lab.order.gradient_flow:EXPERIMENT",
    }
)
"""Every experiment by name, in the order of the lecture."""

__getattr__, __dir__ = exports(__name__, __file__)
