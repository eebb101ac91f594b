"""Bounds and names that options and what they are handed to have in common; without torch, for a quick help."""

from typing import Literal, get_args

Up = Literal["x", "y", "z", "-x", "-y", "-z"]
"""The axis of an input that points upwards."""
UPWARD: tuple[Up, ...] = get_args(Up)
LARGEST_RESOLUTION = 4096
"""Cells of a mesh along the longest edge that anybody may ask for."""
ANNEALING = (0.2, 0.5)
"""Shares of training between which annealed weights go down to zero."""
