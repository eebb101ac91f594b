"""The report of a mesh run: complete, self-contained, patient with what is missing, and the same twice.

Oracle: the figures that the synthetic run was given; surfaces that lie a known distance outside the truth.
"""

import base64
import gzip
import json
import pathlib
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from page_reader import Reader

from nfield.core.checks import UserError
from nfield.io.geometry.meshes import load_mesh, save_mesh
from nfield.jobs.comparison import write_comparison
from nfield.jobs.page import write_report
from nfield.jobs.surface.page.pictures import surface_errors
from nfield.jobs.surface.page.surfaces import read_surfaces
from nfield.jobs.surface.page.viewer import VIEWER_POLICY
from nfield.jobs.surface.page.words import surface_words
from nfield.rendering.error_colours import scale_top
from nfield.reports.record import read_record

HOSTILE = "<script>alert('x')</script>&\"quote\".ply"


def viewer_of(reader: Reader) -> str:
    assert reader.packed is not None
    return gzip.decompress(base64.b64decode(reader.packed)).decode("utf-8")


def test_finished_run_is_told_completely(make_mesh_run):
    run = make_mesh_run()
    page = write_report(run)
    reader = Reader(page)
    for wanted in (
        "These bands are those of the surface's profiles.",
        "On average the surface is 0.002 from the truth (Chamfer distance), 0.04 times that of the plain MLP and "
        "0.20 times that of screened Poisson; the plain MLP learned low frequencies before high ones",
        "front left", "above", "Screened Poisson", "How far each place of the surface is from the truth",
        "Distance from the truth, in the units of the input", "Normal consistency", "0.9876", "Depth of the octree",
        "the surface as training goes on", "2.1 %", "1.50·10⁻⁵", "estimated", "Fit, dB", "Cycles/diagonal",
    ):  # fmt: skip
        assert wanted in reader.text, wanted
    for missing in ("not there", "could not be read", "no meshes", "on record", "picture as", "has not finished"):
        assert missing not in reader.text, missing
    assert reader.policy == VIEWER_POLICY
    # 4 sides of 4 surfaces and of 3 errors; snapshots of field and baseline, of which each has 4.
    assert len(reader.addresses) == 16 + 12 + 2 * 4
    assert all(address.startswith("data:image/") for address in reader.addresses)
    assert page.stat().st_size < 3_000_000


def test_nothing_is_asked_for_outside(make_mesh_run):
    page = write_report(make_mesh_run(source=HOSTILE))
    reader = Reader(page)
    assert HOSTILE in reader.text
    content = page.read_text(encoding="utf-8")
    outside = re.sub(r'data:image/\w+;base64,[\w+/=]+|data-page="[\w+/=]+"', "", content)
    assert "http" not in outside.replace("http-equiv", "")
    assert "@import" not in outside
    assert "//" not in re.sub(r"^\s*//.*$", "", outside, flags=re.MULTILINE)
    # The viewer's page names two addresses: the name of the XHTML language, and one in a comment.
    named = set(re.findall(r"https?://[\w./#-]+", viewer_of(reader)))
    assert named <= {"http://www.w3.org/1999/xhtml", "https://github.com/mrdoob/three.js/pull/23228"}
    assert not re.search(r"<(link|script|img|iframe)[^>]*\s(src|href)=", viewer_of(reader))


def test_same_folder_gives_same_file(make_mesh_run):
    run = make_mesh_run()
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first


def test_half_finished_run(make_mesh_run):
    reader = Reader(write_report(make_mesh_run(finished=False, meshes=())))
    for wanted in (
        "This run has not finished", "This run has no meshes in outputs/ yet.", "no mesh to turn",
        "No errors to show", "no figures of its surfaces on record", "about the cloud is not on record",
        "the surface as training goes on", "Field: outputs/mesh.ply is not there.",
    ):  # fmt: skip
        assert wanted in reader.text, wanted
    assert reader.packed is None


def test_without_truth_the_points_are_the_measure(make_mesh_run):
    run = make_mesh_run(meshes=("mesh", "baseline"))
    reader = Reader(write_report(run))
    for wanted in (
        "No truth was given, so the scan itself is the measure", "Distance from the points",
        "Fit is 50.0 dB against", "for the plain MLP, which learned low frequencies", "no truth was given",
        "Screened Poisson: outputs/poisson.ply is not there.",
    ):  # fmt: skip
        assert wanted in reader.text, wanted
    assert "Truth: " not in reader.text


def test_nothing_of_poisson_where_it_was_not_asked_for(make_mesh_run):
    run = make_mesh_run(meshes=("mesh", "baseline", "truth"), change=lambda metrics: metrics.update(poisson=None))
    (run / "outputs/points.ply").unlink()
    text = Reader(write_report(run)).text
    assert "poisson.ply" not in text
    assert "Depth of the octree" not in text


@pytest.mark.parametrize("name", ["mesh", "baseline", "poisson", "truth", "points"])
@pytest.mark.parametrize(
    "content", [b"", b"ply\nformat ascii 1.0\nend_header\n", b"\x00\xff" * 50], ids=["empty", "header", "noise"]
)
def test_damaged_meshes_are_told_in_their_place(make_mesh_run, name, content):
    run = make_mesh_run()
    (run / f"outputs/{name}.ply").write_bytes(content)
    text = Reader(write_report(run)).text
    assert (f"outputs/{name}.ply could not be read" in text) == (name != "points")
    assert "What the figures mean" in text


@pytest.mark.parametrize(
    "content",
    ["[]", '{"task": 3, "poisson": 5, "cloud": [1], "chamfer": "x", "baseline": {"why": "left out"}}',
     '{"task": "mesh", "poisson": {}, "cloud": {"points": null, "closed": 3, "other": {"a": 1}}, "watertight": "x"}'],
    ids=["list", "kinds", "inner"],
)  # fmt: skip
def test_figures_of_the_wrong_kind_are_survived(make_mesh_run, content):
    run = make_mesh_run(meshes=("mesh",))
    (run / "metrics.json").write_text(content)
    assert "What the figures mean" in Reader(write_report(run)).text


def test_errors_are_the_distances_that_the_surfaces_were_moved_by(make_mesh_run):
    surfaces = read_surfaces(read_record(make_mesh_run()))
    errors = surface_errors(surfaces)
    assert [one.title for one in errors] == ["Field", "Plain MLP", "Screened Poisson"]
    # Moved along the radius, which leaves the normal by some degrees on the bumps: a little less than the offset.
    assert [one.mean for one in errors] == [pytest.approx(moved, rel=0.1) for moved in (0.002, 0.05, 0.01)]
    assert [one.unsupported for one in errors] == [0, 0, 0]
    # The field lies inside the scale, and Poisson almost; the plain MLP's errors are beyond its end.
    assert scale_top([one.distances for one in errors]) == pytest.approx(0.01, rel=0.15)


def test_words_without_a_baseline(make_mesh_run):
    run = make_mesh_run(change=lambda metrics: metrics.update(baseline=None, poisson=None))
    (run / "history.jsonl").write_text("")
    assert surface_words(read_record(run))[1] == (
        "On average the surface is 0.002 from the truth (Chamfer distance); "
        "the field learned low frequencies before high ones (order statistic 0.97)."
    )


def test_comparison_of_surfaces_and_pictures(make_run, make_mesh_run, tmp_path: pathlib.Path):
    page = write_comparison([make_mesh_run(), make_run("image")], tmp_path / "comparison.html")
    reader = Reader(page)
    assert len(reader.addresses) == 4  # a truth and a reconstruction of each job, pictures first
    for address in reader.addresses[2:]:
        with reader.picture(address) as picture:
            corner, middle = picture.getpixel((0, 0)), picture.getpixel((picture.width // 2, picture.height // 2))
        assert corner == (255, 255, 255)
        assert max(middle) < 250
    for wanted in ("Chamfer distance", "Normal consistency", "SSIM", "Cycles/diagonal", "Cycles/side"):
        assert wanted in reader.text, wanted


def shown_scene(viewer: str) -> dict[str, Any]:
    """What the viewer's page says of its meshes."""
    glb = base64.b64decode(re.search(r'base64_data="([\w+/=]+)"', viewer)[1])  # type: ignore[index]
    return dict(json.loads(glb[20 : 20 + int.from_bytes(glb[12:16], "little")]))


@pytest.mark.parametrize("up", [None, "y", "z", "-x", "w", 3])
def test_the_view_to_turn_stands_upright(make_mesh_run, up):
    run = make_mesh_run(meshes=("mesh",))
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"options": {"up": up}}))
    path = run / "outputs/mesh.ply"
    mesh = load_mesh(path)
    save_mesh(path, replace(mesh, vertices=mesh.vertices * [1.0, 2.0, 4.0]))
    scene = shown_scene(viewer_of(Reader(write_report(run))))
    shown = scene["accessors"][scene["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]
    size = np.array(shown["max"]) - shown["min"]
    extent = np.ptp(mesh.vertices, axis=0) * [1.0, 2.0, 4.0]
    order = {"z": [0, 2, 1], "-x": [1, 0, 2]}.get(up, [0, 1, 2])
    assert size == pytest.approx(2 * extent[order] / extent.max(), abs=1e-3)


def test_only_surfaces_have_an_upward_axis(make_run, make_mesh_run):
    with pytest.raises(UserError, match="--up z is for pictures of surfaces"):
        write_report(make_run(), up="z")
    with pytest.raises(UserError, match="Unknown upward axis 'w'"):
        write_report(make_mesh_run(), up="w")


def test_viewer_holds_every_surface_with_its_title(make_mesh_run):
    viewer = viewer_of(Reader(write_report(make_mesh_run())))
    titles = {"field": "Field", "baseline": "Plain MLP", "poisson": "Screened Poisson", "truth": "Truth"}
    assert f"const titles = {json.dumps(titles)};" in viewer
    described = shown_scene(viewer)
    assert {node["name"] for node in described["nodes"]} >= set(titles)
    assert all("NORMAL" in mesh["primitives"][0]["attributes"] for mesh in described["meshes"])
    positions = [
        described["accessors"][mesh["primitives"][0]["attributes"]["POSITION"]] for mesh in described["meshes"]
    ]
    # Of unit size around the origin, wherever the scan lies.
    assert np.allclose([one["max"] for one in positions], 1, atol=0.15)


def test_profiles_have_their_own_maps_and_table(make_mesh_run):
    def change(metrics):
        metrics["bands_against"] = "the true mesh"
        metrics["baseline"]["profiles"]["missing"] = 0.07

    page = write_report(make_mesh_run(change=change))
    text = Reader(page).text
    for wanted in (
        "Frequencies of the surface itself", "Planes cut the reference in 13 closed curves, its profiles",
        "The reference is the true mesh.",
        # Errors at the end are exp(−rate·10 s): below 10 % for rates above 0.23, of 4 bands with any shape.
        "the field has learned all 4 frequency bands, up to 16 cycles/diagonal, to within 10 %; the plain MLP, in the "
        "same time, only the lowest (below 2 cycles/diagonal).",
        "The plain MLP has no surface near 7 % of the profiles' length.", "Depth of its detail (RMS), input units",
        "Nyquist is 90 cycles/diagonal", "Profile", "Bands of profiles learned to 10 % 4 of 4 plain MLP 1 of 4",
    ):  # fmt: skip
        assert wanted in text, wanted
    assert "The field has no surface near" not in text
    content = page.read_text(encoding="utf-8")
    # Depths fall by half from band to band.
    assert re.search(r"<td>0\.8</td>.*<td>0\.4</td>.*<td>0\.2</td>.*<td>0\.1</td>", content, flags=re.DOTALL)
    ids = re.findall(r'<pattern id="([\w-]+)"', content)
    assert len(ids) == len(set(ids)) == 5  # two maps each, and the legend of hatching for profiles


@pytest.mark.parametrize("kind", ["null", "older", "unfinished"])
def test_profiles_that_are_not_there_are_told(make_mesh_run, kind):
    def change(metrics):
        metrics["profile_bands"] = metrics["profiles"] = None
        metrics["why"] = {"profile_bands": "no plane cut anything"}

    run = make_mesh_run(finished=kind != "unfinished", change=change)
    path = run / "history.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    if kind != "unfinished":
        lines = [{key: value for key, value in line.items() if key != "profile_bands"} for line in lines]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    if kind == "older":
        metrics = json.loads((run / "metrics.json").read_text())
        for key in ("profile_bands", "profiles", "why"):
            metrics.pop(key)
        (run / "metrics.json").write_text(json.dumps(metrics))
    text = Reader(write_report(run)).text
    reason = " (no plane cut anything)" if kind == "null" else ""
    assert (f"There are no band errors along profiles of the surface{reason}." in text) == (kind != "unfinished")
    assert ("Depth of its detail" in text) == (kind == "unfinished")
    assert ("These bands are those of the surface's profiles." in text) == (kind == "unfinished")
    assert ("Bands of profiles learned" in text) == (kind == "unfinished")
    assert "ands learned to 10 %" in text or kind == "unfinished"
    assert ("the field has learned all 5 frequency bands, up to 32 cycles/diagonal" in text) == (kind != "unfinished")


@pytest.mark.parametrize("encoding", ["splines", "hash-grid"])
def test_bands_against_the_splines_are_told_as_such(make_mesh_run, encoding):
    against = "the splines fitted to the points, as no true mesh was given (--truth)"
    run = make_mesh_run(change=lambda metrics: metrics.update(bands_against=against))
    config = json.loads((run / "config.json").read_text())
    config["recipe"] = {"encoding": {"name": encoding}}
    (run / "config.json").write_text(json.dumps(config))
    meaning = {
        "splines": "they show when the field settled, not how right it is.",
        "hash-grid": "they show how close to these it came.",
    }[encoding]
    assert f"They are measured against {against}: {meaning}" in Reader(write_report(run)).text
