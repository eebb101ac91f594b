"""A ring of cameras round the origin, written to every layout of posed photographs, independently of the readers."""

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT, FOCAL = 8, 6, 10.0
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])


def look_at(eye: Any, target: Any = (0.0, 0.0, 0.0), up: Any = (0.0, 0.0, 1.0)) -> np.ndarray:
    """Camera-to-world in OpenGL axes."""
    backward = np.subtract(eye, target) / np.linalg.norm(np.subtract(eye, target))
    right = np.cross(up, backward)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(backward, right), backward, np.asarray(eye, float)], 1)
    return pose


def ring(count: int = 9) -> list[np.ndarray]:
    angles = 2 * math.pi * np.arange(count) / count
    return [look_at((4 * math.cos(a), 4 * math.sin(a), 1 + 0.1 * i)) for i, a in enumerate(angles)]


def write_pictures(folder: Path, count: int = 9, size: tuple[int, int] = (WIDTH, HEIGHT)) -> list[str]:
    """Pictures of one colour each; their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"p{index}.png" for index in range(count)]
    for index, name in enumerate(names):
        Image.new("RGB", size, (20 * index, 100, 200)).save(folder / name)
    return names


def frames(poses: list[np.ndarray], names: list[str], **more: Any) -> list[dict[str, Any]]:
    return [
        {"file_path": name, "transform_matrix": pose.tolist(), **more} for pose, name in zip(poses, names, strict=True)
    ]


def write_json(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def write_nerfstudio(root: Path, poses: list[np.ndarray] | None = None, **facts: Any) -> Path:
    """A folder with transforms.json; `facts` given as None are left out."""
    poses = ring() if poses is None else poses
    names = write_pictures(root / "images", len(poses))
    content = {"fl_x": FOCAL, "fl_y": FOCAL, "cx": WIDTH / 2, "cy": HEIGHT / 2, "w": WIDTH, "h": HEIGHT, **facts}
    content = {key: value for key, value in content.items() if value is not None}
    content.setdefault("frames", frames(poses, [f"images/{name}" for name in names]))
    write_json(root / "transforms.json", content)
    return root


def write_blender(root: Path, poses: list[np.ndarray] | None = None, split: str = "train") -> Path:
    """A folder with transforms_{split}.json, pictures named without extension."""
    poses = ring() if poses is None else poses
    names = write_pictures(root / split, len(poses))
    listed = frames(poses, [f"./{split}/{name.removesuffix('.png')}" for name in names])
    angle = 2 * math.atan(0.5 * WIDTH / FOCAL)
    write_json(root / f"transforms_{split}.json", {"camera_angle_x": angle, "frames": listed})
    return root


def quaternion(rotation: np.ndarray) -> np.ndarray:
    """(w, x, y, z) as the eigenvector of Bar-Itzhack's matrix: another way than the reader's."""
    r = rotation
    k = np.array(
        [
            [r[0, 0] - r[1, 1] - r[2, 2], 0, 0, 0],
            [r[0, 1] + r[1, 0], r[1, 1] - r[0, 0] - r[2, 2], 0, 0],
            [r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], r[2, 2] - r[0, 0] - r[1, 1], 0],
            [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], r.trace()],
        ]
    )
    x, y, z, w = np.linalg.eigh(k)[1][:, -1]
    return np.array([w, x, y, z])


def colmap_poses(poses: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """World-to-camera quaternions and translations, OpenCV axes."""
    inverses = [np.linalg.inv(pose @ FLIP) for pose in poses]
    return [(quaternion(inverse[:3, :3]), inverse[:3, 3]) for inverse in inverses]


PINHOLE = ("PINHOLE", 1, (FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2))


def write_colmap_text(
    root: Path,
    poses: list[np.ndarray] | None = None,
    camera: tuple[str, int, tuple[float, ...]] = PINHOLE,
    points: np.ndarray | None = None,
    points_line: str | None = "1.5 2.5 -1 3 4 17",
) -> Path:
    poses = ring() if poses is None else poses
    names = write_pictures(root / "images", len(poses))
    model = root / "sparse" / "0"
    model.mkdir(parents=True)
    parameters = " ".join(repr(float(number)) for number in camera[2])
    (model / "cameras.txt").write_text(f"# Camera list\n7 {camera[0]} {WIDTH} {HEIGHT} {parameters}\n")
    lines = ["# Image list"]
    for index, ((q, t), name) in enumerate(zip(colmap_poses(poses), names, strict=True)):
        lines.append(" ".join([str(index + 1), *(repr(float(number)) for number in (*q, *t)), "7", name]))
        lines += [] if points_line is None else [points_line]
    (model / "images.txt").write_text("\n".join(lines) + "\n")
    if points is not None:
        rows = [f"{i} {x!r} {y!r} {z!r} 1 2 3 0.5 1 2" for i, (x, y, z) in enumerate(points.tolist())]
        (model / "points3D.txt").write_text("# points\n" + "\n".join(rows) + "\n")
    return root


def write_colmap_binary(
    root: Path,
    poses: list[np.ndarray] | None = None,
    camera: tuple[str, int, tuple[float, ...]] = PINHOLE,
    points: np.ndarray | None = None,
) -> Path:
    poses = ring() if poses is None else poses
    names = write_pictures(root / "images", len(poses))
    model = root / "sparse" / "0"
    model.mkdir(parents=True)
    cameras = struct.pack("<QIiQQ", 1, 7, camera[1], WIDTH, HEIGHT) + struct.pack(f"<{len(camera[2])}d", *camera[2])
    (model / "cameras.bin").write_bytes(cameras)
    images = struct.pack("<Q", len(poses))
    for index, ((q, t), name) in enumerate(zip(colmap_poses(poses), names, strict=True)):
        images += struct.pack("<I7dI", index + 1, *q, *t, 7) + name.encode() + b"\0"
        images += struct.pack("<Q", 2) + struct.pack("<ddq", 1.5, 2.5, -1) + struct.pack("<ddq", 3, 4, 17)
    (model / "images.bin").write_bytes(images)
    if points is not None:
        content = struct.pack("<Q", len(points))
        for index, point in enumerate(points):
            content += struct.pack("<Q3d3Bd", index, *point, 1, 2, 3, 0.5) + struct.pack("<QIIII", 2, 1, 2, 3, 4)
        (model / "points3D.bin").write_bytes(content)
    return root
