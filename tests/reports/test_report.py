"""The report: complete, escaped, self-contained, patient with what is missing, and the same twice."""

import json
import pathlib
import re
import shutil

import pytest
from page_reader import Reader
from PIL import Image

from nfield.core.checks import UserError
from nfield.jobs.comparison import write_comparison
from nfield.jobs.page import write_report
from nfield.reports.markup import POLICY, Markup, element
from nfield.reports.record import read_record

HOSTILE = "<script>alert('x')</script>&\"quote\".png"


def assert_self_contained(reader: Reader) -> None:
    assert reader.addresses
    assert all(address.startswith("data:image/") for address in reader.addresses)
    assert reader.policy == POLICY
    assert reader.scripts == 1
    assert len(set(reader.identifiers)) == len(reader.identifiers)


def test_finished_run_is_told_completely(make_run):
    run = make_run()
    page = write_report(run)
    assert page == run / "report.html"
    reader = Reader(page)
    assert_self_contained(reader)
    for wanted in (
        "the field has learned all 5 frequency bands, up to 32 cycles/side",
        "Error of the plain MLP", "From coarse to fine", "16–32", "Nyquist 32", "recipe.encoding.name", "hash-grid",
        "123,456", "plain MLP 98,765", "What the figures mean", "0.987", "2.1 %", "never",
    ):  # fmt: skip
        assert wanted in reader.text, wanted
    # 3 pictures, 2 errors, 8 moments of field and baseline; pictures under 64 pixels have no detail.
    assert len(reader.addresses) == 3 + 2 + 2 * 8
    for missing in ("not in outputs", "no snapshots", "on record", "has not finished"):
        assert missing not in reader.text, missing
    assert page.stat().st_size < 8_000_000
    assert sorted(path.name for path in run.iterdir()) == sorted(
        ["config.json", "history.jsonl", "metrics.json", "outputs", "report.html"]
    )


def test_style_and_script_ask_for_nothing_outside(make_run):
    content = write_report(make_run()).read_text(encoding="utf-8")
    outside = re.sub(r"data:image/\w+;base64,[\w+/=]+", "", content)
    assert "http" not in outside.replace("http-equiv", "")
    assert "@import" not in outside
    assert "//" not in re.sub(r"^\s*//.*$", "", outside, flags=re.MULTILINE)


def test_same_folder_gives_same_file(make_run):
    run = make_run()
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first


def test_what_users_name_is_escaped(make_run):
    run = make_run("a & <b>", source=f"somewhere/{HOSTILE}")
    config = json.loads((run / "config.json").read_text())
    config |= {"<img src=x onerror=alert(1)>": "</script><script>alert(2)</script>", "device": "\ud800 cpu"}
    (run / "config.json").write_text(json.dumps(config))
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["bands"][0]["unit"] = metrics["spectrum"]["unit"] = "<b onclick=alert(3)>"
    metrics |= {"psnr": None, "psnr_why": "<svg onload=alert(4)>"}
    (run / "metrics.json").write_text(json.dumps(metrics))
    reader = Reader(write_report(run))
    assert_self_contained(reader)
    for kept in (HOSTILE, "<svg onload=alert(4)>", "<b onclick=alert(3)>", "<img src=x onerror=alert(1)>"):
        assert kept in reader.text


def test_the_baseline_has_a_place_unless_none_was_asked_for(make_run):
    run = make_run(baseline=False)
    missing = "Plain MLP: the picture is not in outputs/."
    assert missing in Reader(write_report(run)).text
    config = json.loads((run / "config.json").read_text())
    config["options"] = config.get("options", {}) | {"baseline": False}
    (run / "config.json").write_text(json.dumps(config))
    text = Reader(write_report(run)).text
    assert missing not in text
    assert "Truth" in text


def test_half_finished_run(make_run):
    run = make_run(finished=False, pictures=False)
    with open(run / "history.jsonl", "a") as file:
        file.write('{"run": "field", "step": 99')
    reader = Reader(write_report(run))
    for wanted in (
        "This run has not finished: the figures are those of its last evaluation, at step 2,000 (20 s).",
        "1 damaged line(s) of history.jsonl were passed over.",
        "the field has learned all 5 frequency bands, up to 32 cycles/side",
        "no pictures in outputs/ yet", "kept no snapshots", "no power spectra on record",
    ):  # fmt: skip
        assert wanted in reader.text, wanted


def test_unfinished_bands_pass_the_threshold_when_the_history_says_so(make_run):
    ended = read_record(make_run("ended", pictures=False))
    stopped = read_record(make_run("stopped", finished=False, pictures=False))
    for finished, unfinished in zip(ended.sides, stopped.sides, strict=True):
        steps = [band.step_below_threshold for band in finished.bands]
        assert steps == [band.step_below_threshold for band in unfinished.bands]
        assert any(step is not None for step in steps)


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ("config.json", "no readable config.json"),
        ("history.jsonl", "no band errors over training on record"),
        ("metrics.json", "This run has not finished"),
        ("outputs/truth.png", "Truth: the picture is not in outputs/"),
        ("outputs/preview.png", "Field: the picture is not in outputs/"),
        ("outputs/baseline.png", "Plain MLP: the picture is not in outputs/"),
        ("outputs/snapshots", "kept no snapshots"),
        ("outputs", "no pictures in outputs/ yet"),
    ],
)
@pytest.mark.parametrize("how", ["removed", "damaged"])
def test_missing_piece_is_told_in_its_place(make_run, gone, told, how):
    run = make_run()
    path = run / gone
    if path.is_dir():
        shutil.rmtree(path)
    elif how == "removed":
        path.unlink()
    else:
        path.write_bytes(b"\x89PNG no picture \xff {[")
    reader = Reader(write_report(run))
    assert told in reader.text
    assert "What the figures mean" in reader.text
    if how == "damaged" and path.suffix == ".json":
        assert f"{path.name} could not be read and was passed over." in reader.text


@pytest.mark.parametrize(
    "content",
    ['{"task": "image"}', '{"task": "image", "bands": 3, "baseline": 7, "spectrum": [1], "psnr": "high"}',
     '{"task": "image", "bands": [null, {"low": "a"}, {}], "spectrum": {"frequency": [1, "b"], "truth": [null, 2]}}',
     '{"task": "image", "psnr": NaN, "bands": [{"low": 1, "high": Infinity, "step_below_threshold": Infinity}]}'],
)  # fmt: skip
def test_figures_of_the_wrong_kind_are_survived(make_run, content):
    run = make_run(baseline=False)
    (run / "metrics.json").write_text(content)
    (run / "config.json").write_text(content)
    assert "What the figures mean" in Reader(write_report(run)).text
    (run / "metrics.json").write_text("[]")
    assert "What the figures mean" in Reader(write_report(run)).text


@pytest.mark.parametrize("content", ["[]", "{}", '{"task": 3}', '{"task": "sound"}', "\x89 no text {["])
def test_a_run_of_no_known_task_is_refused(make_run, tmp_path: pathlib.Path, content):
    """Never shown as a picture, which it may not be; nothing is written."""
    run = make_run(change=lambda metrics: metrics.pop("task"))
    (run / "config.json").write_text(content)
    told = "is a run of task 'sound', which" if "sound" in content else "which this version cannot open"
    for write in (lambda: write_report(run), lambda: write_comparison([make_run("other"), run], tmp_path / "a.html")):
        with pytest.raises(UserError, match=f"run' .*{told}.*It knows: image, surface"):
            write()
    assert not [*tmp_path.rglob("*.html")]
    assert read_record(run).noun == "run"


def test_history_of_the_wrong_kind_is_survived(tmp_path: pathlib.Path):
    lines = ["3", '{"step": "x"}', '{"step": 0, "bands": {"a": 1}, "psnr": "x"}', '{"step": 0, "bands": ["x", 1]}']
    (tmp_path / "history.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "config.json").write_text('{"task": "image"}')
    assert "2 damaged line(s)" in Reader(write_report(tmp_path)).text


def test_single_evaluation_at_the_start(tmp_path: pathlib.Path):
    (tmp_path / "history.jsonl").write_text('{"run":"field","step":0,"seconds":0,"psnr":9.5,"bands":[1.0,0.9]}\n')
    (tmp_path / "config.json").write_text('{"task": "image"}')
    reader = Reader(write_report(tmp_path))
    assert "none of the 2 frequency bands" in reader.text
    assert "PSNR is 9.5 dB" in reader.text


def test_pictures_of_other_sizes_give_no_error_pictures(make_run):
    run = make_run()
    shutil.copy(next((run / "outputs/snapshots").iterdir()), run / "outputs/preview.png")
    assert "No error pictures" in Reader(write_report(run)).text


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_no_run_folder_is_refused(tmp_path: pathlib.Path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"is not a run folder: it holds none of config\.json, history\.jsonl"):
        write_report(tmp_path / name)


def test_elements_escape_text_and_attributes_but_not_markup():
    inner = element("b", "1 < 2")
    assert element("p", inner, " & ", title='"', data_slide=None) == ('<p title="&quot;"><b>1 &lt; 2</b> &amp; </p>')
    assert element("img", src="x", width=1.0) == Markup('<img src="x" width="1">')


def test_large_pictures_get_a_detail_and_many_snapshots_are_thinned(make_run):
    run = make_run()
    for name in ("truth", "preview", "baseline"):
        path = run / f"outputs/{name}.png"
        with Image.open(path) as small:
            small.resize((192, 256)).save(path)
    sample = run / "outputs/truth.png"
    for line in (run / "history.jsonl").read_text().splitlines():
        step = json.loads(line)["step"]
        shutil.copy(sample, run / f"outputs/snapshots/{json.loads(line)['run']}-{step:08d}.png")
    reader = Reader(write_report(run))
    assert "The part with the strongest contrast, enlarged 12 times" in reader.text
    # 3 pictures, 2 errors, 3 details, and 8 of the 24 snapshots of each side, the last among them.
    assert len(reader.addresses) == 3 + 2 + 3 + 2 * 8
    assert "step 2,000" in reader.text


def test_snapshots_without_history_are_shown_by_step(make_run):
    run = make_run(baseline=False)
    (run / "history.jsonl").unlink()
    (run / "outputs/snapshots/field-00000007.png").write_text("torn")
    text = Reader(write_report(run)).text
    assert "step 7 " not in text
    assert "unreadable" in text
