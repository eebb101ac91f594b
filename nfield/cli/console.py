"""Figures of a run as plain text."""

from typing import Any

from nfield.jobs.job import Job


def printable(text: str) -> str:
    """Text of a stranger's file without the characters that steer a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def number(value: float | None, form: str, missing: str = "-") -> str:
    """A figure as text; `missing` where there is none."""
    return missing if value is None else ("no", "yes")[value] if isinstance(value, bool) else format(value, form)


COMMON_ROWS = (
    ("order (1: low first)", "order_spearman", ".2f"),
    ("parameters", "parameters", ",d"),
    ("steps", "steps", ",d"),
    ("seconds of training", "seconds_fit", ".1f"),
    ("diagnostics share", "diagnostics_share", ".1%"),
)
"""Title, key and form of the figures shown."""

OTHER_BANDS = (("profile_bands", "along profiles of the surface"), ("depth_bands", "along the depth of the views"))
"""Further bands, with what they are of."""


def _bands(runs: list[tuple[str, dict[str, Any]]], key: str) -> list[str]:
    """The bands under `key` of each run, one to a line."""
    bands = runs[0][1].get(key) or []
    unit = bands[0]["unit"] if bands else ""
    head = f"{unit:>19} {'energy':>8}" + "".join(f" {name:>12} {'< 10 % from':>12}" for name, _ in runs)
    lines = [head, "-" * len(head)]
    for index, band in enumerate(bands):
        energy = band["energy"]
        share = "-" if energy is None else f"{100 * energy:.2f}%"
        row = f"{band['low']:8.4g} - {band['high']:8.4g} {share:>8}"
        for _, run in runs:
            own = run[key][index] if index < len(run.get(key) or []) else {}
            error, step = own.get("relative_error"), own.get("step_below_threshold")
            row += f" {100 * error:11.2f}%" if error is not None else f" {'-':>12}"
            row += f" {'never' if step is None else f'step {step:.0f}':>12}"
        lines.append(row)
    return lines


def band_table(metrics: dict[str, Any], job: Job) -> str:
    """Band errors and figures of the field, of the baseline and of Poisson's surface where there are these."""
    baseline = metrics.get("baseline")
    runs = [("field", metrics)] + ([("plain MLP", baseline)] if baseline else [])
    lines = _bands(runs, "bands")
    for key, told in OTHER_BANDS:
        if metrics.get(key):
            lines += ["", told, *_bands(runs, key)]
    if metrics.get("bands_against"):
        lines += ["", f"bands are measured against {metrics['bands_against']}"]
    lines.append("")
    if metrics.get("poisson"):
        runs.append(("Poisson", metrics["poisson"]))
    rows = (*job.rows, *COMMON_ROWS)
    lines.append(f"{'':24}" + "".join(f" {name:>12}" for name, _ in runs))
    for title, key, form in rows:
        if any(run.get(key) is not None for _, run in runs):
            lines.append(f"{title:24}" + "".join(f" {number(run.get(key), form):>12}" for _, run in runs))
    reasons = [f"{key}: {why}" for _, run in runs for key, why in (run.get("why") or {}).items()]
    return "\n".join(lines + [""] * bool(reasons) + reasons) + "\n"
