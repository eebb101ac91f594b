"""Scene files: what may stand in them, and how they are read. docs/scenes.md has an example.

A scene is a block of keys:

    about: one sentence                        ambient: light from all sides, in [0, 1]
    background: transparent, a colour, or {horizon: colour, zenith: colour}
    lights: [{towards, strength, colour, shadows}, ...]
    objects: [{shape, (the shape's own keys), scale, rotation, shift, around,
               colour: a colour or {pattern, (its own keys)}, material: {diffuse, specular, shininess},
               fade: {colour, radius}}, ...]
    volumes: [{centre, spread, density, colour}, ...]
    box: {low, high}

Keys are the names of the fields of the classes in this folder, which give defaults and units.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from nfield.core.checks import UserError, choice
from nfield.core.views import Box
from nfield.io.files import check_file
from nfield.scenes.blobs import Blob
from nfield.scenes.entries import Entry, fields_of, file_entry, make
from nfield.scenes.lettering import Text
from nfield.scenes.lighting import Background, Fade, Lamp, Material
from nfield.scenes.patterns import Checker, Octaves, Pattern, Rings, Solid, Stripes
from nfield.scenes.placed import Placed
from nfield.scenes.shape import Ground, Shape
from nfield.scenes.shapes import SHAPES
from nfield.scenes.toy import ToyScene

DEFAULT_SCENE = "checkered-sphere"
SUFFIXES = (".yaml", ".yml")
SCENE_SHAPES: dict[str, type[Shape]] = {**SHAPES, "ground": Ground}
PATTERNS: dict[str, type[Pattern]] = {
    "solid": Solid,
    "checker": Checker,
    "stripes": Stripes,
    "rings": Rings,
    "octaves": Octaves,
    "text": Text,
}
OBJECT_KEYS = ("shape", "scale", "rotation", "shift", "around", "colour", "material", "fade")
MOST_COPIES = 1000


def scene_folder() -> Path:
    """Where the scenes that come with nfield lie: in a checkout in its folder `scenes`, installed in the package."""
    installed = Path(__file__).parent / "files"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "scenes"


def scene_names() -> list[str]:
    """Names of the scenes that come with nfield, the default first."""
    names = sorted(path.stem for path in scene_folder().glob("*.yaml"))
    return sorted(names, key=lambda name: name != DEFAULT_SCENE)


def load_scene(name: str | Path = DEFAULT_SCENE) -> ToyScene:
    """The scene of a name that comes with nfield, or of a file `.yaml` or `.yml`.

    Raises UserError naming file, line and key of what is wrong.
    """
    text = str(name)
    if text.lower().endswith(SUFFIXES):
        path = Path(name)
        check_file(path, "scene")
        return read_scene(path, text)
    if isinstance(name, Path) or len(Path(text).parts) != 1:
        raise UserError(f"'{text}' is no scene: give a file that ends in .yaml, or one of: {', '.join(scene_names())}.")
    return read_scene(scene_folder() / f"{choice(text, scene_names(), 'scene')}.yaml", f"scenes/{text}.yaml")


def read_scene(path: Path, source: str) -> ToyScene:
    """The scene of a file, which messages call `source`."""
    whole = file_entry(path, source)
    keys = whole.known_keys(SCENE_KEYS)
    values = {field: read(keys[key]) for key, (field, read) in SCENE_KEYS.items() if key in keys}
    try:
        return ToyScene(name=path.stem, **values)  # type: ignore[arg-type]
    except UserError as error:
        place = keys["ambient"] if "ambient" in keys and "ambient" in str(error) else whole
        raise place.fault(f"{place.name}: {error}" if place.name else str(error)) from None


def _plain(kind: type, entry: Entry) -> object:
    """A block whose keys are a class's fields and nothing else."""
    return make(kind, entry, entry.known_keys(fields_of(kind)))


def _chosen(
    table: dict[str, type], kind_key: str, entry: Entry, more: tuple[str, ...]
) -> tuple[type, dict[str, Entry]]:
    """The class that a block names, and all its values; its keys are that class's fields and some more."""
    keys = entry.keys()
    if kind_key not in keys:
        raise entry.fault(f"{entry.name} lacks the key '{kind_key}'. Choose one of: {', '.join(table)}.")
    kind = table[keys[kind_key].word(table, kind_key, entry.name)]
    return kind, entry.known_keys([*more, *fields_of(kind)])


def _objects(entry: Entry) -> list[Placed]:
    """The object of a block, or its copies around the z axis."""
    kind, keys = _chosen(SCENE_SHAPES, "shape", entry, OBJECT_KEYS)
    own = {key: value for key, value in keys.items() if key in fields_of(kind)}
    pose = {key: value for key, value in keys.items() if key in ("scale", "rotation", "shift")}
    parts: dict[str, object] = {"shape": make(kind, entry, own)}
    readers: dict[str, tuple[str, Callable[[Entry], object]]] = {
        "colour": ("pattern", _pattern),
        "material": ("material", lambda block: _plain(Material, block)),
        "fade": ("fade", lambda block: _plain(Fade, block)),
    }
    for key, (field, reader) in readers.items():
        if key in keys:
            parts[field] = reader(keys[key])
    first = make(Placed, entry, pose, **parts)
    copies = keys["around"].whole() if "around" in keys else 1
    if not 1 <= copies <= MOST_COPIES:
        raise keys["around"].wrong(f"a whole number from 1 to {MOST_COPIES}")
    return [_turned(first, 360 * number / copies) for number in range(copies)]


def _turned(placed: Placed, degrees: float) -> Placed:
    """The object turned about the z axis of the world."""
    from scipy.spatial.transform import Rotation

    if not degrees:
        return placed
    turn = Rotation.from_rotvec([0.0, 0.0, degrees], degrees=True)
    rotation = (turn * Rotation.from_rotvec(placed.rotation, degrees=True)).as_rotvec(degrees=True)
    x, y, z = (float(value) for value in turn.apply(placed.shift))
    a, b, c = (float(value) for value in rotation)
    return replace(placed, rotation=(a, b, c), shift=(x, y, z))


def _pattern(entry: Entry) -> Pattern:
    """A pattern by name with its keys, or the colour of a solid one."""
    if not _is_block(entry):
        return Solid(colour=entry.colour())
    kind, keys = _chosen(PATTERNS, "pattern", entry, ("pattern",))
    return make(kind, entry, keys)


def _background(entry: Entry) -> Background:
    if _is_block(entry):
        found = _plain(Background, entry)
        assert isinstance(found, Background)
        if found.transparent or not found.sky:
            raise entry.fault("a sky needs both keys 'horizon' and 'zenith'.")
        return found
    if entry.shown == "'transparent'":
        return Background()
    try:
        return Background(horizon=entry.colour())
    except UserError:
        raise entry.wrong("'transparent', a colour, or a sky {horizon: colour, zenith: colour}") from None


def _box(entry: Entry) -> Box:
    keys = entry.known_keys(("low", "high"))
    if len(keys) < 2:
        raise entry.fault("a box needs both keys 'low' and 'high'.")
    low, high = np.array(keys["low"].vector()), np.array(keys["high"].vector())
    if not (low < high).all():
        raise keys["high"].fault(f"'high' of the box must exceed 'low' on every axis, but is {high.tolist()}.")
    return Box(low=low, high=high)


def _is_block(entry: Entry) -> bool:
    return entry.shown == "a block of keys"


SCENE_KEYS: dict[str, tuple[str, Callable[[Entry], object]]] = {
    "about": ("about", Entry.text),
    "background": ("background", _background),
    "ambient": ("ambient", Entry.number),
    "lights": ("lamps", lambda entry: tuple(_plain(Lamp, item) for item in entry.items("lights"))),
    "objects": ("objects", lambda entry: tuple(one for item in entry.items("objects") for one in _objects(item))),
    "volumes": ("blobs", lambda entry: tuple(_plain(Blob, item) for item in entry.items("volumes"))),
    "box": ("room", _box),
}
"""Keys of a scene file: the field of the scene, and how it is read."""
