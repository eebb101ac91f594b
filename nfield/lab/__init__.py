"""The laboratory of the frequency principle. `EXPERIMENTS` is the table that the command line, tests and page read."""

from nfield.lab import order_1d
from nfield.lab.experiment import SIZES as SIZES
from nfield.lab.experiment import Experiment as Experiment
from nfield.lab.experiment import Outcome as Outcome
from nfield.lab.experiment import Setting as Setting
from nfield.lab.experiment import Size as Size

EXPERIMENTS: dict[str, Experiment] = {
    "order-1d": order_1d.EXPERIMENT,
}
"""Every experiment by name, in the order of the lecture."""
