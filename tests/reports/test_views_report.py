"""The report of a radiance field: complete, self-contained, patient with what is missing, and the same twice.

Oracle: the figures that the synthetic run was given.
"""

import base64
import json
import pathlib
import re
import shutil

import pytest
from page_reader import Reader

from nfield.cli import main
from nfield.jobs.comparison import write_comparison
from nfield.jobs.page import write_report
from nfield.jobs.views.page import sections as view_sections
from nfield.jobs.views.page.sections import VIDEO_POLICY
from nfield.jobs.views.page.views import chosen_views, seen_views
from nfield.reports.record import read_record

HOSTILE = "<script>alert('x')</script>&\"q\".png"


def test_the_baseline_has_a_place_unless_none_was_asked_for(make_views_run):
    run = make_views_run(baseline=False)
    assert "Plain MLP: the picture is not in" in Reader(write_report(run)).text
    config = json.loads((run / "config.json").read_text())
    config["options"]["baseline"] = False
    (run / "config.json").write_text(json.dumps(config))
    assert "Plain MLP: the picture is not in" not in Reader(write_report(run)).text


def test_finished_run_is_told_completely(make_views_run):
    run = make_views_run()
    page = write_report(run)
    reader = Reader(page)
    for wanted in (
        "the field has learned all 5 frequency bands",
        "On 4 held-out views, PSNR is 33.0 dB and SSIM 0.930 against 21.0 dB and 0.930 for the plain MLP, which "
        "learned low frequencies before high ones",
        "It was trained on 20 pictures; its views range from 30.0 dB (test/r_3.png) to 36.0 dB (test/r_0.png).",
        "PSNR 36.0 dB, SSIM 0.900", "PSNR 24.0 dB, SSIM 0.600", "the same scale for all views", "Normals", "Opacity",
        "Depth, plain MLP", "outputs/video.mp4", "the view as training goes on", "Frequencies of the depth",
        "Rays trained on", "12,345", "7.1 %", "0.0123", "24 of them",
        "recipe.encoding.name", "Held-out view",
    ):  # fmt: skip
        assert wanted in reader.text, wanted
    assert [one for one in reader.headings if "view:" in one] == [
        "Best view: test/r_0.png", "Median view: test/r_2.png", "Worst view: test/r_3.png",
    ]  # fmt: skip
    for missing in ("not in", "on record", "Nothing of", "There is no", "no band errors", "has not finished"):
        assert missing not in reader.text, missing
    # Three views of truth, field and baseline with two errors, and one with three details; four rows of geometry;
    # four snapshots of each side; the video.
    assert len(reader.addresses) == 3 * 5 + 3 + 3 * 4 + 2 * 4 + 1
    assert sum(address.startswith("data:image/") for address in reader.addresses) == len(reader.addresses) - 1


def test_video_is_inside_the_page(make_views_run, monkeypatch):
    run = make_views_run(video=b"tiny video")
    video = Reader(write_report(run)).video
    assert video is not None
    assert base64.b64decode(video["src"].removeprefix("data:video/mp4;base64,")) == b"tiny video"
    assert {"controls", "loop", "muted", "playsinline"} <= set(video)
    monkeypatch.setattr(view_sections, "MOST_VIDEO_BYTES", 9)
    reader = Reader(write_report(run))
    assert reader.video is None
    assert "outputs/video.mp4 is left out of this page" in reader.text


def test_nothing_is_asked_for_outside(make_views_run):
    page = write_report(make_views_run(names=(HOSTILE, "../../secret", "/etc/passwd")))
    reader = Reader(page)
    assert HOSTILE in reader.text
    assert reader.policy == VIDEO_POLICY
    content = page.read_text(encoding="utf-8")
    outside = re.sub(r"data:(image|video)/\w+;base64,[\w+/=]+", "", content)
    assert "http" not in outside.replace("http-equiv", "")
    assert "@import" not in outside
    assert "//" not in re.sub(r"^\s*//.*$", "", outside, flags=re.MULTILINE)
    assert all(address.startswith("data:") for address in reader.addresses)


def test_same_folder_gives_same_file(make_views_run):
    run = make_views_run()
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first


def test_half_finished_run(make_views_run):
    reader = Reader(write_report(make_views_run(finished=False)))
    for wanted in (
        "This run has not finished", "This run has no pictures of views in outputs/ yet",
        "no pictures of depths, normals or opacities", "There is no outputs/video.mp4", "no figures of single views",
        "On held-out views, PSNR is", "the view as training goes on", "It was trained on 20 pictures.",
    ):  # fmt: skip
        assert wanted in reader.text, wanted
    # Bands of the picture and of the depth are known from the history, and so are edges from the config.
    assert reader.text.count("Final band errors") == 2


def test_without_baseline_depths_and_held_out_views(make_views_run):
    def change(metrics):
        metrics["why"] |= {"psnr": "no view is held out", "baseline": "not asked for (--no-baseline)"}

    run = make_views_run(baseline=False, depths=False, change=change)
    config = json.loads((run / "config.json").read_text())
    config["views"]["test"] = 0
    (run / "config.json").write_text(json.dumps(config))
    reader = Reader(write_report(run))
    for wanted in (
        "On the views it was trained on, as none was held out, PSNR is 33.0 dB", "not asked for (--no-baseline)",
        "No view was held out", "There are no band errors of the depth (the true depths are not known).",
        "Depth error, input units: the true depths are not known.",
    ):  # fmt: skip
        assert wanted in reader.text, wanted
    assert "Depth, plain MLP" not in reader.text
    assert "outputs/baseline-depth" not in reader.text


@pytest.mark.parametrize("folder", ["truth", "views", "baseline", "depth", "baseline-depth", "normals", "opacity"])
def test_missing_pictures_are_told(make_views_run, folder):
    run = make_views_run()
    shutil.rmtree(run / "outputs" / folder)
    text = Reader(write_report(run)).text
    assert ("is not in outputs/." if folder in ("truth", "views", "baseline") else f"in outputs/{folder}/.") in text


def test_depths_without_colours_are_shown_in_grey(make_views_run):
    run = make_views_run()
    before = len(Reader(write_report(run)).addresses)
    for path in (run / "outputs/depth").glob("*-coloured.png"):
        path.unlink()
    assert len(Reader(write_report(run)).addresses) == before


def test_damaged_pieces_are_passed_over(make_views_run):
    run = make_views_run()
    metrics = json.loads((run / "metrics.json").read_text())
    metrics |= {"per_view": [3, {"name": None}, {"name": ""}, {"name": "only", "psnr": "high"}], "psnr": None}
    (run / "metrics.json").write_text(json.dumps(metrics))
    (run / "outputs/truth/test-r_0.png").write_bytes(b"torn")
    (run / "outputs/video.mp4").write_bytes(b"")
    text = Reader(write_report(run)).text
    assert "outputs/video.mp4 is empty" in text
    assert "PSNR is not on record" in text


@pytest.mark.parametrize(
    ("count", "titles"),
    [
        (0, []),
        (1, ["The only view"]),
        (2, ["Best view", "Worst view"]),
        (3, ["Best view", "Median view", "Worst view"]),
    ],
)
def test_few_views(make_views_run, count, titles):
    run = make_views_run(names=tuple(f"r_{index}" for index in range(count)))
    write_report(run)
    assert [title for title, _ in chosen_views(seen_views(read_record(run)))] == titles


def test_many_views_are_folded_away(make_views_run):
    reader = Reader(write_report(make_views_run(names=tuple(f"r_{index}" for index in range(20)), size=8)))
    assert "All 20 views" in reader.text
    assert "On 20 held-out views" in reader.text


def test_runs_stand_side_by_side(make_views_run, make_run, tmp_path: pathlib.Path):
    first, second = make_views_run("one"), make_views_run("two", depths=False, baseline=False)
    reader = Reader(write_comparison([first, second], tmp_path / "both.html"))
    for wanted in ("PSNR, plain MLP", "Depth error", "View test/r_2.png", "Each view", "Held-out view", "Truth"):
        assert wanted in reader.text, wanted
    # The truth and the median view of both runs.
    assert len(reader.addresses) == 3
    assert "has no reconstruction" not in reader.text
    mixed = Reader(write_comparison([make_run(), first], tmp_path / "mixed.html"))
    assert mixed.text.count("What the figures mean") == 2
    half = make_views_run("half", finished=False)
    told = Reader(write_comparison([half, first], tmp_path / "half.html")).text
    assert "half has no reconstruction in outputs/." in told


def test_info(make_views_run, capsys):
    assert main(["info", str(make_views_run())]) == 0
    told = capsys.readouterr().out
    for wanted in (
        "views: scenes/ball (20 views to train on, 4 held out, 64 x 64)", "hash -> mlp, seed 7", "step 2000",
        "along the depth of the views", "depth error", "0.0123", "rays 12,345",
        "test/r_0.png (36.00 dB)", "test/r_3.png (30.00 dB)", "SSIM",
    ):  # fmt: skip
        assert wanted in told, wanted
    assert main(["info", str(make_views_run("half", finished=False, baseline=False, depths=False))]) == 0
    assert "has not finished" in capsys.readouterr().out
    none = make_views_run("none", names=(), change=lambda metrics: metrics.update(bands=None, baseline=None))
    assert main(["info", str(none)]) == 0
    assert "0 held out" in capsys.readouterr().out
