"""Backbones: features to values. `BACKBONES` is the table that the command line, tests and reports read."""

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

BACKBONES: dict[str, type[BackboneConfig]] = {
    "mlp": MLPConfig,
    "siren": SIRENConfig,
    "finer": FINERConfig,
    "wire": WIREConfig,
    "bacon": BACONConfig,
    "fourier": FourierConfig,
    "mscale1": Mscale1Config,
    "mscale2": Mscale2Config,
    "phase": PhaseConfig,
    "spacetime": SpacetimeConfig,
    "multistage": MultistageConfig,
}
"""Every backbone by name: its configuration, whose `build` makes the module."""
