"""Weights of a network's loss terms: what the user says, held against the derivatives there are."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from nfield.backbones import ACTIVATIONS, BACKBONES
from nfield.core.checks import UserError
from nfield.core.config import named_from_dict
from nfield.core.seeding import generator
from nfield.encodings import ENCODINGS
from nfield.fields.base import Field
from nfield.jobs.surface.options import HESSIAN_LOSSES, SLOPE_LOSSES, SurfaceOptions

NEEDED_ORDER = 2
"""Of derivatives, for terms of the Hessian. Training differentiates these once more, by the weights: exact for smooth
networks; where second derivatives jump (φ, s2ReLU) the jumps are missed, as for an eikonal term and ReLU."""
SMOOTH_SETTINGS = ("interpolation", "activation", "first_activation")
"""Settings that an encoding's or a backbone's number of derivatives depends on."""


def loss_weights(options: SurfaceOptions, recipe: dict[str, Any], field: Field) -> dict[str, float]:
    """The weight of every term for a field that was built from a recipe.

    Terms of the Hessian need two derivatives of the field: raises UserError where one was asked for and they are not
    there.
    """
    weights = slope_weights(options)
    enough = field.derivative_order >= NEEDED_ORDER
    given = {name: getattr(options, f"{name}_weight") for name in HESSIAN_LOSSES}
    lacking = [name for name, weight in given.items() if weight and not enough]
    if lacking:
        raise UserError(_refusal(lacking, recipe, field))
    for name, weight in given.items():
        weights[name] = weight or 0.0
    return weights


def slope_weights(options: SurfaceOptions) -> dict[str, float]:
    """The weights of the terms that every network can be trained with, the plain MLP among them."""
    return {name: getattr(options, f"{name}_weight") for name in SLOPE_LOSSES}


def _refusal(lacking: list[str], recipe: dict[str, Any], field: Field) -> str:
    """One message: which terms, what they need, which part falls short, and what would do."""
    named = " and ".join(f"--{name.replace('_', '-')}-weight" for name in lacking)
    told, ways = [], []
    for part, module in (("encoding", field.encoding), ("backbone", field.backbone)):
        if module.derivative_order < NEEDED_ORDER:
            told.append(f"{part} '{recipe[part]['name']}' has {module.derivative_order:g}")
            ways.append(" or ".join(_ways(part, recipe[part])))
    return (
        f"{named}: {'this term needs' if len(lacking) == 1 else 'these terms need'} {NEEDED_ORDER} derivatives of the "
        f"network with respect to the points, but as it is set {' and '.join(told)}. "
        f"Choose {', and '.join(ways)}, or leave the weight out."
    )


def _ways(part: str, entry: dict[str, Any]) -> list[str]:
    """Settings of a part of a network that give it enough derivatives; other parts where no setting does."""
    table: Mapping[str, type] = ENCODINGS if part == "encoding" else BACKBONES
    kind, settings = table[entry["name"]], {k: v for k, v in entry.items() if k != "name"}
    ways = []
    for name, values in _alternatives(kind):
        fit = [
            value
            for value in values
            if _order(table, {**settings, name: value, "name": entry["name"]}, part) >= NEEDED_ORDER
        ]
        if fit:
            ways.append(f"--{part}.{name.replace('_', '-')} {'|'.join(fit)}")
    if ways:
        return ways
    return [f"--{part} {'|'.join(name for name in table if _order(table, {'name': name}, part) >= NEEDED_ORDER)}"]


def _alternatives(kind: type) -> Iterator[tuple[str, list[str]]]:
    """The settings of a configuration that its derivatives may depend on, with all their values."""
    hints = get_type_hints(kind)
    for name in SMOOTH_SETTINGS:
        if name in hints:
            yield name, list(get_args(hints[name])) if get_origin(hints[name]) is Literal else list(ACTIVATIONS)


def _order(table: Mapping[str, type], entry: dict[str, Any], part: str) -> float:
    """Derivatives of a part as it would be built for points; 0 where it cannot be."""
    draw = generator(0, "weights")
    try:
        config = named_from_dict(table, entry, part)
        return (config.build(3, draw) if part == "encoding" else config.build(3, 1, draw)).derivative_order
    except UserError:
        return 0
