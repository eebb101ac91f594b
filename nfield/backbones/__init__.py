"""Backbones: features to values. `BACKBONES` is the table that the command line, tests and reports read."""

from typing import TYPE_CHECKING

from nfield.core.later import Table, exports

if TYPE_CHECKING:
    from nfield.backbones.activations import ACTIVATIONS as ACTIVATIONS
    from nfield.backbones.bacon import BACONConfig as BACONConfig
    from nfield.backbones.base import AbstractBackbone as AbstractBackbone
    from nfield.backbones.base import BackboneConfig as BackboneConfig
    from nfield.backbones.finer import FINERConfig as FINERConfig
    from nfield.backbones.fourier import FourierConfig as FourierConfig
    from nfield.backbones.mlp import MLPConfig as MLPConfig
    from nfield.backbones.mscale1 import Mscale1Config as Mscale1Config
    from nfield.backbones.mscale2 import Mscale2Config as Mscale2Config
    from nfield.backbones.multistage import MultistageConfig as MultistageConfig
    from nfield.backbones.phase import PhaseConfig as PhaseConfig
    from nfield.backbones.phase_parallel import PhaseParallel as PhaseParallel
    from nfield.backbones.phase_parallel import PhaseParallelConfig as PhaseParallelConfig
    from nfield.backbones.siren import SIRENConfig as SIRENConfig
    from nfield.backbones.spacetime import SpacetimeConfig as SpacetimeConfig
    from nfield.backbones.wire import WIREConfig as WIREConfig

BACKBONES: Table[type["BackboneConfig"]] = Table(
    {
        "mlp": "nfield.backbones.mlp:MLPConfig",
        "siren": "nfield.backbones.siren:SIRENConfig",
        "finer": "nfield.backbones.finer:FINERConfig",
        "wire": "nfield.backbones.wire:WIREConfig",
        "bacon": "nfield.backbones.bacon:BACONConfig",
        "fourier": "nfield.backbones.fourier:FourierConfig",
        "mscale1": "nfield.backbones.mscale1:Mscale1Config",
        "mscale2": "nfield.backbones.mscale2:Mscale2Config",
        "phase": "nfield.backbones.phase:PhaseConfig",
        "spacetime": "nfield.backbones.spacetime:SpacetimeConfig",
        "multistage": "nfield.backbones.multistage:MultistageConfig",
    }
)
"""Every backbone by name: where its configuration stands, whose `build` makes the module."""

__getattr__, __dir__ = exports(__name__, __file__)
