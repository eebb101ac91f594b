"""Encodings: coordinates to features. `ENCODINGS` is the table that the command line, tests and reports read."""

from nfield.encodings.adaptive_grid import AdaptiveGridConfig as AdaptiveGridConfig
from nfield.encodings.axis_sinusoids import AxisSinusoids as AxisSinusoids
from nfield.encodings.base import AbstractEncoding as AbstractEncoding
from nfield.encodings.base import EncodingConfig as EncodingConfig
from nfield.encodings.basic import BasicConfig as BasicConfig
from nfield.encodings.gaussian import GaussianConfig as GaussianConfig
from nfield.encodings.hash_grid import HashGridConfig as HashGridConfig
from nfield.encodings.identity import IdentityConfig as IdentityConfig
from nfield.encodings.multiscale_gaussian import MultiscaleGaussianConfig as MultiscaleGaussianConfig
from nfield.encodings.nerf import NeRFConfig as NeRFConfig
from nfield.encodings.plane_waves import PlaneWaves as PlaneWaves
from nfield.encodings.positional import PositionalConfig as PositionalConfig
from nfield.encodings.spherical_harmonics import SphericalHarmonicsConfig as SphericalHarmonicsConfig
from nfield.encodings.tones import TonesConfig as TonesConfig

ENCODINGS: dict[str, type[EncodingConfig]] = {
    "identity": IdentityConfig,
    "basic": BasicConfig,
    "positional": PositionalConfig,
    "nerf": NeRFConfig,
    "gaussian": GaussianConfig,
    "multiscale_gaussian": MultiscaleGaussianConfig,
    "hash": HashGridConfig,
    "adaptive_grid": AdaptiveGridConfig,
    "spherical_harmonics": SphericalHarmonicsConfig,
    "tones": TonesConfig,
}
"""Every encoding by name: its configuration, whose `build` makes the module."""
