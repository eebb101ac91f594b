"""What a job must provide: one frozen dataclass, which every command reads.

`run` is the `Run` and `side` the `Side` of jobs/run.py. A job names its functions by `core.later.later`, so that a list
of jobs imports none of them.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from nfield.jobs.options import RunOptions

Function = Callable[..., Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tuning:
    """How the learning rate of the plain MLP is chosen: the one that lowers the loss most over a few steps."""

    rates: tuple[float, ...]
    steps: int
    batches: int = 4
    """Batches that the loss is summed over in the end."""
    clip: float = 0.0


def nothing(*_: Any, **__: Any) -> dict[str, Any]:
    """For jobs that have nothing to add."""
    return {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """One kind of thing that fields are fitted to."""

    # Names --------------------------------------------------------------------------------------------

    name: str
    """Of the job's folder, and of the task in config.json."""
    earlier_names: tuple[str, ...] = ()
    """What earlier versions wrote there."""
    verb: str
    """The command."""
    about: str
    """One line for the list of commands."""
    description: str
    """What the command's help says first."""
    noun: str
    """What is learned, in one word."""
    kind: str
    """What a run is of, with its article."""
    quality: str = "psnr"
    """The figure of merit in history.jsonl."""

    # From the command line to data --------------------------------------------------------------------

    options: type[RunOptions]
    source: type
    """Dataclass of what the command takes beside the options of the run."""
    positional: str
    """Its field that stands alone on the command line."""
    open: Function
    """(command, options, progress) -> data; `data.source` names it."""
    given: Callable[[Mapping[str, Any]], dict[str, Any]]
    """config.json of an earlier run -> fields of `source`."""
    finish: Function = nothing
    """(command, result) -> paths to show, by title, after what the command writes beside the run folder."""

    # A run --------------------------------------------------------------------------------------------

    prepare: Function
    """(run) -> what there is to know of the data before anything is built or written."""
    recipe: Function
    """(run) -> Recipe."""
    plain: Function
    """(run) -> Recipe of the plain MLP, whose rate is then tuned."""
    tuning: Tuning
    content: Callable[[Any], Any]
    """(data) -> arrays and texts that a digest is made of: what must not change when a run is continued."""
    entries: Function = nothing
    """(run) -> the job's own entries of config.json."""
    same: tuple[str, ...] = ()
    """Those of them that must not differ when a run is continued."""
    earlier: Callable[[dict[str, Any]], dict[str, Any]] = lambda config: config
    """config.json of an earlier version -> as it would be written now."""
    task: Function
    """(run, name, recipe) -> Task; the name is "field", "baseline", or "tuning" for trials of the plain MLP."""
    build: Function
    """(run, recipe, task) -> module, with weights drawn from the seed; None where it is solved for."""
    settings: Function
    """(run, side) -> TrainingSettings."""
    counts_setup: bool = True
    """Whether a time budget counts from the start of the run, and not of the training."""
    fit: Function | None = None
    """(run, side) -> None, in place of training: sets `side.module` and `side.trained`."""
    series: Function
    """(run) -> list of Series: which errors of bands the run keeps."""
    measure: Function
    """(run, result) -> Measured by the names of the sides."""
    complete: Function = nothing
    """(run, result, metrics) -> further entries of metrics.json, about both sides at once."""

    # Its result ---------------------------------------------------------------------------------------

    result: Function
    """(**fields) -> Result of the job."""
    data: Function = nothing
    """(run) -> the fields that this result has beyond the base's."""
    field: Callable[[Mapping[str, Any], Any], Any] = lambda config, module: module
    """(config, module) -> the field in the user's units."""
    module: Callable[[Any], Any] = lambda field: field
    """The trained module in a field."""
    write_outputs: Function
    """(result, outputs, progress=None, measured=False) -> None; `measured` says that `measure` came before."""
    rebuild: Function
    """(config, name, state, data) -> module with these weights."""
    reopened: Function = nothing
    """(folder, config, trust) -> the fields that the result has beyond the base's, as far as the folder holds them."""

    # Commands on run folders --------------------------------------------------------------------------

    rows: tuple[tuple[str, str, str], ...]
    """Title, key and form of the figures that the console shows."""
    size: Callable[[Mapping[str, Any]], str] = lambda config: ""
    """(config) -> what kind of data the run is of."""
    page: Function
    """(record) -> Contents of the report."""
    comparison: Function
    """() -> Compared: how a page that compares runs shows those of this job."""
    render: Function | str = "has no pictures to render"
    """(command, result) -> path, or why not."""
    export: Function | str = "has no mesh"
    """(command, result) -> path, or why not."""
    own_options: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """Options of `render`, `export` and `report` that only some jobs have, and this one does."""
