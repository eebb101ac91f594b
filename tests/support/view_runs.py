"""Run folders of radiance fields, as a fixture."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from run_folders import BASELINE_RATES, EDGES, FIELD_RATES, band_figures, save, side, stripes, write

VIEW_NAMES = ("test/r_0.png", "test/r_1.png", "test/r_2.png", "test/r_3.png")
"""Held-out views, of which each is fitted less well than the one before."""


def sphere(size: int, *, learned: int, turn: float = 0.0) -> dict[str, np.ndarray]:
    """A ball with stripes before white, with its depths (16 bits), their colours, normals and opacities."""
    y, x = np.meshgrid(*[np.linspace(-1.2, 1.2, size)] * 2, indexing="ij")
    height = np.sqrt(np.maximum(0, 1 - x**2 - y**2))
    inside = (height > 0)[..., None]
    shades = sum(0.5**band * np.sin(2**band * (3 * x + turn + y)) for band in range(learned))
    colour = 0.5 + 0.25 * shades[..., None] * np.array([1.0, 0.6, -0.8])
    normal = 0.5 + 0.5 * np.stack([x, -y, height], axis=-1)
    eight = {"views": np.where(inside, colour, 1.0), "normals": np.where(inside, normal, 1.0)}
    eight["coloured"] = np.where(inside, height[..., None] * np.array([1.0, 0.8, 0.3]), 0.2)
    eight["opacity"] = inside[..., 0].astype(float)
    found = {key: np.round(255 * np.clip(value, 0, 1)).astype(np.uint8) for key, value in eight.items()}
    return found | {"depth": np.round(6e4 * (1.5 - height)).astype(np.uint16)}


@pytest.fixture
def make_views_run(tmp_path: pathlib.Path) -> Callable[..., pathlib.Path]:
    """A function that writes the run folder of a radiance field: finished or not, with the named outputs."""

    def make(
        name: str = "views-run",
        *,
        finished: bool = True,
        baseline: bool = True,
        depths: bool = True,
        names: tuple[str, ...] = VIEW_NAMES,
        size: int = 64,
        video: bytes | None = b"no real video",
        change: Callable[[dict[str, Any]], None] = lambda metrics: None,
    ) -> pathlib.Path:
        run = tmp_path / name
        outputs = run / "outputs"
        (outputs / "snapshots").mkdir(parents=True)
        lines, metrics = side("field", FIELD_RATES, 100.0)  # type: ignore[arg-type]
        base_lines, base_metrics = side("baseline", BASELINE_RATES, 80.0)  # type: ignore[arg-type]
        for of, figures, first in ((lines, metrics, 36.0), (base_lines, base_metrics, 24.0)):
            for line in of:
                line["numbers"] = {"rays": 12345.0, "occupied": 0.071}
                line |= {"depth_bands": [error**0.5 for error in line["bands"]]} if depths else {}
            values = [first - 2 * index for index in range(len(names))]
            below: list[int | None] = [None] * (len(EDGES) - 1)
            figures |= {
                "task": "views", "psnr": float(np.mean(values)) if names else None, "ssim": 0.93, "band_threshold": 0.1,
                "per_view": [{"name": n, "psnr": v, "ssim": v / 40} for n, v in zip(names, values, strict=True)],
                "depth_bands": band_figures(of[-1]["depth_bands"], below) if depths else None,
                "depth_error": 0.0123 if depths else None, "seconds_per_view": 0.8,
                "why": {} if depths else dict.fromkeys(("depth_bands", "depth_error"), "the true depths are not known"),
            }  # fmt: skip
        edges = band_figures([None] * 5, [None] * 5)
        config = {
            "task": "views", "source": "scenes/ball", "quality_name": "psnr", "options": {"preset": "fast"}, "seed": 7,
            "recipe": {"encoding": {"name": "hash"}, "backbone": {"name": "mlp"}, "learning_rate": 0.01},
            "views": {"train": 20, "test": len(names), "width": size, "height": size}, "cameras": [{"name": "r"}] * 24,
            "frame": {"middle": [0.0, 0.0, 0.0], "scale": 2.0, "contracted": False}, "bands": edges,
            "depth_bands": edges if depths else [], "device": "cpu", "versions": {"nfield": "0.1", "torch": "2.13"},
        }  # fmt: skip
        write(run, "config.json", config)
        history = lines + (base_lines if baseline else [])
        (run / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in history))
        if finished:
            metrics |= {
                "device": "cpu",
                "precision": "float32",
                "seed": 7,
                "baseline": base_metrics if baseline else None,
            }
            change(metrics)
            write(run, "metrics.json", metrics)
        for index, view in enumerate(names if finished else ()):
            stem = view.removesuffix(".png").replace("/", "-")
            own = sphere(size, learned=max(1, 4 - index // 2), turn=index)
            save(sphere(size, learned=5, turn=index)["views"], outputs / f"truth/{stem}.png")
            for key in ("views", "depth", "normals", "opacity"):
                save(own[key], outputs / f"{key}/{stem}.png")
            save(own["coloured"], outputs / f"depth/{stem}-coloured.png")
            if baseline:
                save(sphere(size, learned=1, turn=index)["views"], outputs / f"baseline/{stem}.png")
                save(own["coloured"], outputs / f"baseline-depth/{stem}-coloured.png")
        if video is not None and finished:
            (outputs / "video.mp4").write_bytes(video)
        for line in history[1::6]:
            save(stripes(32), outputs / f"snapshots/{line['run']}-{line['step']:08d}.png")
        return run

    return make
