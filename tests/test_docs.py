"""The documents, held against the code: links resolve, commands and Python blocks run, tables agree with the tables.

Commands and blocks run on a small picture with a few steps; file names and everything else stay as printed.
"""

import ast
import dataclasses
import inspect
import math
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from short_runs import tune_briefly
from skimage import data

from nfield.backbones import ACTIVATIONS, BACKBONES
from nfield.bench.meshes.suite import CASES, MeshBenchOptions
from nfield.bench.views.suite import ViewsBenchOptions
from nfield.cli import VERBS, lab, main
from nfield.cli.bench import MeshCommand
from nfield.cli.bench import ViewsCommand as ViewsBenchCommand
from nfield.cli.job import Common
from nfield.cli.lab import Command as LabCommand
from nfield.cli.scan import Command as ScanCommand
from nfield.core.cloud import PointCloud
from nfield.core.image import Image
from nfield.encodings import ENCODINGS
from nfield.equations.named import PROBLEMS
from nfield.io.geometry.clouds import save_cloud
from nfield.io.geometry.meshes import save_mesh
from nfield.io.images.images import save_image
from nfield.jobs.equation.options import PRESETS as EQUATION_PRESETS
from nfield.jobs.image.options import PRESETS, ImageOptions
from nfield.jobs.image.source import ImageData
from nfield.jobs.job import Job
from nfield.jobs.run import run
from nfield.jobs.surface import run as surface_run
from nfield.jobs.surface import task as cloud_task
from nfield.jobs.table import JOBS
from nfield.jobs.views import export as views_export
from nfield.lab import EXPERIMENTS
from nfield.meshing.extraction import extract_surface
from nfield.scenes.scan_options import ScanOptions
from nfield.scenes.scene_files import load_scene
from nfield.training.row_jacobians import LeastSquaresTask
from nfield.training.task import FinishingTask, ScheduledTask

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_COMMANDS = [
    "README.md",
    "docs/choosing-a-backbone.md",
    "docs/image.md",
    "docs/surfaces.md",
    "docs/scans.md",
    "docs/views.md",
    "docs/scenes.md",
    "docs/stages.md",
    "docs/lab.md",
    "docs/lab-order.md",
    "docs/lab-cures.md",
    "docs/lab-phenomena.md",
    "docs/equations.md",
]
EVERY_VERB = {*(job.verb for job in JOBS.values()), *VERBS}
CPU_TORCH = ["pip", "install", "torch", "--index-url", "https://download.pytorch.org/whl/cpu"]
WITH_PYTHON = ["docs/equations.md", "README.md", "docs/reading-a-band-plot.md", "docs/scenes.md", "docs/stages.md"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Contents of the fenced blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[list[str]]:
    """Words of the command lines in the bash blocks, and of those that begin the line of a job."""
    lines = [line for block in blocks(text, "bash") for line in block.splitlines()]
    lines += re.findall(r"^\*\*[\w ]+\*\*: `(nfield [^`]+)`", text, flags=re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def table_rows(text: str, heading: str) -> dict[str, dict[str, str]]:
    """The table whose first column is titled `heading`: cells by column, rows by the name in backquotes."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    titles = [cell.strip() for cell in lines[start].strip("|").split("|")]
    rows = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        assert len(cells) == len(titles), line
        rows[cells[0].split("`")[1]] = dict(zip(titles, cells, strict=True))
    return rows


def anchors(text: str) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    titles = re.findall(r"^#+ +(.*)$", prose(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", [*DOCUMENTS, *sorted((ROOT / "benchmarks").glob("*.md"))], ids=lambda p: p.name)
def test_relative_links_resolve(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path.read_text(encoding="utf-8"))):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        linked = (path.parent / name).resolve() if name else path
        assert linked.exists(), f"{path.name} links to {target}, which is not there"
        assert ROOT in linked.parents
        if linked.is_dir():
            assert any(linked.iterdir()), f"{path.name} links to {target}, which is empty"
        if anchor:
            assert anchor in anchors(linked.read_text(encoding="utf-8")), f"{path.name}: no heading #{anchor}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_documents_are_short_and_pictures_have_words(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150
    assert all(len(words) > 15 for words in re.findall(r"!\[(.*?)\]", text))


def test_every_document_is_reached_from_the_readme() -> None:
    text = read("README.md")
    for path in DOCUMENTS[1:]:
        assert f"({path.relative_to(ROOT).as_posix()})" in text


REFUSED = "| in place of | say |"
UNREAD = {"glossary.md", "CHANGELOG.md", "architecture.md", "adding-a-backbone.md"}
"""The list of refused words itself, what is past, and pages that are written with the code."""


def refused_words() -> list[str]:
    """The phrases that the glossary's last table refuses."""
    table = read("docs/glossary.md").split(REFUSED)[1]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ")]
    return [phrase.strip().lower() for cell in cells for phrase in cell.split(",")]


@pytest.mark.parametrize("path", [p for p in DOCUMENTS if p.name not in UNREAD], ids=lambda p: p.name)
def test_guides_use_the_words_of_the_glossary(path: Path) -> None:
    words = " ".join(prose(path.read_text(encoding="utf-8")).lower().split())
    assert [phrase for phrase in refused_words() if re.search(rf"\b{re.escape(phrase)}\b", words)] == []


def test_the_glossary_defines_each_word_once() -> None:
    text = read("docs/glossary.md").split("## Words that are not used")[0]
    heads = re.findall(r"^- \*\*(.+?)\*\*", text, flags=re.MULTILINE)
    words = [word.strip().lower() for head in heads for word in re.split(r", | / ", head)]
    assert len(words) == len(set(words))
    wanted = """band, band error, baseline, peer, truth, residual, stage, order statistic, energy of a band, nyquist,
        threshold, learned, run, run folder, preset, encoding, backbone, field, head, step, evaluation, occupancy grid,
        accumulated opacity, posed images, stratified coarse samples, importance fine samples, cone angle, contraction,
        signed distance (sdf), eikonal loss, splines, smoothing length"""
    assert {word.strip() for word in wanted.split(",")} <= set(words)
    assert len(refused_words()) > 10


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny networks gain nothing from threads, and wait long for them on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the documents name, and a baseline that is not tuned for long."""
    rows, columns = np.mgrid[0:12, 0:16]
    colours = np.stack([rows / 12, columns / 16, np.sin(rows * columns) / 2 + 0.5], -1)
    mask = np.ones((12, 16), np.uint8) * 255
    mask[3:6, 4:9] = 0
    for name, pixels in (("photo.png", (255 * colours).astype(np.uint8)), ("mask.png", mask)):
        like = Image.from_array(pixels)
        save_image(tmp_path / name, like.values(np.arange(12), np.arange(16)), like)
    draw = np.random.default_rng(0)
    points = draw.normal(size=(300, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    save_cloud(tmp_path / "scan.ply", PointCloud.from_arrays(points))
    line = np.linspace(0, 4, 60)
    np.savetxt(tmp_path / "samples.csv", np.stack([line, np.sin(3 * line)], 1), delimiter=",")
    ball = extract_surface(lambda x: x.norm(dim=-1) - 1, np.full(3, -1.2), np.full(3, 1.2), 16)
    save_mesh(tmp_path / "truth.ply", ball)
    monkeypatch.chdir(tmp_path)
    tune_briefly(monkeypatch)
    monkeypatch.setattr(views_export, "MESH_POINTS", 200)
    (tmp_path / "rod.py").write_text(blocks(read("docs/equations.md"), "python")[0])
    # Networks are measured at the cube of so many points, and every experiment is run by its own tests.
    monkeypatch.setattr(cloud_task, "PROBE_NODES", 16)
    monkeypatch.setattr(lab, "EXPERIMENTS", {name: EXPERIMENTS[name] for name in ("order-1d", "complexity")})
    monkeypatch.setattr(surface_run, "BASELINE_STEPS", 2)
    return tmp_path


def shortened(words: list[str]) -> list[str]:
    """The command with few steps and a crop that fits; nothing else changes."""
    words = list(words)
    while "--seconds" in words or "--steps" in words:
        at = words.index("--seconds" if "--seconds" in words else "--steps")
        del words[at : at + 2]
    if "--crop" in words:
        at = words.index("--crop")
        words[at + 1 : at + 5] = ["1", "2", "4", "5"]
    if words[0] == "fit-image":
        words += ["--quiet"] if "--resume" in words else ["--quiet", "--steps", "2"]
    if words[0] == "reconstruct":
        words += ["--quiet", "--steps", "2", "--resolution", "16", "--evaluations", "2"]
    if words[0] == "render-views":
        words += ["--quiet", "--steps", "2", "--evaluations", "2", "--size", "12", "--train", "3", "--test", "1"]
        words += ["--samples", "512", "--frames", "2"]
    if words[0] == "lab":
        assert words[1] in {*EXPERIMENTS, "all"}
        words[1] = words[1] if words[1] in {"order-1d", "all"} else "complexity"
        words += [] if "--size" in words else ["--size", "quick"]
    if words[0] == "fit-signal":
        words += ["--quiet", "--steps", "5", "--adam-steps", "3", "--refine-steps", "2"]
    if words[0] == "solve":
        words += ["--quiet", "--steps", "3", "--points", "16", "--evaluations", "2"]
    if words[0] == "bench":
        words += ["--quiet", "--seconds", "0.05"]
        words += ["--size", "10", "--train", "3", "--test", "1"] if words[1] == "views" else []
    if "--points" in words:
        words[words.index("--points") + 1] = "100"
    if words[0] == "render" and "--path" in words:
        words += ["--quiet", *([] if "held-out" in words else ["--frames", "2"])]
    return words


@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_commands_run_as_printed(name: str, workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    verbs = [words[1:] for words in commands(read(name)) if words[0] == "nfield"]
    assert verbs
    for words in verbs:
        code = main(shortened(words))
        assert code == 0, f"{name}: nfield {' '.join(words)}\n{capfd.readouterr().err}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_other_commands_exist(path: Path) -> None:
    targets = re.findall(r"^([a-z]+):", read("Makefile"), flags=re.MULTILINE)
    for words in commands(path.read_text(encoding="utf-8")):
        if words[0] == "make":
            assert words[1] in targets
        elif words[0] == "pip":
            assert words in (["pip", "install", "."], CPU_TORCH)
        else:
            assert words[0] == "nfield"
            assert path.relative_to(ROOT).as_posix() in WITH_COMMANDS, "its commands are not run by any test"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_verbs_named_in_words_exist(path: Path) -> None:
    named = re.findall(r"`nfield ([a-z][a-z-]*)", path.read_text(encoding="utf-8"))
    assert set(named) <= EVERY_VERB


def test_every_job_has_a_command_and_every_picture_is_used_in_the_readme() -> None:
    text = read("README.md")
    verbs = [words[1] for words in commands(text) if words[0] == "nfield"]
    assert verbs == [*[job.verb for job in JOBS.values()], "lab"]
    pictures = re.findall(r"\((docs/pictures/[\w-]+\.png)\)", text)
    assert len(pictures) == 6
    assert {path.name for path in (ROOT / "docs" / "pictures").iterdir()} == {Path(name).name for name in pictures}


def test_the_readme_lists_every_verb() -> None:
    assert set(re.findall(r"^\| `nfield ([a-z-]+)", read("README.md"), flags=re.MULTILINE)) == EVERY_VERB


@pytest.mark.parametrize("name", WITH_PYTHON)
def test_python_blocks_run(name: str, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {}
    for source in blocks(read(name), "python"):
        exec(compile(re.sub(r"seconds=\d+", "steps=2", source), name, "exec"), namespace)
    if "errors" in namespace:
        errors, bands = namespace["errors"], namespace["bands"].bands  # type: ignore[attr-defined]
        told = [error for (low, _), error in zip(bands, errors, strict=True) if low == 8]  # type: ignore[call-overload]
        assert told == [pytest.approx(0.1, rel=1e-4)]


def run_blocks(name: str) -> dict[str, Any]:
    """The names that a document's Python blocks leave, run from top to bottom as printed."""
    namespace: dict[str, Any] = {}
    with torch.random.fork_rng():
        for source in blocks(read(name), "python"):
            exec(compile(source, name, "exec"), namespace)
    return namespace


def test_the_custom_training_learns_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracles: the signal's three waves lie in three bands of a third of the energy each; a resumed run is the run."""
    monkeypatch.chdir(tmp_path)
    found = run_blocks("docs/custom-training.md")
    task, result = found["task"], found["result"]
    carrying = [i for i, energy in enumerate(task.bands.energy) if energy > 0.01]
    assert [task.bands.bands[i] for i in carrying] == [(1, 2), (4, 8), (8, 16)]
    assert [task.bands.energy[i] for i in carrying] == pytest.approx([1 / 3] * 3, abs=1e-3)
    by_loop, by_hand = result.history[-1]["bands"], found["errors"][-1]
    for i in carrying:
        assert by_loop[i] < 0.15
        assert by_hand[i] < 0.15
    assert result.history[-1]["snr"] > 20
    assert found["order"].value == 1
    assert found["resumed"].finished
    assert [line["bands"] for line in found["resumed"].history] == [line["bands"] for line in result.history]
    assert (tmp_path / "runs" / "custom" / "history.jsonl").is_file()


def test_methods_of_a_task_that_the_custom_training_names_exist() -> None:
    rows = table_rows(read("docs/custom-training.md"), "method")
    protocols = (ScheduledTask, LeastSquaresTask, FinishingTask)
    known = {
        f"{name}({', '.join(list(inspect.signature(getattr(kind, name)).parameters)[1:])})"
        for kind in protocols
        for name in vars(kind)
        if not name.startswith("_")
    }
    assert set(rows) == known


def test_an_encoding_cures_the_network_inside_pytorch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oracle: three equally strong waves; the plain network learns them low first and the encoded one learns all."""
    monkeypatch.chdir(tmp_path)
    found = run_blocks("docs/inside-pytorch.md")
    carrying = [i for i, energy in enumerate(found["bands"].energy) if energy > 0.01]
    assert [found["bands"].bands[i] for i in carrying] == [(1, 2), (4, 8), (16, 32)]
    plain, encoded = ([found["learned"][name][i] for i in carrying] for name in ("plain", "encoded"))
    assert max(encoded) < 0.1
    assert plain == sorted(plain)
    assert plain[-1] > 0.5
    assert "frequencies" in dict(found["encoding"].named_buffers())


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_python_blocks_compile(path: Path) -> None:
    for source in blocks(path.read_text(encoding="utf-8"), "python"):
        ast.parse(source)


def test_presets_stand_in_their_table() -> None:
    rows = table_rows(read("docs/choosing-a-backbone.md"), "preset")
    told = {
        name: (row["encoding"].strip("`"), row["backbone"].strip("`"), float(row["rate"])) for name, row in rows.items()
    }
    assert told == {name: (p.encoding, p.backbone, p.learning_rate) for name, p in PRESETS.items()}


def test_encodings_stand_in_their_table_with_their_true_derivatives() -> None:
    rows = table_rows(read("docs/choosing-a-backbone.md"), "encoding")
    assert set(rows) == set(ENCODINGS)
    for name, kind in ENCODINGS.items():
        module = kind().build(3, torch.Generator().manual_seed(0))
        assert number(rows[name]["derivatives"]) == module.derivative_order, name
        assert rows[name]["band limit"] == ("no" if module.band_limit is None else "yes"), name


def test_backbones_stand_in_their_table_with_their_true_derivatives() -> None:
    rows = table_rows(read("docs/choosing-a-backbone.md"), "backbone")
    assert set(rows) == set(BACKBONES)
    for name, kind in BACKBONES.items():
        module = kind().build(2, 3, torch.Generator().manual_seed(0))
        assert number(rows[name]["derivatives"]) == module.derivative_order, name


def test_settings_of_parts_stand_in_their_table() -> None:
    rows = table_rows(read("docs/choosing-a-backbone.md"), "part")
    told = {name: re.findall(r"`([a-z-]+)`", row["settings"]) for name, row in rows.items()}
    parts: dict[str, Any] = {**ENCODINGS, **BACKBONES}
    assert told == {name: [f.name.replace("_", "-") for f in dataclasses.fields(kind)] for name, kind in parts.items()}


def test_activations_are_listed() -> None:
    line = next(p for p in read("docs/choosing-a-backbone.md").split("\n\n") if p.startswith("**Activations**"))
    assert re.findall(r"`(\w+)`", line.split(".")[0]) == list(ACTIVATIONS)


def number(cell: str) -> float:
    """The number that a cell begins with."""
    return math.inf if cell.startswith("∞") else float(cell.split()[0])


def defaults_told(text: str) -> dict[str, str]:
    """Defaults by option, from the tables with both columns; those that stand in words count as their words."""
    told: dict[str, str] = {}
    columns = None
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        heads = [i for i, cell in enumerate(cells) if cell.startswith("option")]
        if not line.startswith("|"):
            columns = None
        elif heads and "default" in cells:
            columns = heads[0], cells.index("default")
        elif columns is not None:
            names = re.findall(r"`--([a-z][a-z-]*)", cells[columns[0]])
            values = re.sub(r"(?<=\d),(?=\d{3})", "", cells[columns[1]]).replace("`", "").split(", ")
            told |= dict(zip(names, values, strict=True)) if len(names) == len(values) else {}
    return told


@pytest.mark.parametrize(
    ("name", "least", "kinds"),
    [
        ("docs/image.md", 8, (JOBS["image"].options, JOBS["image"].source)),
        ("docs/surfaces.md", 15, (JOBS["surface"].options, JOBS["surface"].source)),
        ("docs/views.md", 13, (JOBS["views"].options, JOBS["views"].source)),
        ("docs/equations.md", 15, (JOBS["equation"].options, JOBS["equation"].source)),
        ("docs/scans.md", 14, (ScanOptions, ScanCommand, MeshBenchOptions, MeshCommand)),
        ("docs/lab.md", 3, (LabCommand,)),
    ],
)
def test_defaults_that_are_told_are_true(name: str, least: int, kinds: tuple[Any, ...]) -> None:
    told, compared = defaults_told(read(name)), 0
    for field in [field for kind in kinds for field in dataclasses.fields(kind)]:
        cell = told.get(field.name.replace("_", "-"), "")
        default = field.default
        if isinstance(default, (bool, type(None))) or not re.fullmatch(r"-?[\d.]+|[a-z]+[a-z\d-]*", cell):
            continue
        if isinstance(default, (int, float)) and re.fullmatch(r"-?[\d.]+", cell):
            assert float(cell) == default, (name, field.name)
            compared += 1
        elif isinstance(default, str) and default.isascii():
            assert cell == default, (name, field.name)
            compared += 1
    assert compared >= least, (name, compared, told)


GUIDES = {"image": "image", "surface": "surfaces", "views": "views", "equation": "equations", "signal": "stages"}


@pytest.mark.parametrize("job", JOBS.values(), ids=lambda job: job.name)
def test_every_option_of_a_job_is_told(job: Job) -> None:
    told = {option.split(".")[0] for option in re.findall(r"`--([a-z][a-z.-]*)", read(f"docs/{GUIDES[job.name]}.md"))}
    fields = [field for kind in (job.source, Common, job.options) for field in dataclasses.fields(kind)]
    wanted = {field.name.replace("_settings", "").replace("_", "-") for field in fields} - {job.positional}
    assert wanted - told == set()


def test_every_preset_and_problem_of_solve_is_told() -> None:
    text = read("docs/equations.md")
    assert set(table_rows(text, "problem")) == set(PROBLEMS)
    line = next(p for p in text.split("\n\n") if p.startswith("Presets:"))
    assert set(EQUATION_PRESETS) <= set(re.findall(r"`(\w+)`", line))


def test_every_option_of_the_views_bench_is_told() -> None:
    told = set(re.findall(r"`--([a-z][a-z-]*)", read("docs/views.md").replace("`--no-peers`", "`--peers`")))
    fields = [*dataclasses.fields(ViewsBenchOptions), *dataclasses.fields(ViewsBenchCommand)]
    assert {field.name.replace("_", "-") for field in fields} - {"scenes"} <= told


def test_every_option_of_products_of_views_is_told() -> None:
    told = set(re.findall(r"`--([a-z][a-z-]*)", read("docs/views.md").split("## Novel views")[1]))
    assert {"path", "frames", "zoom", "show", "out", "baseline", "device", "overwrite", "quiet"} <= told
    assert {"cloud", "points", "resolution", "faces"} <= told


def test_every_option_and_case_of_the_mesh_bench_is_told() -> None:
    text = read("docs/scans.md").split("## Measuring against screened Poisson")[1]
    told = set(re.findall(r"`--([a-z][a-z-]*)", text))
    fields = [*dataclasses.fields(MeshBenchOptions), *dataclasses.fields(MeshCommand)]
    assert {field.name.replace("_", "-") for field in fields} - {"meshes"} == told
    row = next(line for line in text.splitlines() if line.startswith("| `--cases"))
    assert re.findall(r"`(\d+k-\w+)`", row) == list(CASES)


def test_toy_scenes_stand_in_their_table() -> None:
    rows = table_rows(read("docs/scenes.md"), "scene")
    assert set(rows) == {path.stem for path in (ROOT / "scenes").glob("*.yaml")}


def test_the_scene_of_your_own_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(blocks(read("docs/scenes.md"), "yaml")[0], encoding="utf-8")
    scene = load_scene(tmp_path / "mine.yaml")
    assert not scene.unbounded
    distance = scene.distance(torch.tensor([[-0.3, 0.0, 0.1], [0.0, 0.0, 3.0]]))
    assert distance[0] == pytest.approx(-0.4, abs=1e-5)
    assert distance[1] > 2


def test_every_option_of_scan_is_told() -> None:
    rows = table_rows(read("docs/scans.md"), "option of `nfield scan`")
    told = {name for row in rows.values() for name in re.findall(r"`--([a-z-]+)", row["option of `nfield scan`"])}
    fields = [*dataclasses.fields(ScanOptions), *dataclasses.fields(ScanCommand)]
    assert told == {field.name.replace("_", "-") for field in fields} - {"mesh"}


def test_every_option_and_experiment_of_the_laboratory_is_told() -> None:
    text = read("docs/lab.md")
    rows = table_rows(text, "option of `nfield lab`")
    told = {name for row in rows.values() for name in re.findall(r"`--([a-z]+)", row["option of `nfield lab`"])}
    assert told == {field.name for field in dataclasses.fields(LabCommand)}
    assert re.findall(r"^\| \[`([a-z0-9-]+)`\]", text, flags=re.MULTILINE) == list(EXPERIMENTS)
    pages = "\n".join(read(f"docs/{name}.md") for name in ("lab", "lab-order", "lab-cures", "lab-phenomena"))
    sections = re.findall(r"^## .*`([a-z0-9-]+)`", pages, flags=re.MULTILINE)
    assert sorted(sections) == sorted(EXPERIMENTS)


def test_every_key_of_the_metrics_is_told(workplace: Path) -> None:
    image = Image.from_array(np.arange(144, dtype=np.uint8).reshape(12, 12))
    data = ImageData(image=image, mask=np.eye(12, dtype=bool)[::-1] == 0)
    result = run(JOBS["image"], data, ImageOptions(steps=1, holdout=True, encoding="basic"))
    text = read("docs/image.md")
    for key in (*result.metrics, *result.metrics["bands"][0]):
        assert f"`{key}`" in text, key
    for key in result.history[0]:
        assert f"`{key}`" in text, key


def test_the_energies_told_of_camera() -> None:
    """Oracle: a transform in float64 with the Hann window, written out here."""
    picture = data.camera() / 255
    window = np.sin(np.pi * (np.arange(512) + 0.5) / 512) ** 2
    window = window[:, None] * window
    power = np.abs(np.fft.fft2((picture - (picture * window).sum() / window.sum()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(512, 1 / 512)] * 2))
    told = re.findall(r"(\d+) % (?:of it lies\s+)?below (\d+)", read("docs/reading-a-band-plot.md").replace("\n", " "))
    assert len(told) == 2
    for share, edge in told:
        assert round(100 * power[frequency < int(edge)].sum() / power.sum()) == int(share)


def test_architecture_lists_the_floors() -> None:
    tree = ast.parse((ROOT / "tests" / "test_floors.py").read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    value = next(node.value for node in assigned if ast.unparse(node.targets[0]) == "FLOORS")
    floors = eval(ast.unparse(value))
    told, planned = {}, set()
    for line in read("docs/architecture.md").splitlines():
        row = re.match(r"\| (\d) \| `(\w+)`( \*\(planned\)\*)? \|", line)
        if row:
            told[row[2]] = int(row[1])
            planned |= {row[2]} if row[3] else set()
    assert told == floors
    there = {path.parent.name for path in (ROOT / "nfield").glob("*/__init__.py")}
    assert there == set(told) - planned
