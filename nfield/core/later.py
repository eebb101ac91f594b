"""Names that are imported on first use, so that listing them costs nothing."""

import ast
import importlib
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
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


def exports(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package's face: what it imports for types alone is imported on first use.

    `file` is the `__init__.py`; its block `if TYPE_CHECKING:` is the one list of names, for tools and here.
    """
    homes: dict[str, tuple[str, str]] = {}
    for node in ast.parse(Path(file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for one in node.body:
                if isinstance(one, ast.ImportFrom) and one.module:
                    homes |= {alias.asname or alias.name: (one.module, alias.name) for alias in one.names}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        module, own = homes[name]
        if module == package:
            return importlib.import_module(f"{package}.{own}")
        return getattr(importlib.import_module(module), own)

    return get, lambda: sorted(homes)
