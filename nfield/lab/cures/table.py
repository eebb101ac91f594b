"""One common table of all cures, from the metrics of the experiments that compare them."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from nfield.lab.cures.training import PLAIN
from nfield.reports.markup import Markup, element, section, table
from nfield.reports.numbers import MISSING, count_text


def cures_section(experiments: Sequence[Mapping[str, Any]]) -> Markup | None:
    """For each target of the comparison a table of networks by rows; None where fewer than two experiments have one."""
    compared = [one for one in experiments if _targets(one)]
    if len(compared) < 2:
        return None
    names = list(dict.fromkeys(name for one in compared for name in _targets(one)))
    return section(
        "The cures side by side",
        element(
            "p",
            "All on the same targets with the same steps, each kind with the best of its settings and rates by a "
            "search, the plain network's the longest. Each experiment's plain network is as large as the largest of "
            "its rivals, so it has a row with each. Stages take no such steps: their operations are counted in "
            "steps of that plain network. Medians over seeds; times are steps to a relative error of the band below "
            "the threshold.",
        ),
        *(_table(name, compared) for name in names),
    )


def _targets(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    figures = metrics.get("figures")
    found = figures.get("targets") if isinstance(figures, Mapping) else None
    if not isinstance(found, Mapping):
        return {}
    # An experiment with a comparison of its own has other keys for its targets.
    return {name: one for name, one in found.items() if isinstance(one, Mapping) and "networks" in one}


def _table(name: str, compared: Sequence[Mapping[str, Any]]) -> Markup:
    own = [(one, _targets(one)[name]) for one in compared if name in _targets(one)]
    # Word joiners: a narrow column would break at the dash.
    bands = [f"{low:g}\u2060–\u2060{high:g}" for low, high in own[0][1]["bands"]]
    threshold = own[0][0]["figures"]["threshold"]
    header = [
        "Network",
        "Experiment",
        "Numbers",
        "Error",
        "Error of upper bands",
        "Speed-up (least)",
        *(f"Steps, {b}" for b in bands),
    ]
    rows = [
        [
            network,
            str(one.get("experiment")),
            count_text(row["parameters"]),
            _median(row["relative_l2"]),
            _median(row["final_upper_error"]),
            MISSING if network == PLAIN else f"{_median(row['speed_up'])} ({min(row['speed_up']):.3g})",
            *(_steps(time) for time in row["steps_below_threshold"]),
        ]
        for one, target in own
        for network, row in target["networks"].items()
    ]
    caption = (
        f"The {name}: {own[0][1]['steps']} steps; bands in cycles per side, steps to a band's error of {threshold:g}"
    )
    return table(header, rows, caption=caption)


def _median(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3g}"


def _steps(time: float | None) -> str:
    return "never" if time is None else count_text(time)
