"""What an experiment of the laboratory is: a claim, a run that may refute it, and a picture of what was seen."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import torch

from nfield.core.checks import choice
from nfield.core.seeding import generator
from nfield.training.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Size = Literal["quick", "default", "full"]
SIZES: tuple[Size, ...] = ("quick", "default", "full")
"""quick: seconds, to see that everything works; default: a few minutes on two cores; full: the paper's own."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Sized(Generic[T]):
    """One setting for each size of an experiment."""

    quick: T
    default: T
    full: T

    def of(self, size: Size) -> T:
        """The setting of a size."""
        found: T = getattr(self, choice(size, SIZES, "size"))
        return found


@dataclass(frozen=True, kw_only=True)
class NetworkSizes:
    """How large an experiment with networks on the line is."""

    samples: int
    width: int
    depth: int
    steps: int
    seeds: int


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How an experiment is run: the same setting gives the same figures on the same machine."""

    size: Size = "default"
    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    progress: Progress | None = None

    def seeds(self, count: int) -> range:
        """So many seeds, the run's own first."""
        return range(self.seed, self.seed + count)

    def generator(self, purpose: str) -> torch.Generator:
        """Random numbers for one purpose."""
        return generator(self.seed, purpose)


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What was seen."""

    holds: bool
    """Whether the claim holds by the rule that it states."""
    verdict: str
    """One or two sentences with the figures that decide, whichever way."""
    figures: dict[str, Any]
    """Everything measured, as numbers, lists and dicts with plain keys; not finite ones are written as null."""
    plot: "Figure"
    notes: tuple[str, ...] = ()
    """Where it falls short, what it does not show, and what is biased."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One row of the table of experiments."""

    title: str
    claim: str
    """A sentence that can be wrong, with its threshold."""
    source: str
    """The paper that it reproduces: authors, year, arXiv number."""
    run: Callable[[Setting], Outcome]
