"""The plain words, case by case. Oracle: the sentences that the synthetic figures call for, written by hand."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from nfield.reports.numbers import count_text, percent_text, quality_text, seconds_text
from nfield.reports.record import read_record
from nfield.reports.summary import plain_words

FAST = [4.0, 2.0, 1.0, 0.5, 0.25]
SLOW = [0.5, 0.2, 0.02, 0.004, 0.0008]
NEVER = [0.001] * 5


def set_to(**figures: Any) -> Callable[[dict[str, Any]], None]:
    """A change of metrics.json; names that begin with `baseline_` go to the baseline."""

    def change(metrics: dict[str, Any]) -> None:
        for key, value in figures.items():
            target = metrics["baseline"] if key.startswith("baseline_") else metrics
            target[key.removeprefix("baseline_")] = value

    return change


BANDS = [
    (
        FAST, SLOW,
        "After 20 s the field has learned all 5 frequency bands, up to 32 cycles/side, to within 10 %; "
        "the plain MLP, in the same time, only the lowest 2 (below 4 cycles/side).",
    ),
    (
        FAST, FAST,
        "After 20 s the field has learned all 5 frequency bands, up to 32 cycles/side, to within 10 %; "
        "so has the plain MLP, in the same time.",
    ),
    (
        FAST, NEVER,
        "After 20 s the field has learned all 5 frequency bands, up to 32 cycles/side, to within 10 %; "
        "the plain MLP, in the same time, none of them.",
    ),
    (
        NEVER, NEVER,
        "After 20 s the field has learned none of the 5 frequency bands to within 10 %; "
        "the plain MLP, in the same time, has not either.",
    ),
    (
        [1, 1, 1, 0.01, 0.01], [1, 0.01, 0.01, 0.01, 0.01],
        "After 20 s the field has learned only the lowest 3 of the 5 frequency bands (below 8 cycles/side) "
        "to within 10 %; the plain MLP, in the same time, only the lowest (below 2 cycles/side).",
    ),
    (
        [0.01, 1, 0.01, 1, 1], [0.01, 0.01, 1, 0.01, 0.01],
        "After 20 s the field has learned 3 of the 5 frequency bands (2–4, 8–16, 16–32 cycles/side) "
        "to within 10 %; the plain MLP, in the same time, 1 of the 5 (4–8 cycles/side).",
    ),
    (
        [None, 1, None, None, None], [None, 0.01, None, None, None],
        "After 20 s the field has learned the one frequency band that carries energy, up to 4 cycles/side, "
        "to within 10 %; the plain MLP, in the same time, has not.",
    ),
    (
        [None] * 5, [None] * 5,
        "No frequency band of the picture carries energy (apart from its mean it is constant), "
        "so there is no order of learning to show.",
    ),
]  # fmt: skip


def test_an_error_outside_all_bands_is_told(make_run):
    """Such as a solution that is off by a constant: no band has it."""
    change = set_to(baseline_relative_l2=1.36)
    record = read_record(make_run(field_rates=FAST, baseline_rates=FAST, change=change, pictures=False), "picture")
    assert plain_words(record)[1] == (
        "Yet the whole error of the plain MLP is 136 % of the picture: nearly all of it is in frequencies, or a mean, "
        "that the picture has not."
    )
    assert len(plain_words(record)) == 3


@pytest.mark.parametrize(("field", "baseline", "sentence"), BANDS)
def test_sentence_about_bands(make_run, field, baseline, sentence):
    run = make_run(field_rates=field, baseline_rates=baseline, pictures=False)
    assert plain_words(read_record(run, "picture"))[0] == sentence


@pytest.mark.parametrize("completed", [True, False])
def test_what_the_network_came_to_by_itself_is_told(make_run, completed):
    run = make_run(pictures=False)
    config = json.loads((run / "config.json").read_text())
    config["recipe"]["correction"] = {"resolution": [32, 24], "first": [-1, -1], "last": [1, 1]}
    (run / "config.json").write_text(json.dumps(config))
    lines = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    last = next(line for line in reversed(lines) if line["run"] == "field")
    if completed:
        lines.insert(lines.index(last), last | {"psnr": 31.25})
    (run / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    told = "The network by itself came to PSNR 31.2 dB; what it missed at the training pixels was then interpolated."
    assert (told in plain_words(read_record(run))) == completed
    assert len(plain_words(read_record(run))) == 2 + completed


QUALITY = [
    (
        set_to(psnr=44.13, baseline_psnr=19.94, baseline_order_spearman=0.97),
        "PSNR is 44.1 dB against 19.9 dB for the plain MLP, which learned low frequencies before high ones "
        "(order statistic 0.97).",
    ),
    (
        set_to(psnr=44.13, baseline_psnr=19.94, baseline_order_spearman=0.6),
        "PSNR is 44.1 dB against 19.9 dB for the plain MLP, which mostly learned low frequencies before high ones "
        "(order statistic 0.60).",
    ),
    (
        set_to(psnr=44.13, baseline_psnr=19.94, baseline_order_spearman=0.1),
        "PSNR is 44.1 dB against 19.9 dB for the plain MLP, which learned its bands in no clear order of frequency "
        "(order statistic 0.10).",
    ),
    (
        set_to(psnr=44.13, baseline_psnr=19.94, baseline_order_spearman=-0.7),
        "PSNR is 44.1 dB against 19.9 dB for the plain MLP, which learned high frequencies before low ones "
        "(order statistic −0.70).",
    ),
    (
        set_to(psnr=44.13, baseline_psnr=19.94, baseline_order_spearman=None, baseline_why="no band was learned."),
        "PSNR is 44.1 dB against 19.9 dB for the plain MLP; the order in which the plain MLP learned its bands "
        "is not ranked (no band was learned).",
    ),
    (
        set_to(psnr=None, why={"psnr": "the reconstruction is exact"}, baseline_order_spearman=0.97),
        "PSNR has no value (the reconstruction is exact); the plain MLP learned low frequencies before high "
        "ones (order statistic 0.97).",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), QUALITY)
def test_sentence_about_quality(make_run, change, sentence):
    assert plain_words(read_record(make_run(change=change, pictures=False)))[1] == sentence


@pytest.mark.parametrize("where", ["null", "dict"])
def test_without_baseline_its_reason_is_told(make_run, where):
    def change(metrics: dict[str, Any]) -> None:
        metrics["psnr"] = 44.13
        metrics["baseline"] = None if where == "null" else {"why": "left out by --no-baseline"}
        metrics["baseline_why"] = "left out by --no-baseline" if where == "null" else None

    words = plain_words(read_record(make_run(baseline=False, change=change, pictures=False)))
    assert words == [
        "After 20 s the field has learned all 5 frequency bands, up to 32 cycles/side, to within 10 %.",
        "PSNR is 44.1 dB; the field learned low frequencies before high ones (order statistic 0.97). "
        "There is no plain MLP beside it (left out by --no-baseline).",
    ]


def test_different_times_are_told(make_run):
    run = make_run(change=set_to(baseline_seconds_fit=5.0), pictures=False)
    assert "; the plain MLP, after 5 s, only the lowest" in plain_words(read_record(run, "picture"))[0]


def test_threshold_of_the_run_is_used(make_run):
    run = make_run(change=set_to(band_threshold=0.002), pictures=False)
    # exp(-0.25 * 20) is 0.0067: the highest band has passed 10 % but not 0.2 %.
    assert (
        "only the lowest 4 of the 5 frequency bands (below 16 cycles/side) to within 0.2 %"
        in (plain_words(read_record(run, "picture"))[0])
    )


def test_bands_beyond_nyquist_are_told_so(make_run):
    run = make_run(change=set_to(nyquist=16.0), pictures=False)
    assert (
        "all 5 frequency bands, up to Nyquist (16 cycles/side) and beyond, to within 10 %"
        in (plain_words(read_record(run, "picture"))[0])
    )


def test_no_bands_on_record(tmp_path: pathlib.Path):
    (tmp_path / "metrics.json").write_text('{"psnr": 30.0}')
    assert plain_words(read_record(tmp_path)) == [
        "No band errors are on record for this run, so it cannot be said which frequencies were learned.",
        "PSNR is 30.0 dB; the order in which the field learned its bands is not ranked. "
        "There is no plain MLP beside it.",
    ]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (percent_text(0.1), "10 %"),
        (percent_text(0.0123), "1.2 %"),
        (percent_text(0.99), "99 %"),
        (percent_text(0.0), "0 %"),
        (percent_text(1e-9), "< 0.01 %"),
        (percent_text(None), "–"),
        (seconds_text(0.0), "0 s"),
        (seconds_text(0.215), "0.21 s"),
        (seconds_text(14.3), "14 s"),
        (seconds_text(59.6), "60 s"),
        (seconds_text(1200.0), "20 min"),
        (seconds_text(9000.0), "2.5 h"),
        (seconds_text(1e-5), "< 1 ms"),
        (count_text(1234567.0), "1,234,567"),
        (quality_text("psnr", -3.21), "−3.2 dB"),
        (quality_text("relative_l2", 0.5), "0.5"),
        (quality_text("relative_l2", 4.3e-14), "4.30·10⁻¹⁴"),
        (quality_text("of_ones_own", 0.5), "0.500"),
    ],
)
def test_numbers_as_text(shown, expected):
    assert shown == expected
