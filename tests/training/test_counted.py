"""Items that are told to a progress display as they are used."""

import pytest

from nfield.training.progress import counted


class Told:
    def __init__(self) -> None:
        self.lines: list[object] = []

    def start(self, run: str) -> None:
        self.lines.append(run)

    def update(self, *, step: int, fraction: float, loss: float | None, quality: str | None) -> None:
        self.lines.append((step, fraction))

    def warn(self, text: str) -> None:
        raise AssertionError(text)

    def info(self, text: str) -> None:
        raise AssertionError(text)

    def finish(self) -> None:
        self.lines.append("end")


def test_items_come_through_and_are_told() -> None:
    told = Told()
    assert list(counted("abcd", 4, "reading", told)) == list("abcd")
    assert told.lines == ["reading", (1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0), "end"]
    assert list(counted("ab", 2, "reading", None)) == ["a", "b"]


def test_the_display_ends_with_an_error_too() -> None:
    told = Told()
    with pytest.raises(ZeroDivisionError):
        list(counted((1 / item for item in (1, 0)), 2, "dividing", told))
    assert told.lines[-1] == "end"
