"""The common table of cures. Oracle: metrics made by hand."""

import re

from nfield.lab.cures.table import cures_section


def metrics(experiment: str, network: str, times: list[float | None], speed_up: list[float]) -> dict[str, object]:
    def row(parameters: int, steps: list[float | None]) -> dict[str, object]:
        return {
            "parameters": parameters,
            "relative_l2": [0.5, 0.25, 0.125],
            "final_upper_error": [0.75],
            "speed_up": speed_up,
            "steps_below_threshold": steps,
        }

    target = {
        "steps": 1500,
        "bands": [[1.0, 2.0], [2.0, 4.0]],
        "networks": {"plain": row(1234, [10, None]), network: row(999, times)},
    }
    return {"experiment": experiment, "figures": {"threshold": 0.2, "targets": {"signal": target}}}


def cells(html: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def test_each_network_has_a_row() -> None:
    found = cures_section([metrics("a", "A", [3, 40.4], [2, 90, 8]), metrics("b", "B", [None, 7], [5])])
    assert found is not None
    assert "1500 steps" in found
    assert "error of 0.2" in found
    header, *rows = cells(found)
    assert header[-2:] == ["Steps, 1\u2060–\u20602", "Steps, 2\u2060–\u20604"]
    assert rows == [
        ["plain", "a", "1,234", "0.25", "0.75", "–", "10", "never"],
        ["A", "a", "999", "0.25", "0.75", "8 (2)", "3", "40"],
        ["plain", "b", "1,234", "0.25", "0.75", "–", "10", "never"],
        ["B", "b", "999", "0.25", "0.75", "5 (5)", "never", "7"],
    ]


def test_one_comparison_needs_no_common_table() -> None:
    assert (
        cures_section([metrics("a", "A", [3, 4], [2]), {"experiment": "other", "figures": {"targets": None}}]) is None
    )
    assert cures_section([{"experiment": "old"}]) is None
    other = {"experiment": "other", "figures": {"targets": {"smooth": {"errors": [1.0]}}}}
    assert cures_section([metrics("a", "A", [3, 4], [2]), other, other]) is None
