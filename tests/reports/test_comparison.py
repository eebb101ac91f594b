"""The page that compares runs. Oracle: the figures that the synthetic runs were given."""

import html.parser
import json
import pathlib
import re

import pytest

from nfield.core.checks import UserError
from nfield.jobs.comparison import write_comparison


class Cells(html.parser.HTMLParser):
    """Tables as lists of rows of texts, and the addresses of pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.inside = False
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
            self.inside = True
        self.addresses += [value for key, value in attrs if key in ("src", "href")]

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("th", "td")

    def handle_data(self, data):
        if self.inside:
            self.tables[-1][-1][-1] += data


def cells(page: pathlib.Path) -> Cells:
    reader = Cells()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader


def test_runs_stand_side_by_side(make_run, tmp_path: pathlib.Path):
    fast = make_run("fast", change=lambda m: m.update(psnr=41.26))
    slow = make_run(
        "slow", baseline=False, field_rates=[1, 0.01, 0.01, 0.01, None], change=lambda m: m.update(psnr=20.0)
    )
    page = write_comparison([fast, slow], tmp_path / "both.html")
    found = cells(page)
    figures, bands = found.tables
    by_title = {row[0]: row[1:] for row in figures}
    assert figures[0] == ["", "fast", "slow"]
    assert by_title["PSNR"] == ["41.3 dB", "20.0 dB"]
    assert by_title["PSNR, plain MLP"][1] == "–"
    assert by_title["Bands learned"] == ["5 of 5", "1 of 4"]
    assert by_title["Parameters"] == ["123,456", "123,456"]
    assert by_title["Encoding"] == ["hash-grid", "hash-grid"]
    assert bands[0] == ["Band", "fast", "fast: plain MLP", "slow"]
    assert bands[5] == ["16–32 cycles/side", "0.67 %", "98 %", "no energy"]
    assert len(found.addresses) == 3  # one truth, two reconstructions
    assert all(address.startswith("data:image/") for address in found.addresses)
    text = page.read_text(encoding="utf-8")
    assert "PSNR reaches from 20.0 dB (slow) to 41.3 dB (fast)." in text
    assert len(re.findall(r"<polyline", text)) == 3


def test_same_runs_give_the_same_page(make_run, tmp_path: pathlib.Path):
    runs = [make_run("a"), make_run("b")]
    first = write_comparison(runs, tmp_path / "1.html").read_bytes()
    assert write_comparison(runs, tmp_path / "2.html").read_bytes() == first


def test_names_are_told_apart_and_escaped(make_run, tmp_path: pathlib.Path):
    runs = [make_run("one/<i>run", pictures=False), make_run("two/<i>run", pictures=False)]
    page = write_comparison(runs, tmp_path / "page.html")
    assert cells(page).tables[0][0] == ["", "one/<i>run", "two/<i>run"]
    assert "<i>" not in page.read_text(encoding="utf-8")


def test_unlike_and_unfinished_runs_are_told(make_run, tmp_path: pathlib.Path):
    half = make_run("half", finished=False, pictures=False, source="other.png")
    other = make_run("pde", pictures=False, baseline=False)
    lines = [{"run": "field", "step": step, "relative_l2": 1 / (step + 1), "bands": []} for step in range(4)]
    (other / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (other / "metrics.json").write_text('{"task": "pde", "relative_l2": 0.25, "bands": [{"low": 1, "high": 3}]}')
    page = write_comparison([half, other], tmp_path / "page.html")
    text = page.read_text(encoding="utf-8")
    assert "half has not finished" in text
    assert "These runs fit different sources: other.png, stripes.png." in text
    assert "half has no reconstruction in outputs/." in text
    by_title = {row[0]: row[1:] for row in cells(page).tables[0]}
    assert by_title["Relative L2 error"] == ["–", "0.25"]
    assert "1–3" in {row[0] for row in cells(page).tables[1]}


def test_runs_without_anything_to_compare(tmp_path: pathlib.Path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/metrics.json").write_text('{"task": "image"}')
    text = write_comparison([tmp_path / "run"], tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Comparison of 1 run<" in text
    assert "None of the runs has band errors" in text
    assert "None of the runs has a quality over time" in text


def test_bad_requests_are_refused(make_run, tmp_path: pathlib.Path):
    with pytest.raises(UserError, match="No run folder was named"):
        write_comparison([], tmp_path / "page.html")
    with pytest.raises(UserError, match=r"is a folder\. Name a file for the page"):
        write_comparison([make_run()], tmp_path)
    with pytest.raises(UserError, match="is not a run folder"):
        write_comparison([tmp_path / "missing"], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
