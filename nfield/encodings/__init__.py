"""Encodings: coordinates to features. `ENCODINGS` is the table that the command line, tests and reports read."""

from typing import TYPE_CHECKING

from nfield.core.later import Table, exports

if TYPE_CHECKING:
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

ENCODINGS: Table[type["EncodingConfig"]] = Table(
    {
        "identity": "nfield.encodings.identity:IdentityConfig",
        "basic": "nfield.encodings.basic:BasicConfig",
        "positional": "nfield.encodings.positional:PositionalConfig",
        "nerf": "nfield.encodings.nerf:NeRFConfig",
        "gaussian": "nfield.encodings.gaussian:GaussianConfig",
        "multiscale_gaussian": "nfield.encodings.multiscale_gaussian:MultiscaleGaussianConfig",
        "hash": "nfield.encodings.hash_grid:HashGridConfig",
        "adaptive_grid": "nfield.encodings.adaptive_grid:AdaptiveGridConfig",
        "spherical_harmonics": "nfield.encodings.spherical_harmonics:SphericalHarmonicsConfig",
        "tones": "nfield.encodings.tones:TonesConfig",
    }
)
"""Every encoding by name: where its configuration stands, whose `build` makes the module."""

__getattr__, __dir__ = exports(__name__, __file__)
