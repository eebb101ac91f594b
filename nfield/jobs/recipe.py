"""From a preset's names to a recipe: what is built and at which rate it is trained. One rule for every job.

A preset holds what was measured for a job, and wins over what the tables of scales make of the data; what the user
gives wins over both.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from nfield.backbones import BACKBONES
from nfield.backbones.scales import SCALES as BACKBONE_SCALES
from nfield.core.checks import UserError, choice
from nfield.core.config import from_dict, name_of, named_from_dict, to_dict
from nfield.encodings import ENCODINGS
from nfield.encodings.scales import SCALES as ENCODING_SCALES
from nfield.encodings.scales import DataScales, settings_of

PARTS: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "encoding": (ENCODINGS, ENCODING_SCALES),
    "backbone": (BACKBONES, BACKBONE_SCALES),
}
"""Each part of a field: its table, and what the data decide of its members."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset:
    """Names of the parts of a field, the settings of theirs that were measured, and the learning rate."""

    encoding: str
    backbone: str
    learning_rate: float
    encoding_settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    backbone_settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    own: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What the job itself reads of it, such as pixels per step."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Solved:
    """A part that stands in no table, as it is solved for and not trained."""

    name: str
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a field but its weights: the configurations of its parts, and its rate."""

    encoding: Any
    backbone: Any
    learning_rate: float | None
    own: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What the job itself adds, as plain values."""

    def entries(self) -> dict[str, Any]:
        """The recipe as config.json has it."""
        return {
            "encoding": _entry("encoding", self.encoding),
            "backbone": _entry("backbone", self.backbone),
            "learning_rate": self.learning_rate,
            **self.own,
        }

    @classmethod
    def of(cls, entries: Mapping[str, Any]) -> "Recipe":
        """The recipe that `entries` wrote. Raises UserError where config.json does not hold one."""
        parts = {}
        for part, (table, _) in PARTS.items():
            entry = entries.get(part)
            if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
                raise UserError(f"The run's config.json states no {part} that can be built. Put the file back.")
            known = entry["name"] in table
            facts = {name: value for name, value in entry.items() if name != "name"}
            parts[part] = named_from_dict(table, entry, part) if known else Solved(name=entry["name"], facts=facts)
        own = {name: value for name, value in entries.items() if name not in (*PARTS, "learning_rate")}
        return cls(learning_rate=entries.get("learning_rate"), own=own, **parts)


def _entry(part: str, config: Any) -> dict[str, Any]:
    if isinstance(config, Solved):
        return {"name": config.name, **config.facts}
    return to_dict(config, name=name_of(PARTS[part][0], config))


def parts(
    presets: Mapping[str, Preset], preset: str, encoding: str | None, backbone: str | None, *, behind: Preset
) -> Preset:
    """The preset with the parts that the user named in place of its own.

    A backbone that scales the coordinates by itself gets no encoding, and an encoding gets a plain network, unless
    both are named. Parts that some preset has are set as there. Others are set as in the preset with that backbone, and
    a plain network behind an encoding of no preset as in `behind`.

    Raises UserError with the nearest name where one is unknown.
    """
    chosen = presets[choice(preset, presets, "preset")]
    for part, name in (("encoding", encoding), ("backbone", backbone)):
        if name is not None:
            choice(name, PARTS[part][0], part)
    if encoding is None and backbone is None:
        return chosen
    if encoding is None:
        encoding = chosen.encoding if backbone == "mlp" else "identity"
    backbone = backbone or "mlp"
    ranked = [chosen, *presets.values()]
    same = next((p for p in ranked if (p.encoding, p.backbone) == (encoding, backbone)), None)
    if same is not None:
        return same
    similar = next((p for p in ranked if p.backbone == backbone != "mlp"), behind)
    return dataclasses.replace(
        similar,
        encoding=encoding,
        backbone=backbone,
        encoding_settings=similar.encoding_settings if similar.encoding == encoding else {},
        backbone_settings=similar.backbone_settings if similar.backbone == backbone else {},
    )


def recipe_of(
    preset: Preset,
    data: DataScales,
    *,
    encoding_settings: Mapping[str, Any] | None = None,
    backbone_settings: Mapping[str, Any] | None = None,
    learning_rate: float | None = None,
    own: Mapping[str, Any] | None = None,
) -> Recipe:
    """The recipe of a preset for such data; the settings are the user's.

    Raises UserError with the nearest name where a part has no such setting.
    """
    built = {}
    for part, measured, given in (
        ("encoding", preset.encoding_settings, encoding_settings or {}),
        ("backbone", preset.backbone_settings, backbone_settings or {}),
    ):
        table, scales = PARTS[part]
        name = getattr(preset, part)
        decided = {**settings_of(scales, name, data, given), **measured, **given}
        built[part] = from_dict(table[name], decided, f"{part} {name}")
    return Recipe(learning_rate=learning_rate or preset.learning_rate, own=own or {}, **built)
