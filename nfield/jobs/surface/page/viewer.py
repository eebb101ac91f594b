"""Surfaces to be turned by hand: a page of trimesh's viewer, which holds three.js, inside the report.

The page is packed (gzip, base64) into an attribute, and the script of the report unpacks it into a frame when it comes
into sight: hundreds of kilobytes of library and megabytes of surface neither slow the report down nor run unasked.
The frame is sandboxed and inherits the report's content security policy.
"""

import base64
import gzip
import html
import json
from typing import Any

import numpy as np

from nfield.core.mesh import Mesh
from nfield.jobs.surface.page.surfaces import Surfaces
from nfield.rendering.cameras import Camera, upright
from nfield.rendering.lighter import lighter
from nfield.rendering.scene import bounds
from nfield.reports.markup import POLICY, Markup, absent, element, join

VIEWER_POLICY = f"{POLICY}; connect-src data:"
"""The viewer reads its meshes from a `data:` address inside the page."""

FACES = 60_000
FACES_IN_ALL = 160_000
"""Most faces of one surface, and of all together."""

GRID = 2**14
"""Positions are rounded to this share of half the longest edge, far below a pixel: round numbers pack well."""

GREY = (0.82, 0.82, 0.80)

ADDITIONS = """
<style>
body { background: #fff; font: 14px system-ui, "Liberation Sans", "DejaVu Sans", sans-serif; }
canvas { display: block; touch-action: none; }
#choice { position: fixed; left: 8px; top: 8px; display: flex; flex-wrap: wrap; gap: 6px; margin: 0; padding: 0; }
#choice button { font: inherit; padding: 4px 10px; border: 1px solid #8a94a0; border-radius: 4px; background: #fff;
  color: #1b2129; cursor: pointer; }
#choice button[aria-pressed="true"] { background: #0b62a8; border-color: #0b62a8; color: #fff; }
</style>
<div id="choice" role="group" aria-label="Surface shown"></div>
<script>
"use strict";
(() => {
  const titles = TITLES;
  const names = Object.keys(titles);
  const bar = document.getElementById("choice");
  const show = (chosen) => {
    for (const name of names) scene.getObjectByName(name).visible = name === chosen;
    for (const button of bar.children) button.setAttribute("aria-pressed", String(button.value === chosen));
    tracklight.position.copy(camera.position);
    renderer.render(scene, camera);
    document.documentElement.dataset.shown = chosen;
    parent.postMessage({ surface: chosen }, "*");
  };
  const begin = () => {
    // The meshes are read after the viewer's script has ended.
    if (!controls || !names.every((name) => scene.getObjectByName(name))) return requestAnimationFrame(begin);
    tracklight.intensity = 0.72;
    scene.add(new THREE.HemisphereLight(0xffffff, 0x8c8a86, 0.5));
    controls.rotateSpeed = 2.5;
    for (const name of names) {
      const button = document.createElement("button");
      button.type = "button";
      button.value = name;
      button.textContent = titles[name];
      button.addEventListener("click", () => show(name));
      bar.append(button);
    }
    show(names[0]);
  };
  begin();
})();
</script>
"""


def viewer_section(surfaces: Surfaces) -> Markup:
    """A frame in which the surfaces can be turned, one at a time; the script makes it."""
    if not surfaces.there:
        return absent("There is no mesh to turn in outputs/ yet.")
    page = viewer_page(surfaces)
    packed = base64.b64encode(gzip.compress(page.encode("utf-8"), compresslevel=6, mtime=0)).decode("ascii")
    help_text = "Drag to turn, scroll or pinch to come closer, drag with the right button or two fingers to move."
    if any(
        shape.mesh is not None and len(shape.mesh.faces) > _allowed(len(surfaces.there)) for shape in surfaces.there
    ):
        help_text += f" Surfaces are thinned to {_allowed(len(surfaces.there)):,} faces here."
    missing = absent("The surfaces can be turned here in a browser with JavaScript, WebGL and DecompressionStream.")
    return join([element("p", help_text), element("div", missing, class_="space", data_page=packed)])


def _allowed(count: int) -> int:
    return min(FACES, 1000 * (FACES_IN_ALL // count // 1000))


def viewer_page(surfaces: Surfaces) -> str:
    """A whole HTML page with the surfaces, of which one is seen at a time; the first one at the start."""
    import trimesh
    from trimesh.viewer.notebook import scene_to_html

    meshes = {shape.key: shape.mesh for shape in surfaces.there if shape.mesh is not None}
    low, high = bounds(next(iter(meshes.values())))
    middle, half = (low + high) / 2, float((high - low).max()) / 2 or 1.0
    turn = upright(surfaces.up)
    scene = trimesh.Scene()
    for key, mesh in meshes.items():
        scene.add_geometry(
            _drawable(lighter(mesh, _allowed(len(meshes))), middle, half, turn), node_name=key, geom_name=key
        )
    first = surfaces.cameras[0]
    seen = Camera(position=turn @ ((first.position - middle) / half), target=np.zeros(3), up=turn @ first.up)
    # The frame is at least as wide as high, so the upright angle is the one that counts.
    angle = first.view_angle
    # Named, as a name made up at random would make each page another one.
    scene.camera = trimesh.scene.Camera(name="camera", resolution=(1200, 600), fov=(2 * angle, angle), z_near=0.01)
    scene.camera_transform = seen.camera_to_world
    titles = json.dumps({shape.key: shape.title for shape in surfaces.there if shape.mesh is not None})
    additions = ADDITIONS.replace("TITLES", html.escape(titles, quote=False))
    whole = scene_to_html(scene)
    before, _, after = whole.rpartition("</body>")
    return f"{before}{additions}</body>{after}"


def _drawable(mesh: Mesh, middle: np.ndarray, half: float, turn: np.ndarray) -> Any:
    """The mesh of unit size around the origin, rounded, with a plain material."""
    import trimesh

    normals = mesh.normals if mesh.normals is not None else np.zeros((len(mesh.vertices), 3), dtype=np.float32)
    material = trimesh.visual.material.PBRMaterial(
        baseColorFactor=[*(round(255 * part) for part in GREY), 255],
        metallicFactor=0.0,
        roughnessFactor=0.75,
        doubleSided=True,
    )
    return trimesh.Trimesh(
        vertices=np.round((mesh.vertices - middle) / half @ turn.T * GRID) / GRID,
        faces=mesh.faces,
        vertex_normals=np.round(normals @ turn.T * 127) / 127,
        visual=trimesh.visual.TextureVisuals(material=material),
        process=False,
    )
