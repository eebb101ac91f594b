"""Packages that may be missing. Oracle: an import that is made to fail."""

import sys

import pytest

from nfield.core import libraries
from nfield.core.checks import UserError
from nfield.lab.order.order_highdim import digits


@pytest.mark.parametrize(
    ("load", "module", "package"),
    [
        (libraries.open3d, "open3d", "open3d"),
        (libraries.pymeshlab, "pymeshlab", "pymeshlab"),
        (libraries.sklearn_datasets, "sklearn.datasets", "scikit-learn"),
    ],
)
def test_a_missing_package_is_told_with_the_command_that_installs_it(monkeypatch, load, module: str, package: str):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        UserError, match=f"needs the package {package}, .* Install it: pip install {package}\\."
    ) as caught:
        load.__wrapped__()
    assert "\n" not in str(caught.value)


def test_the_digits_are_asked_for_by_the_experiment_that_needs_them(monkeypatch):
    libraries.sklearn_datasets.cache_clear()
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(UserError, match="pip install scikit-learn"):
        digits(10)
    monkeypatch.undo()
    pictures, labels = digits(10)
    assert (pictures.shape, labels.shape) == ((10, 64), (10, 10))
