"""`nfield info`: what a run holds, and how far it has come."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import tyro

from nfield.cli.arguments import options_class, parse
from nfield.cli.chosen import open_run
from nfield.cli.console import band_table, number


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes."""

    run: str = ""
    """Run folder, finished or not."""
    json: bool = False
    """Print metrics.json on stdout, and nothing else there."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    kind = options_class("Options", Command, run=Annotated[str, tyro.conf.Positional])
    command = parse(kind, arguments, verb="info", description=__doc__ or "")
    folder = open_run(command.run)
    config, metrics, history = folder.read_config(), folder.read_metrics(), folder.read_history()
    if command.json:
        sys.stdout.write(json.dumps(metrics) + "\n")
        return
    recipe, quality = config["recipe"], config.get("quality_name", "psnr")
    lines = [
        f"task       {config['task']}: {config['source']} ({_size(config)})",
        f"field      {recipe['encoding']['name']} -> {recipe['backbone']['name']}, seed {config['seed']}",
        f"device     {config['device']}",
        "versions   " + ", ".join(f"{name} {version}" for name, version in config["versions"].items()),
    ]
    for name in ("field", "baseline"):
        own = [line for line in history if line["run"] == name]
        if own:
            told = f"{quality} {number(own[-1][quality], '.2f')} dB"
            lines.append(f"{name:10} step {own[-1]['step']}, {told}, {len(own)} evaluations{_counted(own[-1])}")
    lines += _extremes(metrics or {})
    lines.append("" if metrics else "The run has not finished: continue it with --resume.")
    sys.stdout.write("\n".join(lines) + "\n" + (band_table(metrics) if metrics else ""))


def _counted(line: dict[str, Any]) -> str:
    """What was counted up to that evaluation, such as rays per second."""
    counted = (line.get("numbers") or {}).items()
    return "".join(
        f", {name.replace('_', ' ')} {number(value, ',.0f' if value >= 100 else '.3g')}" for name, value in counted
    )


def _extremes(metrics: dict[str, Any]) -> list[str]:
    """The best and the worst of the measured views."""
    views = [view for view in metrics.get("per_view") or [] if view["psnr"] is not None]
    if not views:
        return []
    ends = [choose(views, key=lambda view: view["psnr"]) for choose in (max, min)]
    best, worst = (f"{view['name']} ({view['psnr']:.2f} dB)" for view in ends)
    return [f"views      best {best}, worst {worst}"]


def _size(config: dict[str, Any]) -> str:
    """What kind of data the run is about."""
    if "image" in config:
        image = config["image"]
        alpha = " with alpha" if image["alpha"] else ""
        return f"{image['width']} x {image['height']} {image['colour']}{alpha}, {image['dtype']}"
    if "views" in config:
        views = config["views"]
        size = f"{views['width']} x {views['height']}"
        return f"{views['train']} views to train on, {views['test']} held out, {size}"
    if "coordinates" in config:
        return ", ".join(f"{name} from {low:g} to {high:g}" for name, (low, high) in config["coordinates"].items())
    return (
        f"points within {config['frame']['scale']:.6g} units, {config['spacing'] * config['frame']['scale']:.3g} apart"
    )
