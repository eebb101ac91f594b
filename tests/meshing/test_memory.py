"""Large meshes in blocks: what comes out is the same, in bounded memory. Oracles: one block; the system's mark."""

import dataclasses
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from nfield.core import blocks
from nfield.core.mesh import Mesh
from nfield.core.sampling import sample_surface
from nfield.io.geometry.meshes import load_mesh, save_mesh
from nfield.meshing.checks import describe
from nfield.meshing.components import components, trim_unsupported
from nfield.meshing.edges import odd_edges
from nfield.meshing.extraction import extract_surface
from nfield.meshing.project import median_edge, project, vertex_normals
from nfield.metrics.surface import surface_metrics

LOW, HIGH = np.full(3, -1.0), np.full(3, 1.0)


@pytest.fixture
def mesh(shapes):
    """Two closed pieces and an open one, numbered in no order, with faces without area and an unused vertex."""
    solid = extract_surface(shapes.torus(), LOW, HIGH, 10, dtype=torch.float64)
    whole = shapes.joined(solid, shapes.tetrahedron(0.4, (2.0, 0.0, 0.0)), shapes.square(3))
    draw = np.random.default_rng(1)
    rows = draw.permutation(len(whole.vertices))
    faces = np.argsort(rows)[whole.faces[draw.permutation(len(whole.faces))]]
    faces = np.concatenate([faces, faces[:1, [0, 0, 1]]])
    return Mesh(vertices=np.concatenate([whole.vertices[rows], np.ones((1, 3))]), faces=faces)


def facts(mesh, shapes, folder):
    """All that is worked out block by block."""
    field, near = shapes.torus(), mesh.vertices[::3]
    projected = project(mesh, field, dtype=torch.float64)
    dressed = dataclasses.replace(projected, normals=vertex_normals(projected, field, dtype=torch.float64))
    pieces, odd = components(mesh), odd_edges(mesh)
    found = {
        "projected": projected.vertices,
        "normals": dressed.normals,
        "face normals": vertex_normals(mesh),
        "median edge": median_edge(mesh),
        "labels": pieces.labels,
        "areas": pieces.areas,
        "volumes": pieces.volumes,
        "odd": odd.edges.ends,
        "turns": odd.edges.turns,
        "count": odd.count,
        "trimmed": trim_unsupported(mesh, near, 0.2, spacings=0).faces,
        "drawn": sample_surface(mesh, 50, np.random.default_rng(0))[0],
    }
    found |= {f"described {name}": value for name, value in dataclasses.asdict(describe(mesh)).items()}
    found |= dataclasses.asdict(surface_metrics(projected, extract_surface(field, LOW, HIGH, 20), samples=200))
    for name in ("mesh.ply", "mesh.stl"):
        path = folder / name
        path.unlink(missing_ok=True)
        save_mesh(path, dressed)
        found[name] = path.read_bytes()
        found[f"{name} read"] = load_mesh(path).corners
    return found


def test_blocks_change_nothing(mesh, shapes, tmp_path, monkeypatch):
    whole = facts(mesh, shapes, tmp_path)
    monkeypatch.setattr(blocks, "AT_ONCE", 7)
    monkeypatch.setattr("nfield.meshing.edges.SIDES_AT_ONCE", 7)
    assert len(list(mesh.blocks())) > 10
    for name, value in facts(mesh, shapes, tmp_path).items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            np.testing.assert_allclose(value, whole[name], rtol=1e-12, atol=1e-12, err_msg=name)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, whole[name], err_msg=name)
        elif isinstance(value, float):
            assert value == pytest.approx(whole[name], rel=1e-12), name
        else:
            assert value == whole[name], name


def test_odd_edges_are_those_of_all_that_are_odd(mesh):
    """Counted in plain Python: how many faces each edge belongs to, and how many run along it one way or the other."""
    faces, turns = Counter(), Counter()
    for corners in mesh.faces.tolist():
        for one, other in zip(corners, (*corners[1:], corners[0]), strict=True):
            edge = (min(one, other), max(one, other))
            faces[edge] += 1
            turns[edge] += 1 if one <= other else -1
    wanted = sorted((edge, n, turns[edge]) for edge, n in faces.items() if n != 2 or turns[edge] != 0)
    odd = odd_edges(mesh)
    assert odd.count == len(faces)
    assert wanted
    found = zip(map(tuple, odd.edges.ends.tolist()), odd.edges.faces.tolist(), odd.edges.turns.tolist(), strict=True)
    assert list(found) == wanted


def test_long_chains_of_faces_are_one_piece(monkeypatch):
    """Each block joins a strip's end to the rest: ways from vertex to vertex grow long and must still be followed."""
    monkeypatch.setattr(blocks, "AT_ONCE", 1)
    count = 200
    rows = np.arange(count)
    faces = np.stack([rows, rows + 1, rows + 2], 1)[::-1]
    mesh = Mesh(vertices=np.random.default_rng(0).random((count + 2, 3)), faces=faces)
    assert (components(mesh).labels == 0).all()


WORK = """
import re, sys
from pathlib import Path
import numpy as np, torch
from nfield.core.mesh import Mesh
from nfield.io.geometry.meshes import load_mesh, save_mesh
from nfield.meshing.checks import describe
from nfield.meshing.components import keep_components
from nfield.meshing.project import project, vertex_normals
from nfield.rendering.gridded import gridded

def memory(name):
    return 1024 * int(re.search(name + r":\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])

def field(x):
    return torch.hypot(torch.hypot(x[:, 0], x[:, 1]) - 0.6, x[:, 2]) - 0.25

def torus(n):
    a, b = np.meshgrid(*[np.arange(n) * (2 * np.pi / n)] * 2, indexing="ij")
    ring = 0.6 + 0.25 * np.cos(b)
    rows = np.arange(n * n).reshape(n, n)
    ahead, up = np.roll(rows, -1, 0), np.roll(rows, -1, 1)
    both = np.roll(ahead, -1, 1)
    faces = np.stack([rows, ahead, both, rows, both, up], -1).reshape(-1, 3)
    vertices = np.stack([ring * np.cos(a), ring * np.sin(a), 0.25 * np.sin(b)], -1).reshape(-1, 3)
    return Mesh(vertices=vertices, faces=faces)

def work(mesh, path):
    mesh = project(keep_components(mesh, mesh.vertices[::100]), field)
    mesh = Mesh(vertices=mesh.vertices, faces=mesh.faces, normals=vertex_normals(mesh, field))
    found = describe(mesh)
    assert found.watertight and found.outward and found.components == 1
    save_mesh(path, mesh)
    del mesh
    assert len(gridded(load_mesh(path), found.faces // 8).faces) <= found.faces // 8

work(torus(50), sys.argv[1])
mesh = torus(1000)
start = memory("VmRSS")
work(mesh, sys.argv[1])
print((memory("VmHWM") - start) / len(mesh.faces))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell the resident memory")
def test_memory_of_all_that_follows_extraction(tmp_path):
    """Bytes per face beyond the mesh that is handed in. Corners of all faces at once, in double precision, are 72."""
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(tmp_path / "mesh.ply")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 150
