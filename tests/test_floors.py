"""The house's floors, held against the real imports: folders and files import only downwards, and never in a circle."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import nfield

FLOORS = {
    name: floor
    for floor, names in enumerate(
        (
            "core",
            "io kernels spectral metrics points equations",
            "encodings rendering meshing",
            "backbones",
            "fields",
            "reports training scenes",
            "jobs",
            "viewer bench lab",
            "cli",
        )
    )
    for name in names.split()
}
ALIKE = {"nfield/backbones", "nfield/encodings"}
"""Folders of alike members, one row of a table each."""
LARGEST_FOLDER, LONGEST_FILE = 20, 400
PACKAGE = Path(nfield.__file__).parent
FILES = sorted(PACKAGE.glob("**/*.py"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}


def names_in(source: str) -> set[str]:
    """What a module imports: also inside functions, for types alone, and by a string ("nfield.folder.file:name")."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("nfield."):
            names.add(node.value.split(":")[0])
    return {name for name in names if name.split(".")[0] == "nfield"}


def folders_in(source: str) -> set[str]:
    found = {parts[1] for name in names_in(source) if len(parts := name.split(".")) > 1}
    return {name for name in found if name in FLOORS or (PACKAGE / name).is_dir()}


def violations(folder: str, source: str) -> list[str]:
    return [
        f"{folder} (floor {FLOORS[folder]}) imports {other} (floor {FLOORS[other]})"
        for other in sorted(folders_in(source))
        if other != folder and FLOORS[other] >= FLOORS[folder]
    ]


def graph_of(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Each module with those that it imports. A package's `__init__` hands names out, and counts as none."""
    return {module: {name for name in names_in(text) if name in sources} - {module} for module, text in sources.items()}


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Modules that import one another, by Tarjan's strongly connected components."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in graph[node]:
            if other not in order:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == order[node]:
            part = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(part) > 1:
                found.append(sorted(part))

    for node in graph:
        if node not in order:
            visit(node)
    return found


def across_jobs(graph: Mapping[str, set[str]]) -> Iterator[str]:
    """Imports from one job's folder into another's."""
    for module, others in graph.items():
        own = module.split(".")[:4]
        for other in others:
            both = own[1:2] == ["jobs"] == other.split(".")[1:2] and len(own) == 4 and other.count(".") > 2
            if both and own[2] != other.split(".")[2]:
                yield f"{module} imports {other}"


SOURCES = {name: path.read_text() for name, path in MODULES.items() if path.name != "__init__.py"}


def test_every_folder_has_a_floor() -> None:
    folders = {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders <= set(FLOORS), f"not in the table of floors: {folders - set(FLOORS)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downward(path: Path) -> None:
    if path.parent != PACKAGE:
        assert violations(path.relative_to(PACKAGE).parts[0], path.read_text()) == []


def test_no_files_import_one_another() -> None:
    assert circles(graph_of(SOURCES)) == []


def test_no_job_imports_another() -> None:
    assert list(across_jobs(graph_of(SOURCES))) == []


def test_files_and_folders_stay_small() -> None:
    assert [p.name for p in FILES if len(p.read_text().splitlines()) > LONGEST_FILE] == []
    sizes = Counter(str(p.parent.relative_to(PACKAGE.parent)) for p in FILES if p.name != "__init__.py")
    assert {name: size for name, size in sizes.items() if size > LARGEST_FOLDER and name not in ALIKE} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from nfield.training.loop import fit",
        "def f():\n    import nfield.jobs.image.task",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from nfield.fields import base",
        "import importlib\nimportlib.import_module('nfield.cli.main')",
        "later('nfield.jobs.image.run:prepare')",
        "from nfield import reports",
    ],
)
def test_the_net_catches_upward_imports(source: str) -> None:
    assert violations("fields" if "fields" not in source else "backbones", source)


def test_the_net_lets_downward_imports_through() -> None:
    assert violations("jobs", "from nfield.core.checks import UserError\nfrom nfield.spectral import bands") == []


def test_the_net_catches_circles_also_inside_functions() -> None:
    sources = {
        "nfield.a": "from nfield.b import x",
        "nfield.b": "def f():\n    from nfield import c",
        "nfield.c": "later('nfield.a:x')",
        "nfield.d": "import nfield.a",
    }
    assert circles(graph_of(sources)) == [["nfield.a", "nfield.b", "nfield.c"]]
    assert circles(graph_of({**sources, "nfield.c": ""})) == []


def test_the_net_catches_imports_between_jobs() -> None:
    sources = {
        "nfield.jobs.image.run": "from nfield.jobs.views.run import x\nfrom nfield.jobs.run import y",
        "nfield.jobs.views.run": "from nfield.jobs.views.task import z",
        "nfield.jobs.views.task": "",
        "nfield.jobs.run": "",
        "nfield.jobs.table": "from nfield.jobs.image.run import x",
    }
    assert list(across_jobs(graph_of(sources))) == ["nfield.jobs.image.run imports nfield.jobs.views.run"]


SAME_FILES = {"job", "options", "source", "recipe", "task", "run", "result", "figures", "outputs", "page"}


@pytest.mark.parametrize("job", sorted(p.name for p in (PACKAGE / "jobs").iterdir() if (p / "job.py").is_file()))
def test_every_job_has_the_same_files(job: str) -> None:
    there = {p.stem for p in (PACKAGE / "jobs" / job).iterdir() if p.suffix == ".py" or (p / "contents.py").is_file()}
    assert there >= SAME_FILES
