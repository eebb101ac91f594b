"""What a user may say of a run, whatever its job: one base, checked once. Fields left at None follow from the data."""

import dataclasses
import numbers
import types
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nfield.core.checks import UserError, at_least, choice, positive
from nfield.jobs.recipe import Preset, parts

Precision = Literal["auto", "float32", "bfloat16", "float16", "float64"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options that every job has."""

    preset: str = "default"
    """Recipe for encoding, backbone and rates."""
    encoding: str | None = None
    """Encoding by name; its settings follow from the data. Default: the preset's."""
    backbone: str | None = None
    """Backbone by name; its settings follow from the data. Default: the preset's."""
    encoding_settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Settings of the encoding that replace those from the data."""
    backbone_settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Settings of the backbone that replace those from the data."""
    steps: int | None = None
    """Stop after so many steps; with it a run repeats bit for bit."""
    seconds: float | None = None
    """Stop after so many seconds, set-up included. The baseline gets the same again."""
    seed: int = 0
    """Seed of weights and batches."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    precision: Precision = "auto"
    """Arithmetic of the network; auto takes bfloat16 only where time is limited and it is measured to be faster."""
    baseline: bool = True
    """Fit the plain MLP too, with the same data and budget and a tuned rate."""
    learning_rate: float | None = None
    """Learning rate of the network; features of grids take a multiple of it. Default: the preset's."""
    checkpoint_seconds: float = 60.0
    """Save a checkpoint this often."""
    evaluations: int | None = None
    """How often bands and quality are measured. Default: as often as costs less than 4 % of the training."""

    PRESETS: ClassVar[Mapping[str, Preset]] = {}
    """Every preset of the job by name."""
    BEHIND: ClassVar[Preset] = Preset(encoding="identity", backbone="mlp", learning_rate=1e-3)
    """How a plain network is set behind an encoding that no preset has."""
    DEFAULT_STEPS: ClassVar[int] = 2000
    """Steps where neither steps nor seconds are given."""
    LEAST: ClassVar[Mapping[str, float]] = {"steps": 1, "evaluations": 2, "seed": 0, "checkpoint_seconds": 0}
    """Least values of numbers."""
    POSITIVE: ClassVar[tuple[str, ...]] = ("seconds", "learning_rate")

    def __post_init__(self) -> None:
        check_kinds(type(self), vars(self))
        for name, least in self._of_all_classes("LEAST").items():
            if (value := getattr(self, name)) is not None:
                at_least(value, least, option(name))
        for name in self._of_all_classes("POSITIVE"):
            if (value := getattr(self, name)) is not None:
                positive(value, option(name))
        _ = self.parts  # unknown names are refused before anything is read

    @classmethod
    def _of_all_classes(cls, name: str) -> dict[str, float]:
        found: dict[str, float] = {}
        for kind in reversed(cls.__mro__):
            own = vars(kind).get(name, ())
            found |= own if isinstance(own, Mapping) else dict.fromkeys(own, 0.0)
        return found

    @property
    def parts(self) -> Preset | None:
        """The preset with the parts that the user named; None where nothing is trained."""
        return parts(self.PRESETS, self.preset, self.encoding, self.backbone, behind=self.BEHIND)

    @property
    def effective_steps(self) -> int | None:
        """Steps to stop after, the default included."""
        return self.DEFAULT_STEPS if self.steps is None and self.seconds is None else self.steps


Options = TypeVar("Options", bound=RunOptions)


def option(name: str) -> str:
    """A field as the command line has it."""
    return f"--{name.replace('_', '-')}"


def options_from(kind: type[Options], given: Mapping[str, Any]) -> Options:
    """Options from keywords or a config. Raises UserError with the nearest name where one is unknown."""
    for name in given:
        choice(name, [field.name for field in dataclasses.fields(kind)], "option")
    check_kinds(kind, given)
    return kind(**given)


def check_kinds(kind: type, values: Mapping[str, Any]) -> None:
    """Raise UserError where a value is not of the type that the field of its name has in a dataclass."""
    hints = get_type_hints(kind)
    for name, value in values.items():
        hint = hints[name]
        if _fits(value, hint):
            continue
        allowed = _literals(hint)
        if allowed and isinstance(value, str):
            choice(value, allowed, f"value of {option(name)}")
        raise UserError(f"{option(name)} must be {_told(hint)}, but is {value!r}.")


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _literals(hint: Any) -> list[str]:
    return [value for one in _alternatives(hint) if get_origin(one) is Literal for value in get_args(one)]


def _fits(value: Any, hint: Any) -> bool:
    return any(_fits_one(value, one) for one in _alternatives(hint))


def _fits_one(value: Any, hint: Any) -> bool:
    kind = get_origin(hint) or hint
    if kind is Any:
        return True
    if kind is Literal:
        return value in get_args(hint)
    if kind is types.NoneType:
        return value is None
    if kind is bool:
        return isinstance(value, bool)
    if kind is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, numbers.Real) and not isinstance(value, bool)
    if kind is tuple:
        inner = get_args(hint)
        return isinstance(value, (tuple, list)) and (
            (len(inner) == 2 and inner[1] is ...) or len(value) == len(inner)
        ) and all(_fits(one, inner[0]) for one in value)  # fmt: skip
    return isinstance(value, Mapping if kind is dict else kind)


NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", dict: "settings by name"}


def _told(hint: Any) -> str:
    """A type in words."""
    words = []
    for one in _alternatives(hint):
        kind = get_origin(one) or one
        if kind is Literal:
            words.append("one of " + ", ".join(map(str, get_args(one))))
        elif kind is tuple:
            words.append("a list of numbers")
        elif kind is not types.NoneType:
            words.append(NAMES.get(kind, str(one)))
    return " or ".join(words)
