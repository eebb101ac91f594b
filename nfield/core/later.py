"""Names that are imported on first use, so that listing them costs nothing."""

import importlib
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def named(place: str) -> Any:
    """What stands at "module:name"."""
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


def later(place: str) -> Callable[..., Any]:
    """The function at "module:name", imported when it is first called."""

    def call(*arguments: Any, **options: Any) -> Any:
        return named(place)(*arguments, **options)

    call.__name__ = call.__qualname__ = place.split(":")[1]
    return call


class Table(MutableMapping[str, T], Generic[T]):
    """Members by name. A row is the member itself, or the place "module:name" where it is found when asked for."""

    def __init__(self, rows: Mapping[str, Any]) -> None:
        self._rows = dict(rows)

    def __getitem__(self, name: str) -> T:
        row = self._rows[name]
        if isinstance(row, str):
            row = self._rows[name] = named(row)
        return row

    def __setitem__(self, name: str, member: T) -> None:
        self._rows[name] = member

    def __delitem__(self, name: str) -> None:
        del self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: object) -> bool:
        return name in self._rows


def exports(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package that hands out names of its modules: `homes` maps name to module.

    A name whose home is the module "package.name" itself stands for that module.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        module = importlib.import_module(homes[name])
        return module if homes[name] == f"{package}.{name}" else getattr(module, name)

    return get, lambda: sorted(homes)
