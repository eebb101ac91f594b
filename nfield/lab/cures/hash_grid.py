"""A multiresolution hash grid beside the plain network.

Features on L grids of resolution `N_l = ⌊N_min·b^l⌋`, interpolated and joined, before a small network: fine cells learn
by themselves what is fine, whatever the network prefers.
"""

from nfield.backbones import MLPConfig
from nfield.encodings import HashGridConfig
from nfield.lab.cures.cures import experiment
from nfield.lab.cures.targets import CureSizes, Target
from nfield.lab.cures.training import Encoded, Settings

LEAST = 2.0
LEVELS = 6


def contenders(sizes: CureSizes, target: Target) -> Settings:
    """Grids as fine as the samples, or half as fine, with tables for about as many numbers as samples."""
    samples = sizes.samples if target.dimension == 1 else sizes.side
    table = 2 ** (8 if target.dimension == 1 else max(4, (sizes.side**2 // 4).bit_length() - 1))
    network = MLPConfig(width=max(8, sizes.width // 2), depth=1)
    return {
        "hash grid": [
            Encoded(
                encoding=HashGridConfig(levels=LEVELS, coarsest=4, finest=finest, table_size=table), network=network
            )
            for finest in (samples // 2, samples)
        ]
    }


EXPERIMENT = experiment(
    "a multiresolution hash grid",
    "small networks on a hash grid",
    contenders,
    LEAST,
    "Müller, Evans, Schied, Keller: Instant neural graphics primitives with a multiresolution hash encoding "
    "(2022), arXiv 2201.05989",
)
