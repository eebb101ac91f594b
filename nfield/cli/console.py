"""Figures of a run as plain text."""

from typing import Any


def number(value: float | None, form: str, missing: str = "-") -> str:
    """A figure as text; `missing` where there is none."""
    return missing if value is None else ("no", "yes")[value] if isinstance(value, bool) else format(value, form)


IMAGE_ROWS = (
    ("PSNR (dB)", "psnr", ".2f"),
    ("PSNR held out (dB)", "psnr_heldout", ".2f"),
    ("PSNR outside mask (dB)", "psnr_outside_mask", ".2f"),
    ("SSIM", "ssim", ".4f"),
)
SURFACE_ROWS = (
    ("fit of the points (dB)", "fit_db", ".1f"),
    ("Chamfer / diagonal", "chamfer", ".6f"),
    ("Hausdorff / diagonal", "hausdorff", ".5f"),
    ("F-score", "fscore", ".4f"),
    ("normal consistency", "normal_consistency", ".4f"),
    ("vertices", "vertices", ",d"),
    ("faces", "faces", ",d"),
    ("watertight", "watertight", ""),
)
COMMON_ROWS = (
    ("order (1: low first)", "order_spearman", ".2f"),
    ("parameters", "parameters", ",d"),
    ("steps", "steps", ",d"),
    ("seconds of training", "seconds_fit", ".1f"),
    ("diagnostics share", "diagnostics_share", ".1%"),
)
"""Title, key and form of the figures shown."""


def _bands(runs: list[tuple[str, dict[str, Any]]], key: str) -> list[str]:
    """The bands under `key` of each run, one to a line."""
    bands = runs[0][1][key]
    unit = bands[0]["unit"] if bands else ""
    head = f"{unit:>19} {'energy':>8}" + "".join(f" {name:>12} {'< 10 % from':>12}" for name, _ in runs)
    lines = [head, "-" * len(head)]
    for index, band in enumerate(bands):
        row = f"{band['low']:8.4g} - {band['high']:8.4g} {100 * band['energy']:7.2f}%"
        for _, run in runs:
            own = run[key][index] if run.get(key) else {}
            error, step = own.get("relative_error"), own.get("step_below_threshold")
            row += f" {100 * error:11.2f}%" if error is not None else f" {'-':>12}"
            row += f" {'never' if step is None else f'step {step:.0f}':>12}"
        lines.append(row)
    return lines


def band_table(metrics: dict[str, Any]) -> str:
    """Band errors and figures of the field, of the baseline and of Poisson's surface where there are these."""
    baseline = metrics.get("baseline")
    runs = [("field", metrics)] + ([("plain MLP", baseline)] if baseline else [])
    lines = _bands(runs, "bands")
    if metrics.get("profile_bands"):
        lines += ["", "along profiles of the surface", *_bands(runs, "profile_bands")]
    if metrics.get("bands_against"):
        lines += ["", f"bands are measured against {metrics['bands_against']}"]
    lines.append("")
    if metrics.get("poisson"):
        runs.append(("Poisson", metrics["poisson"]))
    rows = (*(SURFACE_ROWS if metrics.get("task") == "mesh" else IMAGE_ROWS), *COMMON_ROWS)
    lines.append(f"{'':24}" + "".join(f" {name:>12}" for name, _ in runs))
    for title, key, form in rows:
        if metrics.get(key) is not None or (key in metrics and metrics.get("task") != "mesh"):
            lines.append(f"{title:24}" + "".join(f" {number(run.get(key), form):>12}" for _, run in runs))
    reasons = [f"{key}: {why}" for _, run in runs for key, why in (run.get("why") or {}).items()]
    return "\n".join(lines + [""] * bool(reasons) + reasons) + "\n"
