"""`nfield bench views`: the default radiance field beside a positional MLP and a plain MLP, at the same wall times."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nfield.bench.page import begun, marks_of, write_measurement
from nfield.bench.process import run_module
from nfield.bench.views.table import markdown
from nfield.core.checks import UserError, at_least, finite_or_none, positive
from nfield.core.device import choose_device
from nfield.jobs.views.products import save_colours
from nfield.training.progress import Progress

OWN, POSITIONAL, PLAIN = "nfield", "positional", "mlp"
TITLES = {OWN: "nfield", POSITIONAL: "positional MLP", PLAIN: "plain MLP"}
PRESETS = {OWN: "default", POSITIONAL: "positional"}
"""Presets by method, each run in a process of its own; the plain MLP is the first one's baseline."""
MARKS = (10.0, 30.0)
"""Seconds of training at which results are compared, as far as they go, beside the longest time."""

RULES = (
    "Every figure comes from a run of its own with that budget of training; reading and rendering pictures, and "
    "measuring, come on top. Methods see the same pixels, drawn at the same rate of samples a step.",
    "PSNR and SSIM are means over all held-out views, values cut to [0, 1], over the scene's background.",
    "positional MLP: the preset positional, NeRF's encoding before 4 layers of 128; the occupancy grid as nfield's.",
    "plain MLP: 4 layers of 128 on raw coordinates, its rate the best of three; run after nfield in its process.",
    "Rays and samples count training steps alone, per second of these. Memory is the process's peak, the plain MLP's "
    "that of both.",
)


@dataclass(frozen=True, kw_only=True)
class ViewsBenchOptions:
    """Options of the views suite."""

    seconds: float = 120.0
    """Longest time of training for each method."""
    size: int = 100
    """Pixels along a side of a toy scene's pictures."""
    train: int = 50
    """Views of a toy scene to learn from."""
    test: int = 10
    """Views of a toy scene that are held out."""
    downscale: float = 1.0
    """Make posed images this many times smaller along each side."""
    peers: bool = True
    """Run the positional MLP and the plain MLP too."""
    seed: int = 0
    """Seed of weights, rays and toy cameras."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    def __post_init__(self) -> None:
        positive(self.seconds, "--seconds")
        at_least(self.size, 2, "--size")
        at_least(self.train, 1, "--train")
        at_least(self.test, 1, "--test")
        at_least(self.downscale, 1, "--downscale")
        at_least(self.seed, 0, "--seed")

    @property
    def marks(self) -> list[float]:
        """Times that are compared."""
        return marks_of(MARKS, self.seconds)


def bench_views(
    scenes: Sequence[str], options: ViewsBenchOptions, *, folder: Path, command: str, progress: Progress
) -> dict[str, Any]:
    """Measure all methods on all scenes, toy scenes or folders of posed images; the result is bench.json's content.

    After every run bench.json, bench.md and a picture are in the folder, so that what was measured is kept whatever
    happens next. Raises KeyboardInterrupt that says so.
    """
    if not scenes:
        raise UserError("Name one scene at least.")
    found: dict[str, Any] = {
        **begun("views", command, options, choose_device(options.device)),
        "marks": options.marks,
        "rules": list(RULES),
        "complete": False,
        "scenes": [],
    }
    presets = list(PRESETS) if options.peers else [OWN]
    runs = [(scene, method, mark) for scene in scenes for method in presets for mark in options.marks]
    progress.start("bench")
    try:
        for number, (scene, method, mark) in enumerate(runs):
            doing = f"{Path(scene).name}: {TITLES[method]}, {mark:g} s"
            progress.update(step=number, fraction=number / len(runs), loss=None, quality=doing)
            if not found["scenes"] or found["scenes"][-1]["source"] != scene:
                found["scenes"].append({"source": scene, "number": len(found["scenes"]) + 1, "methods": {}, "why": {}})
            entry = found["scenes"][-1]
            for name, figures in _run(scene, method, mark, options, folder, entry).items():
                entry["methods"].setdefault(name, []).append(figures)
            found["complete"] = number + 1 == len(runs)
            shown = finite_or_none(found)
            write_measurement(folder, shown, markdown(shown, TITLES))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Interrupted; what was measured is in '{folder}'.") from None
    finally:
        progress.finish()
    return found


def _run(
    scene: str, method: str, mark: float, options: ViewsBenchOptions, folder: Path, entry: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Figures of one run by method; the first one's picture goes to the folder."""
    with tempfile.TemporaryDirectory() as place:
        settings = {
            **{name: getattr(options, name) for name in ("size", "train", "test", "downscale", "seed", "device")},
            "scene": scene,
            "preset": PRESETS[method],
            "seconds": mark,
            "baseline": method == OWN and options.peers,
        }
        (Path(place) / "settings.json").write_text(json.dumps(settings))
        why = run_module("nfield.bench.views.worker", [place], limit=None)
        if why is not None:
            entry["why"][f"{method} {mark:g} s"] = why
            return {}
        figures: dict[str, Any] = json.loads((Path(place) / "figures.json").read_text())
        entry |= figures.pop("views")
        named = {method: figures["field"]} | ({PLAIN: figures["baseline"]} if figures["baseline"] else {})
        if mark == options.seconds:
            entry.setdefault("pictures", {})
            for name, picture in (("truth", "truth"), (method, "field"), (PLAIN, "baseline")):
                if (Path(place) / f"{picture}.npy").exists():
                    file = f"{entry['number']}-{Path(scene).stem}-{name}.png"
                    save_colours(folder / file, np.load(Path(place) / f"{picture}.npy"))
                    entry["pictures"][name] = file
        return {name: {"budget": mark, **values} for name, values in named.items()}
