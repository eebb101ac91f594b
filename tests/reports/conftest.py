"""Run folders with closed-form learning curves: the error of band b after t seconds is exp(-rate_b t)."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nfield.core.checks import finite_or_none
from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.io.clouds import save_cloud
from nfield.io.meshes import save_mesh

EDGES = [1, 2, 4, 8, 16, 32]
THRESHOLD = 0.1
FIELD_RATES = [4.0, 2.0, 1.0, 0.5, 0.25]
BASELINE_RATES = [0.5, 0.1, 0.02, 0.004, 0.0008]
SECONDS = 20.0


def stripes(size: int = 64, *, learned: int = len(EDGES) - 1) -> np.ndarray:
    """A picture of one oblique stripe pattern per band, of which the lowest `learned` are there."""
    rows, columns = np.meshgrid(np.arange(size), np.arange(size * 3 // 4), indexing="ij")
    value = np.full(rows.shape, 0.5)
    for band in range(learned):
        value += 0.4 / 2**band * np.sin(2 * np.pi * 1.3 * EDGES[band] * (rows + 0.4 * columns) / size)
    grey = np.round(255 * np.clip(value, 0, 1)).astype(np.uint8)
    return np.stack([grey, grey, 255 - grey], axis=-1)


def band_figures(errors: list[float | None], steps: list[int | None]) -> list[dict[str, Any]]:
    return [
        {
            "low": EDGES[b], "high": EDGES[b + 1], "unit": "cycles/side", "relative_error": errors[b],
            "energy": 0.0 if errors[b] is None else 0.5 / 2**b, "step_below_threshold": steps[b],
        }
        for b in range(len(EDGES) - 1)
    ]  # fmt: skip


def side(run: str, rates: list[float | None], steps_per_second: float) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """History lines and final figures of one side; a rate of None is a band without energy."""
    times = [0.0, *np.geomspace(0.1, SECONDS, 24)]
    lines = []
    for time in times:
        errors = [None if rate is None else float(np.exp(-rate * time)) for rate in rates]
        energy = sum((error or 0.0) ** 2 * 0.02 / 4**b for b, error in enumerate(errors))
        lines.append(
            {
                "run": run, "step": round(time * steps_per_second), "seconds": round(float(time), 4),
                "loss": energy, "losses": {"mse": energy}, "psnr": float(-10 * np.log10(energy + 1e-5)),
                "bands": errors, "learning_rate": 1e-3,
            }
        )  # fmt: skip
    below = [
        next(
            (line["step"] for line in lines if line["bands"][b] is not None and line["bands"][b] < THRESHOLD),
            None,
        )
        for b in range(len(rates))
    ]
    last = lines[-1]
    metrics = {
        "seconds_fit": SECONDS, "seconds_total": SECONDS + 1.5, "steps": last["step"], "parameters": 123456,
        "psnr": last["psnr"], "ssim": 0.987, "bands": band_figures(last["bands"], below), "nyquist": 32.0,
        "order_spearman": 0.97, "diagnostics_share": 0.021,
    }  # fmt: skip
    return lines, metrics


def write(run: pathlib.Path, name: str, content: Any) -> None:
    (run / name).write_text(json.dumps(finite_or_none(content)), encoding="utf-8")


def save(picture: np.ndarray, path: pathlib.Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


@pytest.fixture
def make_run(tmp_path: pathlib.Path) -> Callable[..., pathlib.Path]:
    """A function that writes a run folder: finished or not, with or without baseline and pictures."""

    def make(
        name: str = "run",
        *,
        finished: bool = True,
        baseline: bool = True,
        pictures: bool = True,
        source: str = "stripes.png",
        field_rates: list[float | None] = FIELD_RATES,  # type: ignore[assignment]
        baseline_rates: list[float | None] = BASELINE_RATES,  # type: ignore[assignment]
        change: Callable[[dict[str, Any]], None] = lambda metrics: None,
    ) -> pathlib.Path:
        run = tmp_path / name
        (run / "outputs").mkdir(parents=True)
        lines, metrics = side("field", field_rates, 100.0)
        base_lines, base_metrics = side("baseline", baseline_rates, 80.0)
        base_metrics |= {"parameters": 98765, "ssim": 0.432}
        write(
            run,
            "config.json",
            {
                "task": "image", "source": source, "seed": 7, "bands": band_figures([None] * 5, [None] * 5),
                "image": {"height": 64, "width": 48, "channels": 3, "dtype": "uint8"},
                "recipe": {
                    "encoding": {"name": "hash-grid", "levels": 12}, "backbone": {"name": "mlp", "width": 64},
                },
                "training": {"seconds": SECONDS, "learning_rate": 0.01}, "device": "cpu",
            },
        )  # fmt: skip
        history = lines + (base_lines if baseline else [])
        (run / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in history))
        if finished:
            frequency = np.geomspace(1, 32, 30)
            metrics |= {
                "task": "image", "device": "cpu", "precision": "float32", "seed": 7,
                "baseline": base_metrics if baseline else None,
                "spectrum": {
                    "frequency": frequency.tolist(), "truth": (frequency**-2.0).tolist(),
                    "field": (frequency**-2.1).tolist(), "baseline": (frequency**-4.0).tolist(),
                    "unit": "cycles/side", "nyquist": 32.0,
                },
            }  # fmt: skip
            change(metrics)
            write(run, "metrics.json", metrics)
        if pictures:
            save(stripes(), run / "outputs/truth.png")
            save(stripes(learned=4), run / "outputs/preview.png")
            if baseline:
                save(stripes(learned=1), run / "outputs/baseline.png")
            for line in history[1::3]:
                learned = sum(error is not None and error < THRESHOLD for error in line["bands"])
                save(
                    stripes(32, learned=learned),
                    run / f"outputs/snapshots/{line['run']}-{line['step']:08d}.png",
                )
        return run

    return make


MESHES = {"mesh": 0.002, "baseline": 0.05, "poisson": 0.01, "truth": 0.0}
"""Files of the surfaces of a mesh run, and how far each lies outside the truth."""


def bumpy(offset: float = 0.0, subdivisions: int = 4) -> Mesh:
    """A closed surface with bumps, `offset` outside the one without, around (10, 20, 30)."""
    import trimesh

    sphere = trimesh.creation.icosphere(subdivisions=subdivisions)
    x, y, z = sphere.vertices.T
    radius = 1 + 0.1 * np.sin(4 * x) * np.cos(5 * y + z) + offset
    shape = trimesh.Trimesh(sphere.vertices * radius[:, None], sphere.faces, process=False)
    return Mesh(
        vertices=np.asarray(shape.vertices, dtype=np.float64) + np.array([10.0, 20.0, 30.0]),
        faces=np.asarray(shape.faces, dtype=np.int64),
        normals=np.asarray(shape.vertex_normals, dtype=np.float32),
    )


def surface_figures(chamfer: float | None) -> dict[str, Any]:
    return {
        "vertices": 2562, "faces": 5120, "watertight": True, "chamfer": chamfer, "accuracy": chamfer,
        "completeness": chamfer, "hausdorff": None if chamfer is None else 20 * chamfer,
        "fscore": None if chamfer is None else 0.97, "normal_consistency": None if chamfer is None else 0.9876,
    }  # fmt: skip


def with_profiles(lines: list[dict[str, Any]], metrics: dict[str, Any]) -> None:
    """Bands along profiles: errors are the square roots of those in the volume, and no shape is in the highest."""
    for line in lines:
        line["profile_bands"] = [*(None if error is None else error**0.5 for error in line["bands"][:-1]), None]
    last, below = (
        lines[-1]["profile_bands"],
        next((line["step"] for line in lines if (line["profile_bands"][0] or 1) < THRESHOLD), None),
    )
    metrics["profile_bands"] = [
        band | {"relative_error": error, "energy": 0.25**index, "step_below_threshold": below if index == 0 else None}
        for index, (band, error) in enumerate(zip(metrics["bands"], last, strict=True))
    ]
    metrics["profiles"] = {"curves": 13, "samples": 4096, "nyquist": 90.0, "size": 0.8, "search": 0.06, "missing": 0.0}


@pytest.fixture
def make_mesh_run(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pathlib.Path]:
    """A function that writes a mesh run folder: finished or not, with the named meshes and the cloud."""
    monkeypatch.setattr("nfield.reports.surface_pictures.SIDE", 96)  # large pictures would take most of the time

    def make(
        name: str = "mesh-run",
        *,
        finished: bool = True,
        meshes: tuple[str, ...] = tuple(MESHES),
        source: str = "bumpy-scan.ply",
        change: Callable[[dict[str, Any]], None] = lambda metrics: None,
    ) -> pathlib.Path:
        run = tmp_path / name
        (run / "outputs/snapshots").mkdir(parents=True)
        lines, metrics = side("field", FIELD_RATES, 100.0)  # type: ignore[arg-type]
        base_lines, base_metrics = side("baseline", BASELINE_RATES, 80.0)  # type: ignore[arg-type]
        for line in (*lines, *base_lines):
            line["fit_db"] = line.pop("psnr")
        for figures in (metrics, base_metrics):
            figures["fit_db"] = figures.pop("psnr")
            for band in figures["bands"]:
                band["unit"] = "cycles/diagonal"
            for picture_only in ("ssim", "nyquist"):
                figures.pop(picture_only)
        with_profiles(lines, metrics)
        with_profiles(base_lines, base_metrics)
        config = {"task": "mesh", "source": f"scans/{source}", "quality_name": "fit_db", "seed": 7, "device": "cpu"}
        write(run, "config.json", config | {"bands": metrics["bands"], "recipe": {"backbone": {"name": "siren"}}})
        (run / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines + base_lines))
        with_truth = "truth" in meshes
        if finished:
            metrics |= surface_figures(0.002 if with_truth else None) | {
                "task": "mesh", "device": "cpu", "precision": "float32", "seed": 7,
                "why": {} if with_truth else dict.fromkeys(surface_figures(None), "no truth was given"),
                "baseline": base_metrics | surface_figures(0.05 if with_truth else None),
                "poisson": surface_figures(0.01 if with_truth else None) | {"depth": 8, "seconds": 2.4},
                "cloud": {
                    "points": 2000, "dropped": 12, "spacing": 0.0789, "noise": 1.5e-05, "outliers": 0.021,
                    "density_variation": 0.31, "closed": True, "normals": "estimated",
                },
            }  # fmt: skip
            change(metrics)
            write(run, "metrics.json", metrics)
        for mesh in meshes:
            save_mesh(run / f"outputs/{mesh}.ply", bumpy(MESHES[mesh]))
        save_cloud(run / "outputs/points.ply", PointCloud.from_arrays(bumpy(subdivisions=3).vertices))
        for line in (lines + base_lines)[1::6]:
            save(stripes(32), run / f"outputs/snapshots/{line['run']}-{line['step']:08d}.png")
        return run

    return make


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
                line["numbers"] = {"rays_per_second": 12345.0, "samples_per_ray": 21.5, "occupied": 0.071}
                line |= {"depth_bands": [error**0.5 for error in line["bands"]]} if depths else {}
            values = [first - 2 * index for index in range(len(names))]
            below = [None] * (len(EDGES) - 1)
            figures |= {
                "task": "views", "psnr": float(np.mean(values)) if names else None, "ssim": 0.93, "band_threshold": 0.1,
                "per_view": [{"name": n, "psnr": v, "ssim": v / 40} for n, v in zip(names, values, strict=True)],
                "depth_bands": band_figures(of[-1]["depth_bands"], below) if depths else None,
                "depth_error": 0.0123 if depths else None, "seconds_per_view": 0.8, "peak_memory_mb": 1234,
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
            own = sphere(size, learned=4 - index // 2, turn=index)
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
