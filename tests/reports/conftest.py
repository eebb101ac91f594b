"""Run folders of images and surfaces, as fixtures."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from run_folders import BASELINE_RATES, FIELD_RATES, SECONDS, THRESHOLD, band_figures, save, side, stripes, write
from view_runs import make_views_run as make_views_run

from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.io.geometry.clouds import save_cloud
from nfield.io.geometry.meshes import save_mesh


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
    monkeypatch.setattr("nfield.jobs.surface.page.pictures.SIDE", 96)  # large pictures would take most of the time

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
