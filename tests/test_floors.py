"""The house's floors, held against the real imports: a folder imports only from floors below its own."""

import ast
from pathlib import Path

import pytest

import nfield

FLOORS = {
    "cli": 8,
    "reports": 7,
    "lab": 7,
    "bench": 7,
    "viewer": 7,
    "experiments": 6,
    "tasks": 5,
    "training": 5,
    "scenes": 5,
    "fields": 4,
    "backbones": 3,
    "encodings": 2,
    "rendering": 2,
    "meshing": 2,
    "io": 1,
    "kernels": 1,
    "spectral": 1,
    "metrics": 1,
    "points": 1,
    "equations": 1,
    "core": 0,
}
PACKAGE = Path(nfield.__file__).parent


def imports_of(source: str) -> set[str]:
    """Folders of nfield that a module's source imports, also inside functions and behind TYPE_CHECKING."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            names += [
                "".join(p.value for p in n.values if isinstance(p, ast.Constant))
                for n in ast.walk(node)
                if isinstance(n, ast.JoinedStr)
            ]
        found |= {parts[1] for name in names if (parts := name.split("."))[0] == "nfield" and len(parts) > 1}
    return {name for name in found if name in FLOORS or (PACKAGE / name).is_dir()}


def violations(folder: str, source: str) -> list[str]:
    return [
        f"{folder} (floor {FLOORS[folder]}) imports {other} (floor {FLOORS[other]})"
        for other in sorted(imports_of(source))
        if other != folder and FLOORS[other] >= FLOORS[folder]
    ]


def test_every_folder_has_a_floor() -> None:
    folders = {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders <= set(FLOORS), f"not in the table of floors: {folders - set(FLOORS)}"


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/**/*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downward(path: Path) -> None:
    assert violations(path.relative_to(PACKAGE).parts[0], path.read_text()) == []


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("**/*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize(
    "source",
    [
        "from nfield.training.loop import fit",
        "def f():\n    import nfield.tasks.image",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from nfield.fields import base",
        "import importlib\nimportlib.import_module('nfield.cli.main')",
        "from nfield import reports",
    ],
)
def test_the_net_catches_upward_imports(source: str) -> None:
    assert violations("fields" if "fields" not in source else "backbones", source)


def test_the_net_lets_downward_imports_through() -> None:
    assert violations("tasks", "from nfield.core.checks import UserError\nfrom nfield.spectral import bands") == []
