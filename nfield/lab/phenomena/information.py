"""Entropy and mutual information of binned values, with their bias stated.

The plug-in estimate takes the frequencies of n samples for probabilities. It is too low by about (m − 1)/(2n ln 2) bits
for m bins in use (Miller, 1955); mutual information I = H(A) + H(B) − H(A, B) is too high by about
(m_AB − m_A − m_B + 1)/(2n ln 2) bits.
"""

import math

import numpy as np
from jaxtyping import Float, Int


def binned(values: Float[np.ndarray, " n"], width: float) -> Int[np.ndarray, " n"]:
    """Number of the bin of each value: `round(v / width)`."""
    return np.rint(values / width).astype(np.int64)


def entropy(symbols: Int[np.ndarray, " n *columns"]) -> float:
    """Plug-in entropy in bits; rows of a table are symbols."""
    counts = np.unique(symbols, axis=0, return_counts=True)[1]
    share = counts / len(symbols)
    return float(-(share * np.log2(share)).sum()) + 0.0


def entropy_bias(symbols: Int[np.ndarray, " n *columns"]) -> float:
    """What the plug-in entropy is expected to be wrong by: below 0, it is too low."""
    return -(len(np.unique(symbols, axis=0)) - 1) / (2 * len(symbols) * math.log(2))


def mutual_information(a: Int[np.ndarray, " n"], b: Int[np.ndarray, " n"]) -> float:
    """Plug-in mutual information in bits."""
    return entropy(a) + entropy(b) - entropy(np.stack([a, b], 1))


def mutual_information_bias(a: Int[np.ndarray, " n"], b: Int[np.ndarray, " n"]) -> float:
    """What the plug-in mutual information is expected to be wrong by: above 0, it is too high."""
    return entropy_bias(a) + entropy_bias(b) - entropy_bias(np.stack([a, b], 1))
