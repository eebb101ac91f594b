"""What a run folder says, read with patience: every piece may be missing, torn or of the wrong kind."""

import pathlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, TypeVar

from nfield.core.checks import UserError
from nfield.io.run_folder import NfieldWarning, RunFolder
from nfield.reports.stated import counted, first, mapping, number, numbers, reason

T = TypeVar("T")

DEFAULT_THRESHOLD = 0.1
"""A band counts as learned when its relative error is below this, unless the run states its own."""

OTHER_BANDS = ("profile_bands", "depth_bands")
"""Series of band errors beside the main one: along profiles of a surface, and of the depths of views."""

LINE_KEYS = frozenset({"run", "step", "seconds", "loss", "losses", "bands", *OTHER_BANDS, "learning_rate"})
"""Keys of a history line that are not the task's quality."""


def _edge(frequency: float) -> str:
    """Three figures, that labels of bands fit beside charts, but whole numbers whole."""
    return f"{frequency:.3g}" if frequency < 1000 else f"{frequency:.0f}"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One line of history.jsonl."""

    step: int
    seconds: float | None
    quality: float | None
    bands: list[float | None]
    other_bands: dict[str, list[float | None]] = dataclass_field(default_factory=dict)
    """Errors of the bands of each of `OTHER_BANDS` that was measured."""
    numbers: dict[str, float] = dataclass_field(default_factory=dict)
    """What else was counted, such as rays per second."""


@dataclass(frozen=True, kw_only=True)
class BandFigures:
    """One frequency band with its final figures; edges are None where the run does not state them."""

    index: int
    low: float | None
    high: float | None
    unit: str
    relative_error: float | None
    energy: float | None
    step_below_threshold: int | None

    @property
    def label(self) -> str:
        """Edges as text, such as '4–8', or the band's number where edges are not known."""
        if self.low is None or self.high is None:
            return f"band {self.index + 1}"
        return f"{_edge(self.low)}–{_edge(self.high)}"


@dataclass(frozen=True, kw_only=True)
class Side:
    """The field's or the baseline's figures and history."""

    name: str
    metrics: dict[str, Any]
    history: list[Evaluation]
    bands: list[BandFigures]
    quality: float | None

    @property
    def title(self) -> str:
        """The name at the beginning of a line."""
        return f"{self.name[0].upper()}{self.name[1:]}"

    def number(self, key: str) -> float | None:
        """A figure of metrics.json, None where it is missing."""
        return number(self.metrics.get(key))

    def why(self, key: str) -> str | None:
        """The stated reason why a figure is null."""
        return reason(self.metrics, key)

    @property
    def seconds(self) -> float | None:
        """Training time: from the metrics, or the last evaluation's."""
        return first(self.number("seconds_fit"), self.history[-1].seconds if self.history else None)

    @property
    def steps(self) -> float | None:
        """Training steps: from the metrics, or the last evaluation's."""
        return first(self.number("steps"), self.history[-1].step if self.history else None)


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Everything that a page shows of one run, apart from pictures."""

    folder: pathlib.Path
    finished: bool
    config: dict[str, Any]
    quality_name: str
    threshold: float
    field: Side
    baseline: Side | None
    baseline_why: str | None
    notes: list[str]
    noun: str = "run"
    """What was to be learned, in one word."""

    @property
    def task(self) -> str | None:
        """The run's job, as far as it is stated."""
        stated = self.config.get("task", self.field.metrics.get("task"))
        return stated if isinstance(stated, str) else None

    @property
    def outputs(self) -> pathlib.Path:
        """Folder of the run's pictures and meshes."""
        return self.folder / "outputs"

    @property
    def source(self) -> str:
        """The fitted file's name, or the run folder's."""
        source = self.config.get("source")
        return pathlib.PurePath(source).name if isinstance(source, str) and source else self.folder.resolve().name

    @property
    def alone(self) -> bool:
        """Whether no baseline was asked for."""
        return self.options.get("baseline") is False

    @property
    def options(self) -> dict[str, Any]:
        """The run's options, as far as config.json states them."""
        return mapping(self.config.get("options"))

    @property
    def recipe(self) -> dict[str, Any]:
        """The network and its training, as far as config.json states them."""
        return mapping(self.config.get("recipe"))

    @property
    def sides(self) -> list[Side]:
        """The field, and the baseline where there is one."""
        return [self.field] if self.baseline is None else [self.field, self.baseline]


def read_record(folder: pathlib.Path, noun: str = "run") -> RunRecord:
    """Read a run folder, finished or not; `noun` is what was to be learned, in one word.

    Raises `UserError` where the folder is missing or holds no config.json, history.jsonl or metrics.json.
    """
    known = ("config.json", "history.jsonl", "metrics.json")
    if not folder.is_dir() or not any((folder / name).is_file() for name in known):
        raise UserError(
            f"'{folder}' is not a run folder: it holds none of {', '.join(known)}. Name the folder of a run."
        )
    notes: list[str] = []
    run = RunFolder(folder)
    config: dict[str, Any] = {}
    if run.holds_run:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always", NfieldWarning)
            config = _patiently(run.read_config, "config.json", notes) or {}
        notes += [str(one.message) for one in heard]
    final = _patiently(run.read_metrics, "metrics.json", notes)
    metrics = final or {}
    lines = _lines(run, notes)
    quality_name = _quality_name(config, metrics, lines)
    threshold = number(metrics.get("band_threshold")) or DEFAULT_THRESHOLD
    field_lines = [line for line in lines if line.get("run", "field") == "field"]
    field = _side("field", metrics, field_lines, quality_name, config.get("bands"), threshold)
    baseline_lines = [line for line in lines if line.get("run") == "baseline"]
    of_baseline = mapping(metrics.get("baseline"))
    baseline = None
    # A dict that holds nothing but its reason stands for a baseline that was left out.
    if baseline_lines or set(of_baseline) - {"why"}:
        baseline = _side("plain MLP", of_baseline, baseline_lines, quality_name, field.bands, threshold)
    return RunRecord(
        folder=folder,
        finished=final is not None,
        config=config,
        quality_name=quality_name,
        threshold=threshold,
        field=field,
        baseline=baseline,
        baseline_why=reason(of_baseline, "baseline") or reason(metrics, "baseline"),
        notes=notes,
        noun=noun,
    )


def _patiently(read: Callable[[], T], name: str, notes: list[str]) -> T | None:
    """What is read, or None with a note where it cannot be."""
    try:
        return read()
    except UserError:
        notes.append(f"{name} could not be read and was passed over.")
        return None


def _lines(run: RunFolder, notes: list[str]) -> list[dict[str, Any]]:
    """Lines of the history that tell a step; others are counted and passed over."""
    read = _patiently(run.read_lines, "history.jsonl", notes)
    found, damaged, torn = ([], [], False) if read is None else read
    lines = [line for line in found if number(line.get("step")) is not None]
    lost = len(damaged) + torn + len(found) - len(lines)
    if lost:
        notes.append(f"{lost} damaged line(s) of history.jsonl were passed over.")
    return lines


def _quality_name(config: dict[str, Any], metrics: dict[str, Any], lines: list[dict[str, Any]]) -> str:
    for stated in (metrics.get("quality_name"), config.get("quality_name")):
        if isinstance(stated, str):
            return stated
    for line in lines:
        for key, value in line.items():
            if key not in LINE_KEYS and number(value) is not None:
                return key
    return "psnr"


def _side(
    name: str,
    metrics: dict[str, Any],
    lines: list[dict[str, Any]],
    quality_name: str,
    edges: Any,
    threshold: float,
) -> Side:
    history = [
        Evaluation(
            step=int(line["step"]),
            seconds=number(line.get("seconds")),
            quality=number(line.get(quality_name)),
            bands=numbers(line.get("bands")),
            other_bands={key: errors for key in OTHER_BANDS if (errors := numbers(line.get(key)))},
            numbers=counted(line.get("numbers")),
        )
        for line in lines
    ]
    latest = history[-1].quality if history else None
    quality = number(metrics[quality_name]) if quality_name in metrics else latest
    return Side(
        name=name,
        metrics=metrics,
        history=history,
        bands=bands_of(metrics.get("bands"), history, edges, threshold),
        quality=quality,
    )


def bands_of(stated: Any, history: list[Evaluation], edges: Any, threshold: float) -> list[BandFigures]:
    """Bands of metrics.json; of an unfinished run, the last evaluation's with edges from elsewhere."""
    if isinstance(stated, list) and stated:
        return [_band(index, band) for index, band in enumerate(stated) if isinstance(band, dict)]
    known: list[Any] = edges if isinstance(edges, list) else []
    bands = []
    for index, error in enumerate(history[-1].bands if history else []):
        edge = known[index] if index < len(known) else {}
        if isinstance(edge, BandFigures):
            edge = {"low": edge.low, "high": edge.high, "unit": edge.unit, "energy": edge.energy}
        known_now = {"relative_error": error, "step_below_threshold": _stays_below(history, index, threshold)}
        bands.append(_band(index, {**mapping(edge), **known_now}))
    return bands


def _stays_below(history: list[Evaluation], index: int, threshold: float) -> int | None:
    step = None
    for line in reversed(history):
        error = line.bands[index] if index < len(line.bands) else None
        if error is None or error >= threshold:
            break
        step = line.step
    return step


def _band(index: int, band: dict[str, Any]) -> BandFigures:
    step = number(band.get("step_below_threshold"))
    return BandFigures(
        index=index,
        low=number(band.get("low")),
        high=number(band.get("high")),
        unit=str(band.get("unit") or ""),
        relative_error=number(band.get("relative_error")),
        energy=number(band.get("energy")),
        step_below_threshold=None if step is None else int(step),
    )
