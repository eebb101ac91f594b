"""Scene files: those that come with nfield, the example in the documents, and what is said of mistakes."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from nfield.core.checks import UserError
from nfield.scenes.blobs import Blob
from nfield.scenes.entries import fields_of
from nfield.scenes.lighting import Fade, Lamp, Material
from nfield.scenes.patterns import Solid
from nfield.scenes.rigs import RIGS
from nfield.scenes.scene_files import (
    DEFAULT_SCENE,
    OBJECT_KEYS,
    PATTERNS,
    SCENE_KEYS,
    SCENE_SHAPES,
    load_scene,
    scene_names,
)
from nfield.scenes.shapes import Capsule, Sphere
from nfield.scenes.toy import ToyScene
from nfield.scenes.toy_views import toy_views

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "scenes.md").read_text(encoding="utf-8")

BALL = "objects:\n  - shape: sphere\n"
MISTAKES = {
    "objects:\n  - shape: sphere\n  - shape: spere\n": (
        "line 3: unknown shape 'spere' of objects[1]. Did you mean 'sphere'? "
        "Choose one of: sphere, torus, box, capsule, gyroid, ground."
    ),
    BALL + "    radus: 1\n": (
        "line 3: unknown key 'radus' of objects[0]. Did you mean 'radius'? "
        "Choose one of: shape, scale, rotation, shift, around, colour, material, fade, radius."
    ),
    BALL + "    radius: big\n": "line 3: 'radius' of objects[0] must be a number, but is 'big'.",
    BALL + "    radius: .nan\n": "line 3: 'radius' of objects[0] must be a finite number, but is '.nan'.",
    BALL + "    radius: -1\n": (
        "line 3: 'radius' of objects[0]: The sphere's radius must be a positive number, but is -1.0."
    ),
    "objects:\n  - shape: capsule\n    radius: 1\n    half_length: 0\n": (
        "line 4: 'half_length' of objects[0]: The capsule's half length must be a positive number, but is 0.0."
    ),
    BALL + "    shift: [1, 2]\n": (
        "line 3: 'shift' of objects[0] must be three numbers, such as [1, 0, 0], but is a list."
    ),
    BALL + "    shift: [1, 2, x]\n": "line 3: a number in 'shift' of objects[0] must be a number, but is 'x'.",
    BALL + "    scale: 0\n": "line 3: 'scale' of objects[0]: The scale must be a positive number, but is 0.0.",
    BALL + "    around: 2.5\n": "line 3: 'around' of objects[0] must be a whole number, but is '2.5'.",
    BALL + "    around: 0\n": "line 3: 'around' of objects[0] must be a whole number from 1 to 1000, but is '0'.",
    BALL + "    colour: red\n": (
        "line 3: 'colour' of objects[0] must be three numbers in [0, 1] or '#rrggbb' in quotes, but is 'red'."
    ),
    BALL + "    colour: [0, 0, 2]\n": (
        "line 3: 'colour' of objects[0] must hold numbers in [0, 1], but is [0.0, 0.0, 2.0]."
    ),
    BALL + "    colour: #ff0000\n": (
        "line 3: 'colour' of objects[0] must be three numbers in [0, 1] or '#rrggbb' in quotes, but is empty."
    ),
    BALL + "    colour:\n      pattern: cheker\n": (
        "line 4: unknown pattern 'cheker' of 'colour' of objects[0]. Did you mean 'checker'? "
        "Choose one of: solid, checker, stripes, rings, octaves, text."
    ),
    BALL + "    colour: {first: '#ffffff'}\n": (
        "line 3: 'colour' of objects[0] lacks the key 'pattern'. "
        "Choose one of: solid, checker, stripes, rings, octaves, text."
    ),
    BALL + "    colour: {pattern: text}\n": "line 3: 'colour' of objects[0] lacks the key 'words'. Add it.",
    BALL + "    colour: {pattern: stripes, edges: soft}\n": (
        "line 3: unknown value 'soft' of 'edges' of 'colour' of objects[0]. Choose one of: hard, sine."
    ),
    BALL + "    material: {specular: -2}\n": (
        "line 3: 'specular' of 'material' of objects[0]: "
        "The material's specular strength must be at least 0, but is -2.0."
    ),
    BALL + "    material: shiny\n": (
        "line 3: 'material' of objects[0] must be a block of keys with values, but is 'shiny'."
    ),
    BALL + "    radius: 1\n    radius: 2\n": "line 4: the key 'radius' of objects[0] stands twice. Remove one.",
    BALL + "objekts: []\n": (
        "line 3: unknown key 'objekts' of the scene. Did you mean 'objects'? "
        "Choose one of: about, background, ambient, lights, objects, volumes, box."
    ),
    BALL + "lights:\n  - shadows: 3\n": "line 4: 'shadows' of lights[0] must be true or false, but is '3'.",
    BALL + "lights: sun\n": "line 3: 'lights' must be a list (lines that begin with '- '), but is 'sun'.",
    BALL + "ambient: 3\n": "line 3: 'ambient': The ambient light must lie between 0 and 1, but is 3.0.",
    BALL + "background: blue\n": (
        "line 3: 'background' must be 'transparent', a colour, or a sky {horizon: colour, zenith: colour}, "
        "but is 'blue'."
    ),
    BALL + "background: {horizon: [1, 1, 1]}\n": "line 3: a sky needs both keys 'horizon' and 'zenith'.",
    BALL + "box: {low: [0, 0, 0]}\n": "line 3: a box needs both keys 'low' and 'high'.",
    BALL + "box:\n  low: [0, 0, 0]\n  high: [1, 1, -1]\n": (
        "line 5: 'high' of the box must exceed 'low' on every axis, but is [1.0, 1.0, -1.0]."
    ),
    "volumes:\n  - density: -1\n": (
        "line 2: 'density' of volumes[0]: The blob's density must be a positive number, but is -1.0."
    ),
    "volumes:\n  -\n": "line 2: volumes[0] must be a block of keys with values, but is empty.",
    "objects:\n  - radius: 1\n": (
        "line 2: objects[0] lacks the key 'shape'. Choose one of: sphere, torus, box, capsule, gyroid, ground."
    ),
    "about: nothing\n": "line 1: The scene 'mine' is empty. Give some objects or blobs.",
    "- 3\n": "line 1: the scene must be a block of keys with values, but is a list.",
    "objects:\n  - shape: [\n": "line 3: this is not YAML: while parsing a flow node expected the node content, "
    "but found '<stream end>'.",
    "objects: *other\n": "line 1: this is not YAML: found undefined alias 'other'.",
}


def scene_of(text: str, folder: Path) -> ToyScene:
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return load_scene(folder / "mine.yaml")


@pytest.mark.parametrize(("text", "message"), MISTAKES.items(), ids=range(len(MISTAKES)))
def test_mistakes_are_told_with_file_line_and_key(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as told:
        scene_of(text, tmp_path)
    assert str(told.value) == f"{tmp_path / 'mine.yaml'}, {message}"


def test_names_are_corrected() -> None:
    with pytest.raises(
        UserError, match=r"Unknown scene 'thin-wire'\. Did you mean 'thin-wires'\? Choose one of: checkered"
    ):
        load_scene("thin-wire")
    with pytest.raises(
        UserError, match=r"'folder/ball' is no scene: give a file that ends in \.yaml, or one of: checkered"
    ):
        load_scene("folder/ball")


def test_missing_empty_and_foreign_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("about: x")
    with pytest.raises(UserError, match=r"No file '.*mime.yaml'\. Did you mean 'mine.yaml'\?"):
        load_scene(tmp_path / "mime.yaml")
    (tmp_path / "comment.yaml").write_text("# nothing\n")
    with pytest.raises(UserError, match=r"comment.yaml is empty\. A scene needs"):
        load_scene(tmp_path / "comment.yaml")
    (tmp_path / "latin.yaml").write_bytes("about: Körper".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin.yaml is no text in UTF-8"):
        load_scene(tmp_path / "latin.yaml")
    (tmp_path / "bell.yaml").write_bytes(b"about: \x07\n")
    with pytest.raises(UserError, match=r"bell.yaml.*this is not YAML"):
        load_scene(tmp_path / "bell.yaml")


def test_the_default_comes_first_and_there_are_eight() -> None:
    assert scene_names()[0] == DEFAULT_SCENE == load_scene().name
    assert len(scene_names()) >= 8


@pytest.mark.parametrize("name", scene_names())
def test_every_scene_is_seen_by_every_rig(name: str) -> None:
    scene = load_scene(name)
    assert len(scene.about) > 30
    for rig in RIGS:
        for view in toy_views(scene, size=16, train=2, test=1, rig=rig, supersample=1).views:
            pixels, depth = view.pixels(), view.read_depth()  # type: ignore[misc]
            shown = pixels[..., 3] > 100 if pixels.shape[-1] == 4 else np.isfinite(depth)
            assert shown.mean() > 0.03, (name, rig, view.name)
            assert pixels[shown][:, :3].std() > 8
            assert not np.isnan(depth).any()
            assert np.isfinite(depth[6:10, 6:10]).any() or name == "thin-wires"
    points = 3 * torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) - 1.5
    assert not scene.distance(points).isnan().any()
    assert scene.density(points).isfinite().all()
    assert scene.unbounded == (name == "unbounded-ground")


def test_copies_stand_around_the_z_axis(tmp_path: Path) -> None:
    """Four capsules along x, each turned to point away from the axis."""
    text = (
        "objects:\n  - {shape: capsule, radius: 0.1, half_length: 0.2, "
        "rotation: [0, 90, 0], shift: [1, 0, 0.5], around: 4}\n"
    )
    scene = scene_of(text, tmp_path)
    assert [placed.shape for placed in scene.objects] == [Capsule(radius=0.1, half_length=0.2)] * 4
    at = torch.tensor([[1.3, 0, 0.5], [0, 1.3, 0.5], [-1.3, 0, 0.5], [0, -1.3, 0.5], [1, 0.1, 0.5], [0.1, 1, 0.5]])
    assert scene.distance(at.double()).abs().max() < 1e-7


def test_what_stands_in_a_file_is_what_comes_out(tmp_path: Path) -> None:
    text = """
about: A ball.
ambient: 0.1
background: '#ff0000'
lights: [{towards: [0, 0, 1], strength: 1, colour: [1, 1, 0], shadows: no}]
objects:
  - shape: sphere
    radius: 2
    scale: 1e-1
    colour: [0, 0.5, 1]
    material: {shininess: 7}
    fade: {colour: '#000000', radius: 3}
volumes: [{density: 2, spread: [1, 2, 3]}]
box: {low: [-1, -1, -1], high: [1, 1, 2]}
"""
    scene = scene_of(text, tmp_path)
    (ball,) = scene.objects
    assert (ball.shape, ball.scale, ball.material) == (Sphere(radius=2.0), 0.1, Material(shininess=7.0))
    assert ball.pattern == Solid(colour=(0.0, 0.5, 1.0))
    assert ball.fade == Fade(colour=(0.0, 0.0, 0.0), radius=3.0)
    assert scene.blobs == (Blob(density=2.0, spread=(1.0, 2.0, 3.0)),)
    assert scene.lamps == (Lamp(towards=(0.0, 0.0, 1.0), strength=1.0, colour=(1.0, 1.0, 0.0), shadows=False),)
    assert scene.background.horizon == (1, 0, 0)
    assert scene.box.high.tolist() == [1, 1, 2]
    assert (scene.name, scene.about, scene.ambient) == ("mine", "A ball.", 0.1)


def test_the_documented_scene_loads_and_renders(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, flags=re.DOTALL | re.MULTILINE)
    scene = scene_of(text, tmp_path)
    view = toy_views(scene, size=16, train=1, test=0).views[0]
    assert view.pixels()[..., 3].max() == 255
    assert text.splitlines()[8].strip() == "- shape: sphere", "the message quoted in the document names its line"


def test_the_document_names_every_key_and_scene() -> None:
    told = set(re.findall(r"`\{?(\w[\w-]*)", DOCUMENT)) | set(re.findall(r"(\w+):", DOCUMENT))
    wanted = {*SCENE_KEYS, *OBJECT_KEYS, *SCENE_SHAPES, *PATTERNS, *scene_names(), *RIGS}
    for kind in (Lamp, Material, Blob, *SCENE_SHAPES.values(), *PATTERNS.values()):
        wanted |= set(fields_of(kind))
    assert wanted <= told, wanted - told


def test_wheels_hold_the_scenes(tmp_path: Path) -> None:
    """Built from a copy, so that nothing is written here; the installed package finds its own files."""
    source = tmp_path / "source"
    shutil.copytree(ROOT / "nfield", source / "nfield", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "scenes", source / "scenes")
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(source)]
    made = subprocess.run(build, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    ask = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'installed')!r})\n"
        "from nfield.scenes.scene_files import load_scene, scene_folder, scene_names\n"
        "load_scene(); print(scene_folder()); print(*scene_names())"
    )
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert answer.stdout.splitlines() == [
        str(tmp_path / "installed" / "nfield" / "scenes" / "files"),
        " ".join(scene_names()),
    ]
