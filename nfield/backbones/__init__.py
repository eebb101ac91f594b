"""Backbones: features to values. `BACKBONES` is the table that the command line, tests and reports read."""

from nfield.backbones.activations import ACTIVATIONS as ACTIVATIONS
from nfield.backbones.base import AbstractBackbone as AbstractBackbone
from nfield.backbones.base import BackboneConfig as BackboneConfig
from nfield.backbones.fourier import FourierConfig as FourierConfig
from nfield.backbones.mlp import MLPConfig as MLPConfig
from nfield.backbones.mscale1 import Mscale1Config as Mscale1Config
from nfield.backbones.mscale2 import Mscale2Config as Mscale2Config
from nfield.backbones.siren import SIRENConfig as SIRENConfig

BACKBONES: dict[str, type[BackboneConfig]] = {
    "mlp": MLPConfig,
    "siren": SIRENConfig,
    "fourier": FourierConfig,
    "mscale1": Mscale1Config,
    "mscale2": Mscale2Config,
}
"""Every backbone by name: its configuration, whose `build` makes the module."""
