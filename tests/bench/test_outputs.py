"""Table, page and plot of a made-up measurement, and the folder they go to."""

from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import pytest

from nfield.bench.images.outputs import markdown, new_folder, text_table, write_outputs
from nfield.bench.images.suite import mean_psnr_at
from nfield.core.checks import UserError
from nfield.io.atomic import write_text


def method(name: str, title: str, at: list[float | None], times: list[float | None]) -> dict[str, Any]:
    history = [{"seconds": 0.0, "step": 0, "psnr": 8.0}, {"seconds": 1.0, "step": 9, "psnr": None}]
    history.append({"seconds": 2.0, "step": 20, "psnr": 24.0})
    return {
        "name": name, "title": title, "psnr_at": at, "seconds_to": times, "why": {}, "history": history,
        "settings": f"how {title} is set", "parameters": 12345, "steps": 20,
    }  # fmt: skip


def entry(source: str, shift: float) -> dict[str, Any]:
    own = method("nfield", "nfield", [30 + shift, 36 + shift], [0.5, 1.96])
    own["runs"] = [
        {"budget": 2.0, "seconds": 2.0, "seconds_of_steps": 1.9, "steps": 10, "psnr": 30.0},
        {"budget": 5.0, "seconds": 5.04, "seconds_of_steps": 4.9, "steps": 25, "psnr": None},
    ]
    peer = method("siren", "SIREN", [20 + shift, None], [None, None])
    return {"source": source, "height": 4, "width": 6, "channels": 3, "methods": [own, peer]}


def measurement(images: int) -> dict[str, Any]:
    entries = [entry("$odd name$.png", 0.0), entry("second.png", 3.0)][:images]
    return {
        "suite": "image", "date": "2001-02-03", "command": "nfield bench image", "options": {"seed": 4},
        "machine": {
            "processor": "Example CPU", "cores": 2, "device": "cpu", "system": "Linux", "load_before": None,
            "busy": False, "versions": {"nfield": "0", "torch": "9.9"},
        },
        "marks": [2.0, 5.0], "targets": [25.0, 30.0], "rules": ["the first rule", "the second"],
        "images": entries, "mean_psnr_at": mean_psnr_at(entries) if images > 1 else None,
    }  # fmt: skip


def test_mean_over_images_by_hand() -> None:
    assert measurement(2)["mean_psnr_at"] == {"nfield": [31.5, 37.5], "siren": [21.5, None]}


def test_text_table() -> None:
    assert text_table(measurement(1)) == (
        "$odd name$.png (6 x 4, 3 channels): PSNR (dB) after, time to\n"
        "          2 s    5 s  25 dB  30 dB  parameters  steps\n"
        "nfield  30.00  36.00  0.5 s  2.0 s      12,345     20\n"
        "SIREN   20.00      -      -      -      12,345     20\n"
    )


def test_text_table_of_several_images_ends_with_the_mean() -> None:
    assert text_table(measurement(2)).endswith(
        "mean PSNR (dB) of 2 images after\n          2 s    5 s\nnfield  31.50  37.50\nSIREN   21.50      -\n"
    )


def test_page_names_hardware_versions_command_and_rules() -> None:
    page = markdown(measurement(2))
    for told in (
        "# Image fitting against peers, 2001-02-03",
        "Example CPU, 2 cores; device cpu",
        "torch 9.9",
        "`nfield bench image`, seed 4",
        "| nfield | 33.00 | 39.00 | 0.5 s | 2.0 s | 12,345 | 20 |",
        "| SIREN | 21.50 | - |",
        "![PSNR over time](bench.png)",
        "- the second\n",
        "- SIREN: how SIREN is set.",
        "2 s took 2.00 s, 10 steps; 5 s took 5.04 s, 25 steps",
    ):
        assert told in page
    assert "None" not in page


def test_a_busy_machine_is_told() -> None:
    found = measurement(1)
    assert "busy" not in markdown(found) + text_table(found)
    found["machine"] |= {"busy": True, "load_before": 1.5}
    assert "load average before the run 1.50" in markdown(found)
    assert "The machine was busy" in markdown(found)
    assert "The machine was busy" in text_table(found)


def test_page_tables_have_even_rows() -> None:
    table = [line for line in markdown(measurement(1)).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert len(table) == 4


@pytest.mark.parametrize("images", [1, 2])
def test_files(tmp_path: Path, images: int) -> None:
    write_outputs(tmp_path, measurement(images))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bench.json", "bench.md", "bench.png"]
    height, width = imageio.imread(tmp_path / "bench.png").shape[:2]
    assert width > 900
    assert height > 500 * images


def test_new_folders_are_numbered_and_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = []
    for _ in range(3):
        folder = new_folder(None)
        names.append(folder.name)
        assert new_folder(None) == folder  # an empty folder is free still
        write_text(folder / "bench.md", "taken")
    assert names == ["bench-image", "bench-image-2", "bench-image-3"]


def test_out_must_be_new_or_empty(tmp_path: Path) -> None:
    assert new_folder(tmp_path / "a" / "b").is_dir()
    assert new_folder(tmp_path / "a" / "b").is_dir()
    with pytest.raises(UserError, match="not empty"):
        new_folder(tmp_path / "a")
    write_text(tmp_path / "file", "x")
    with pytest.raises(UserError, match="is a file"):
        new_folder(tmp_path / "file")
    with pytest.raises(UserError, match="Cannot write"):
        new_folder(tmp_path / "file" / "below")
